/** The page's own engine, off the main thread: one question at a time, in order. */
import {
  type AnyOpened,
  type AnyTask,
  answerAsJson,
  decodeInput,
  findTask,
  operate,
  Shelf,
} from "@tessera-ml/kit";
import { encodeSafetensors, type Module } from "@tessera-ml/nn";
import { profile } from "@tessera-ml/nn/inspect";
import { systems } from "@tessera-ml/tessera/systems";
import { type ClassifierRecord, costOf, ImageClassifier } from "@tessera-ml/vision";
import { DRAWN, type DrawnRecipe, drawnRecipes, learnDrawn } from "@tessera-ml/vision/drawn";
import { imageClassification } from "@tessera-ml/vision/task";
import { infoOf } from "../../answers/info.ts";
import { decodedOnce } from "../../answers/recent.ts";
import { doneEvent, evaluationEvent, stepEvent } from "../../answers/training.ts";
import type {
  ModelAnswer,
  ModelInfo,
  RecipeInfo,
  TaskResult,
  TrainEvent,
  TrainRequest,
} from "../../api/index.ts";

interface Context {
  readonly signal: AbortSignal;
  /** The address of the folder of checkpoints. */
  readonly base: string;
  /** Reports an event before the answer. */
  readonly tell: (event: TrainEvent) => void;
}

/** A file, and an id that stands for it: the last few are decoded once. */
export interface Input {
  readonly id: number;
  readonly file: Blob;
}

/** A checkpoint, and the name of its task. */
interface About {
  readonly task: string;
  readonly model: string;
}

interface AboutInput extends About {
  readonly input: Input;
}

/** A network trained here: its record and its `.safetensors`. */
interface Trained {
  readonly record: ClassifierRecord;
  readonly file: Uint8Array<ArrayBuffer>;
}

const shelf = new Shelf();

const taskOf = ({ task }: Pick<About, "task">) => findTask<AnyTask>(systems, task);

const decode = (about: AboutInput): Promise<unknown> =>
  decodedOnce(about.input.id, () => decodeInput(taskOf(about).accepts, about.input.file));

const open = async (about: About, { signal, base }: Context) =>
  (await shelf.open(taskOf(about), about.model, { signal, base })) as AnyOpened;

const questions = {
  async describe(about: About, context: Context): Promise<Omit<ModelAnswer, "model">> {
    const task = taskOf(about);
    const { module, record } = await open(about, context);
    const { network } = (await task.catalogue()).networks.ofRecord(record);
    const input = task.inputShape?.(network, record) ?? network.input;
    if (!input) return { layers: [], parts: [] };
    const shape = [1, ...input];
    const more = (await task.load()).describe?.(module, shape);
    return { layers: profile(module, shape) as ModelAnswer["layers"], parts: [], ...more };
  },
  async warm(about: About, context: Context) {
    await (await open(about, context)).warmUp?.(1);
  },
  async run(
    about: AboutInput & { readonly options: Readonly<Record<string, unknown>> },
    context: Context,
  ): Promise<TaskResult> {
    const task = taskOf(about);
    const { request } = await task.schemas();
    const options = request.parse(about.options);
    const opened = await open(about, context);
    return await answerAsJson(task, opened, await decode(about), options, { signal: context.signal });
  },
  async operate(
    about: About & { readonly operation: string; readonly input?: Input; readonly request: object },
    context: Context,
  ): Promise<unknown> {
    const task = taskOf(about);
    const schema = (await task.schemas()).operations?.[about.operation];
    const request = schema?.request.parse(about.request) ?? {};
    const input = about.input && (await decode({ ...about, input: about.input }));
    const opened = await open(about, context);
    return await operate(task, about.operation, opened, request, input, { signal: context.signal });
  },
  async recipes(_: object): Promise<RecipeInfo[]> {
    return drawnRecipes.map(recipeInfoOf);
  },
  async train(
    { id, recipe: name, epochs, samples }: TrainRequest & { id: string },
    { signal, tell }: Context,
  ): Promise<Trained & { done: TrainEvent }> {
    const started = performance.now();
    const recipe = drawnRecipes.find((each) => each.name === name);
    if (!recipe) throw new Error(`This page has no recipe “${name}”.`);
    tell({
      type: "start",
      id,
      recipe: name,
      epochs: epochs ?? recipe.epochs,
      ...(samples !== undefined && { samples }),
    });
    const { model, record, figures, passed } = await learnDrawn(recipe, `run_${id}`, {
      epochs,
      samples,
      signal,
      progress: (report) => tell(stepEvent(report)),
      evaluated: ({ epoch, ...figures }) => tell(evaluationEvent({ epoch, figures: { ...figures } })),
    });
    const seconds = (performance.now() - started) / 1000;
    const done = doneEvent({ stopped: signal.aborted, figures, seconds, passed, model: record.name });
    const note = `Trained in this page, run ${id}, on digits it drew`;
    return { record: { ...record, note }, file: await encoded(model), done };
  },
  /** Adds a trained network. Its accuracy on drawn digits does not compare with that on a data set. */
  async keep({ record, file }: Trained): Promise<ModelInfo> {
    const classifier = await ImageClassifier.of(record, file);
    shelf.keep(imageClassification, classifier);
    const cost = costOf(record);
    const info = infoOf(imageClassification, classifier.network, record, cost, { place: "trained" });
    return { ...info, accuracy: undefined, evaluation: undefined };
  },
};

function recipeInfoOf({ name, title, paper, network, epochs, minutes, expected }: DrawnRecipe): RecipeInfo {
  return {
    ...{ name, title, paper, network, epochs, minutes, dataset: DRAWN, data: "here" },
    task: imageClassification.name,
    expected: { metric: "top1", label: "top-1", unit: "%", atLeast: expected },
  };
}

async function encoded(model: Module): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = [...model.stateDict()].map(async ([name, tensor]) => {
    const { dtype, shape } = tensor;
    return { name, dtype, shape, data: await tensor.data() };
  });
  return await encodeSafetensors(await Promise.all(tensors));
}

type Questions = typeof questions;
export type QuestionName = keyof Questions;
export type Question<N extends QuestionName> = Parameters<Questions[N]>[0];
export type Answer<N extends QuestionName> = Awaited<ReturnType<Questions[N]>>;

export type ToWorker =
  | {
      readonly type: "ask";
      readonly id: number;
      readonly name: QuestionName;
      readonly about: Question<QuestionName>;
      readonly base: string;
    }
  | { readonly type: "forget"; readonly id: number };

/** An event before the answer, the answer, or the reason there is none. */
export interface FromWorker {
  readonly id: number;
  readonly event?: TrainEvent;
  readonly answer?: unknown;
  readonly failure?: string;
}

/** Questions without an answer yet. */
const asked = new Map<number, AbortController>();
let last: Promise<void> = Promise.resolve();

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "forget") return asked.get(data.id)?.abort();
  asked.set(data.id, new AbortController());
  last = last.then(() => answer(data));
});

async function answer({ id, name, about, base }: ToWorker & { type: "ask" }): Promise<void> {
  const { signal } = asked.get(id)!;
  const reply = (message: Omit<FromWorker, "id">) => postMessage({ id, ...message } satisfies FromWorker);
  const ask = questions[name] as (about: Question<QuestionName>, context: Context) => Promise<unknown>;
  const context: Context = { signal, base, tell: (event) => reply({ event }) };
  if (signal.aborted) reply({});
  else
    await ask(about, context).then(
      (result) => reply({ answer: result }),
      (error: unknown) => reply({ failure: error instanceof Error ? error.message : String(error) }),
    );
  asked.delete(id);
}
