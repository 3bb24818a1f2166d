/** Which networks are compared, and what they say of the picture. */
import { computed, effect, signal } from "@preact/signals";
import type { Classification } from "@tessera-ml/vision";
import { answer as classification } from "@tessera-ml/vision/schemas";
import type { ModelInfo, TaskInfo } from "../../../api/index.ts";
import type { Engine } from "../../engine/engine.ts";
import { messageOf } from "../../engine/message.ts";
import type { Picture } from "../../media/picture.ts";
import { picture } from "../../media/present.ts";
import { engine, ready } from "../../state.ts";

/** One network's answer to the present picture. */
export interface Answer {
  readonly classification?: Classification;
  readonly failure?: string;
  /** The network is still running; any answer here is to the previous picture. */
  readonly waiting: boolean;
}

/** More do not fit side by side, and each takes memory. */
export const MOST_COMPARED = 4;

/** How many classes an answer names. */
export const TOP = 5;

export const TASK = "image-classification";

/** A checkpoint of this system: the list gives its classes. */
export type ClassifierInfo = ModelInfo & Required<Pick<ModelInfo, "classes">>;

export function isClassifier(model: ModelInfo): model is ClassifierInfo {
  return model.task === TASK && model.classes !== undefined;
}

/** Networks of this system that run here and now. */
export const networks = computed(() => ready.value.filter(isClassifier));

/** What the user picked, and for which kind of picture. */
const picked = signal<{ readonly names: readonly string[]; readonly kind: Picture["kind"] | undefined }>({
  names: [],
  kind: undefined,
});

/** The networks to compare: the user's picks that can read the picture, or else a suggestion. */
export const compared = computed<readonly string[]>(() => {
  const { names, kind } = picked.value;
  const here = names.flatMap((name) => networks.value.find((model) => model.name === name) ?? []);
  const now = picture.value?.kind;
  const fitting =
    now === undefined || now === kind
      ? here
      : here.filter((model) => readsDigits(model) === (now === "digit"));
  if (fitting.length > 0) return fitting.map(({ name }) => name);
  const emptied = kind !== undefined && (now === undefined || now === kind) && names.length === 0;
  return emptied ? [] : suggested(picture.value);
});

export const answers = signal<ReadonlyMap<string, Answer>>(new Map());

export function toggle(name: string): void {
  const now = compared.peek();
  const names = now.includes(name)
    ? now.filter((other) => other !== name)
    : [...now.slice(-(MOST_COMPARED - 1)), name];
  picked.value = { names, kind: picture.peek()?.kind };
}

function readsDigits({ classes }: ClassifierInfo): boolean {
  return classes.kind === "digits";
}

/** Longest side, in pixels, of a picture that suits networks with small inputs. */
const SMALL = 320;

/** Three generations for digits. For photographs, the most accurate network for each number of classes. */
function suggested(about: Picture | undefined): string[] {
  const digit = about === undefined || about.kind === "digit";
  const fit = networks.value.filter((model) => readsDigits(model) === digit && model.place !== "trained");
  if (digit) return fit.slice(0, 3).map(({ name }) => name);
  const best = new Map<number, string>();
  for (const { name, classes } of fit.toSorted((a, b) => (b.accuracy?.top1 ?? 0) - (a.accuracy?.top1 ?? 0)))
    if (!best.has(classes.count)) best.set(classes.count, name);
  const names = [...best].toSorted(([a], [b]) => b - a).map(([, name]) => name);
  return Math.max(about.width, about.height) <= SMALL ? names.toReversed() : names;
}

// Ignore failures: asking the network fails the same way, and shows why.
effect(() => {
  const [by, first] = [engine.value, networks.value.length > 0 ? compared.peek()[0] : undefined];
  if (first !== undefined) by?.warm?.(first).catch(() => {});
});

/** Keeps the answers up to date until the function it returns is called. */
export function answerAlong(task: TaskInfo): () => void {
  return effect(() => {
    const [by, about, names] = [engine.value, picture.value, compared.value];
    if (!by || !about) return undefined;
    const stop = new AbortController();
    void answerAll({ by, about, task }, names, stop.signal);
    return () => stop.abort();
  });
}

interface Question {
  readonly by: Engine;
  readonly about: Picture;
  readonly task: TaskInfo;
}

export async function classify({ by, about, task }: Question, name: string, signal: AbortSignal) {
  const [result] = await by.ask(task, about.blob, { top: TOP }, { models: [name], signal });
  return classification.parse(result);
}

/** The question that `answers` is about. */
let answered: Question | undefined;

async function answerAll(question: Question, names: readonly string[], signal: AbortSignal): Promise<void> {
  const before = answers.peek();
  const same = answered?.by === question.by && answered.about === question.about;
  answered = question;
  // The last answer stays, dimmed, until the next one comes: nothing jumps.
  answers.value = new Map(
    names.map((name) => {
      const last = before.get(name);
      if (last && !last.waiting && same) return [name, last];
      const { failure: _, ...rest } = last ?? {};
      return [name, { ...rest, waiting: true }];
    }),
  );
  for (const name of names) {
    if (!answers.peek().get(name)?.waiting) continue;
    const answer = await classify(question, name, signal).then(
      (found) => ({ classification: found, waiting: false }),
      (error: unknown) => ({ failure: messageOf(error), waiting: false }),
    );
    if (signal.aborted) return;
    answers.value = new Map(answers.peek()).set(name, answer);
  }
}
