/** The page's own engine, off the page's thread: one question at a time, as they come. */
import { Planes } from "@tessera-ml/media";
import { inputShapeOf } from "@tessera-ml/vision";
import * as answers from "../../answers/inspect.ts";
import { openClassifier } from "../../answers/shelf.ts";
import { TOP } from "./engine.ts";

/** Every question names its network and where checkpoints are fetched from. */
interface About {
  readonly model: string;
  readonly base: string;
}

const questions = {
  async describe({ model, base }: About, signal: AbortSignal) {
    const classifier = await openClassifier(model, signal, base);
    return answers.describe(classifier.model, inputShapeOf(classifier.record));
  },
  async warm({ model, base }: About, signal: AbortSignal) {
    const classifier = await openClassifier(model, signal, base);
    const [, channels, height, width] = inputShapeOf(classifier.record);
    await classifier.probabilities([{ planes: new Planes(channels, height, width) }]);
  },
  async classify({ model, base, picture }: About & { picture: Blob }, signal: AbortSignal) {
    const classifier = await openClassifier(model, signal, base);
    const { predictions, ...rest } = await classifier.classify(picture, { top: TOP });
    return { ...rest, predictions: [...predictions] };
  },
  async features(about: About & { picture: Blob; part: string; limit: number }, signal: AbortSignal) {
    return answers.features(await openClassifier(about.model, signal, about.base), about.picture, about);
  },
  async gradcam(
    about: About & { picture: Blob; class: number | undefined; part: string | undefined },
    signal: AbortSignal,
  ) {
    return answers.gradcam(await openClassifier(about.model, signal, about.base), about.picture, about);
  },
  async attention({ model, base, picture }: About & { picture: Blob }, signal: AbortSignal) {
    return answers.attention(await openClassifier(model, signal, base), picture);
  },
  async receptiveField({ model, base, part }: About & { part: string }, signal: AbortSignal) {
    return answers.receptiveField(await openClassifier(model, signal, base), { part });
  },
};

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
    }
  | { readonly type: "forget"; readonly id: number };

export interface FromWorker {
  readonly id: number;
  readonly answer?: unknown;
  readonly failure?: string;
}

/** Asked and not answered yet. */
const open = new Map<number, AbortController>();
let last: Promise<void> = Promise.resolve();

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "forget") return open.get(data.id)?.abort();
  open.set(data.id, new AbortController());
  last = last.then(() => answer(data));
});

async function answer({ id, name, about }: ToWorker & { type: "ask" }): Promise<void> {
  const { signal } = open.get(id)!;
  const ask = questions[name] as (about: Question<QuestionName>, signal: AbortSignal) => Promise<unknown>;
  const reply: FromWorker = signal.aborted
    ? { id }
    : await ask(about, signal).then(
        (result) => ({ id, answer: result }),
        (error: unknown) => ({ id, failure: error instanceof Error ? error.message : String(error) }),
      );
  open.delete(id);
  postMessage(reply);
}
