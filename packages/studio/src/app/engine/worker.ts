/** The page's own engine, off the main thread: one question at a time, in order. */
import { type Image, readImage } from "@tessera-ml/media";
import { encodeSafetensors, type Module } from "@tessera-ml/nn";
import { type ClassifierRecord, ImageClassifier, inputShapeOf, modelInfo } from "@tessera-ml/vision";
import { DRAWN, type DrawnRecipe, drawnRecipes, learnDrawn } from "@tessera-ml/vision/drawn";
import { infoOf } from "../../answers/info.ts";
import * as answers from "../../answers/inspect.ts";
import { openImage } from "../../answers/recent.ts";
import { keepClassifier, openClassifier } from "../../answers/shelf.ts";
import { doneEvent, evaluationEvent, stepEvent } from "../../answers/training.ts";
import {
  classifyRequest,
  type ModelInfo,
  type RecipeInfo,
  type TaskResult,
  type TrainEvent,
  type TrainRequest,
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

interface About {
  /** Its name. */
  readonly model: string;
}

interface AboutPicture extends About {
  readonly input: Input;
}

interface TaskRequest extends AboutPicture {
  readonly task: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A network trained here: its record and its `.safetensors`. */
interface Trained {
  readonly record: ClassifierRecord;
  readonly file: Uint8Array<ArrayBuffer>;
}

const decode = ({ input: { id, file } }: AboutPicture): Promise<Image> =>
  openImage(id, () => readImage(file, { mode: "file" }));

const open = ({ model }: About, { signal, base }: Context) => openClassifier(model, signal, base);

const questions = {
  async describe(about: About, context: Context) {
    const { model, record } = await open(about, context);
    return answers.describe(model, inputShapeOf(record));
  },
  async warm(about: About, context: Context) {
    await (await open(about, context)).warmUp();
  },
  async run(about: TaskRequest, context: Context): Promise<TaskResult> {
    if (about.task !== "image-classification")
      throw new Error(`This page cannot run ${about.task} by itself: start a server with npx tessera serve.`);
    const { top } = classifyRequest.parse(about.options);
    const classifier = await open(about, context);
    return { ...(await classifier.classify(await decode(about), { top })) };
  },
  async features(about: AboutPicture & { part: string; limit: number }, context: Context) {
    return answers.features(await open(about, context), await decode(about), about);
  },
  async gradcam(
    about: AboutPicture & { class: number | undefined; part: string | undefined },
    context: Context,
  ) {
    return answers.gradcam(await open(about, context), await decode(about), about);
  },
  async attention(about: AboutPicture, context: Context) {
    return answers.attention(await open(about, context), await decode(about));
  },
  async receptiveField(about: About & { part: string }, context: Context) {
    return answers.receptiveField(await open(about, context), about);
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
      evaluated: (measured) => tell(evaluationEvent(measured)),
    });
    const seconds = (performance.now() - started) / 1000;
    const done = doneEvent({ stopped: signal.aborted, figures, seconds, passed, model: record.name });
    const note = `Trained in this page, run ${id}, on digits it drew`;
    return { record: { ...record, note }, file: await encoded(model), done };
  },
  /** Adds a trained network. Its accuracy on drawn digits does not compare with that on a data set. */
  async keep({ record, file }: Trained): Promise<ModelInfo> {
    keepClassifier(await ImageClassifier.of(record, file));
    return { ...infoOf(record, modelInfo(record), { place: "trained" }), accuracy: undefined };
  },
};

function recipeInfoOf({ name, title, paper, network, epochs, minutes, expected }: DrawnRecipe): RecipeInfo {
  return {
    ...{ name, title, paper, network, epochs, minutes, dataset: DRAWN, data: "here" },
    expected: { metric: "top1", atLeast: expected },
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
