/** What the page knows: one signal for each thing, and what changes them. */
import { computed, effect, signal } from "@preact/signals";
import type { Classification, ModelInfo } from "../api/index.ts";
import { BrowserEngine } from "./engine/browser.ts";
import type { Engine } from "./engine/engine.ts";
import { messageOf } from "./engine/message.ts";
import { ServerEngine, serverAnswers } from "./engine/server.ts";
import type { Picture } from "./picture/picture.ts";

export type View = "classify" | "inside" | "lineage" | "train";

export interface Route {
  readonly view: View;
  /** What the view shows: a network, a recipe. */
  readonly name: string | undefined;
}

/** One network's answer to the present picture. */
export interface Answer {
  readonly classification?: Classification;
  readonly failure?: string;
  /** The picture has changed, or the network is still at it. */
  readonly waiting: boolean;
}

const VIEWS: readonly View[] = ["classify", "inside", "lineage", "train"];
/** More side by side cannot be compared, and each costs memory. */
export const MOST_COMPARED = 4;

export const route = signal<Route>(routeOf(location.hash));
export const engine = signal<Engine | undefined>(undefined);
export const serverFound = signal(false);
export const models = signal<readonly ModelInfo[]>([]);
export const modelsFailure = signal<string | undefined>(undefined);
export const picture = signal<Picture | undefined>(undefined);
export const chosen = signal<readonly string[]>([]);
export const answers = signal<ReadonlyMap<string, Answer>>(new Map());
/** A message about the picture: what was wrong with a file. */
export const trouble = signal<string | undefined>(undefined);

/** Those that can be run here and now. */
export const ready = computed(() => models.value.filter(({ place }) => place !== "absent"));

addEventListener("hashchange", () => {
  route.value = routeOf(location.hash);
  scrollTo(0, 0);
});

function routeOf(hash: string): Route {
  const [view, name] = hash.replace(/^#\/?/, "").split("/");
  const known = VIEWS.find((each) => each === view);
  return { view: known ?? "classify", name: name ? decoded(name) : undefined };
}

/** An address that was cut in the middle of a letter names what no network is called, and is no error. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

export function hrefOf(view: View, name?: string): string {
  return name === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(name)}`;
}

/** Finds out who computes: the server this page came from, else the page itself. */
export async function start(): Promise<void> {
  serverFound.value = await serverAnswers();
  // Who was quicker than the server has chosen already.
  if (!engine.peek()) await useEngine(serverFound.value ? "server" : "browser");
}

export async function useEngine(kind: Engine["kind"]): Promise<void> {
  if (engine.peek()?.kind === kind) return;
  engine.peek()?.close();
  const next = kind === "server" ? new ServerEngine() : new BrowserEngine();
  engine.value = next;
  answers.value = new Map();
  await listModels(next);
}

/** Asks again what there is: a run may have added to it. */
export async function refreshModels(): Promise<void> {
  if (engine.peek()) await listModels(engine.peek()!);
}

async function listModels(next: Engine): Promise<void> {
  try {
    const list = await next.models();
    if (engine.peek() !== next) return;
    modelsFailure.value = undefined;
    models.value = list.toSorted((a, b) => a.year - b.year || (a.macs ?? 0) - (b.macs ?? 0));
    chosen.value = chosen.peek().filter((name) => ready.peek().some((model) => model.name === name));
    if (chosen.peek().length === 0) chosen.value = suggested(picture.peek());
    // What fails here fails again when it is asked, and is told then.
    if (chosen.peek()[0] !== undefined) next.warm?.(chosen.peek()[0]!).catch(() => {});
  } catch (error) {
    if (engine.peek() !== next) return;
    models.value = [];
    modelsFailure.value = messageOf(error);
  }
}

/** Shows a picture; networks that cannot read it give way to some that can. */
export function show(next: Picture): void {
  trouble.value = undefined;
  if (next.kind !== picture.peek()?.kind) {
    const reads = (name: string) =>
      models.peek().find((model) => model.name === name)?.classes.kind === "digits";
    const fitting = chosen.peek().filter((name) => reads(name) === (next.kind === "digit"));
    chosen.value = fitting.length > 0 ? fitting : suggested(next);
  }
  if (picture.peek()) URL.revokeObjectURL(picture.peek()!.url);
  picture.value = next;
}

/** A small picture says more to networks that read small ones. */
const SMALL = 320;

/** Three generations for digits; for photographs the most accurate of those with many classes, and of those with few. */
function suggested(about: Picture | undefined): string[] {
  const digit = about === undefined || about.kind === "digit";
  const fit = ready
    .peek()
    .filter(({ classes, place }) => (classes.kind === "digits") === digit && place !== "trained");
  if (digit) return fit.slice(0, 3).map(({ name }) => name);
  const best = new Map<number, string>();
  for (const { name, classes } of fit.toSorted((a, b) => (b.accuracy?.top1 ?? 0) - (a.accuracy?.top1 ?? 0)))
    if (!best.has(classes.count)) best.set(classes.count, name);
  const names = [...best].toSorted(([a], [b]) => b - a).map(([, name]) => name);
  return Math.max(about.width, about.height) <= SMALL ? names.toReversed() : names;
}

export function toggle(name: string): void {
  const now = chosen.peek();
  if (now.includes(name)) chosen.value = now.filter((other) => other !== name);
  else chosen.value = [...now.slice(-(MOST_COMPARED - 1)), name];
}

/** Every change of the picture, of the chosen networks or of the engine asks for what is not answered yet. */
effect(() => {
  const asked = { engine: engine.value, picture: picture.value, names: chosen.value };
  if (!asked.engine || !asked.picture) return undefined;
  const stop = new AbortController();
  void ask(asked.engine, asked.picture, asked.names, stop.signal);
  return () => stop.abort();
});

let answered: Picture | undefined;

async function ask(by: Engine, about: Picture, names: readonly string[], signal: AbortSignal): Promise<void> {
  const before = answers.peek();
  const fresh = (name: string) => {
    const answer = before.get(name);
    return answer !== undefined && !answer.waiting && answered === about;
  };
  // What was there stays, pale, until the new answer comes: nothing jumps.
  answers.value = new Map(
    names.map((name) => {
      const { failure: _, ...last } = before.get(name) ?? {};
      return [name, fresh(name) ? before.get(name)! : { ...last, waiting: true }];
    }),
  );
  answered = about;
  for (const name of names) {
    if (!answers.peek().get(name)?.waiting) continue;
    const answer = await by.classify(about.blob, name, signal).then(
      (classification) => ({ classification, waiting: false }),
      (error: unknown) => ({ failure: messageOf(error), waiting: false }),
    );
    if (signal.aborted) return;
    answers.value = new Map(answers.peek()).set(name, answer);
  }
}
