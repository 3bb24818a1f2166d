/** What the user says about the objects of a picture, and the masks that a network finds. */
import { computed, effect, signal } from "@preact/signals";
import { decodeRle, type Mask, type ObjectJson, rleFromString } from "@tessera-ml/segment/outputs";
import { answer as answerSchema, type SegmentAnswer } from "@tessera-ml/segment/schemas";
import type { TaskInfo } from "../../../api/index.ts";
import type { AskOptions, Engine } from "../../engine/engine.ts";
import type { Picture } from "../../media/picture.ts";
import { picture } from "../../media/present.ts";
import { engine, ready } from "../../state.ts";

export const TASK = "mask-generation";

/** Networks of this system that run here and now. */
export const networks = computed(() => ready.value.filter(({ task }) => task === TASK));

const picked = signal<string | undefined>(undefined);

/** The network that is asked: the one picked, or else the first. */
export const network = computed<string | undefined>(() => {
  const names = networks.value.map(({ name }) => name);
  return picked.value !== undefined && names.includes(picked.value) ? picked.value : names[0];
});

export function pick(name: string): void {
  picked.value = name;
}

/** A place in the picture, whose sides are 1. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Click extends Place {
  /** Whether it is on the object, or beside it. */
  readonly on: boolean;
}

export interface Thing {
  /** Never changes; colours go by it. */
  readonly id: number;
  readonly name: string;
  readonly clicks: readonly Click[];
  /** Two opposite corners. */
  readonly box?: readonly [Place, Place] | undefined;
  /** Which of the guesses is taken; 0 is the likeliest. */
  readonly guess: number;
}

interface Said {
  readonly things: readonly Thing[];
  /** The id of the object that clicks belong to. */
  readonly current: number;
}

const fresh = (id: number): Thing => ({ id, name: `Object ${id}`, clicks: [], guess: 0 });
const START: Said = { things: [fresh(1)], current: 1 };

const said = signal<Said>(START);
const past = signal<readonly Said[]>([]);

export const things = computed(() => said.value.things);
export const current = computed(
  () => said.value.things.find(({ id }) => id === said.value.current) ?? said.value.things[0]!,
);
export const canUndo = computed(() => past.value.length > 0);
/** Objects about which anything was said. */
export const shownThings = computed(() => things.value.filter((thing) => isSaid(thing)));

export const isSaid = ({ clicks, box }: Thing): boolean => clicks.length > 0 || box !== undefined;

/** Most steps that can be taken back. */
const MOST_PAST = 200;

function say(next: Said): void {
  past.value = [...past.peek().slice(1 - MOST_PAST), said.peek()];
  said.value = next;
}

function change(id: number, by: (thing: Thing) => Thing): void {
  const { things, current } = said.peek();
  say({ current, things: things.map((thing) => (thing.id === id ? by(thing) : thing)) });
}

export function click(at: Click): void {
  change(current.peek().id, (thing) => ({ ...thing, clicks: [...thing.clicks, at], guess: 0 }));
}

export function drawBox(from: Place, to: Place): void {
  change(current.peek().id, (thing) => ({ ...thing, box: [from, to], guess: 0 }));
}

export function removeClick(id: number, index: number): void {
  change(id, (thing) => ({ ...thing, clicks: thing.clicks.filter((_, i) => i !== index), guess: 0 }));
}

export function takeGuess(guess: number): void {
  change(current.peek().id, (thing) => ({ ...thing, guess }));
}

export function rename(id: number, name: string): void {
  change(id, (thing) => ({ ...thing, name }));
}

/** A number that no object has had. */
let last = 1;

export function addThing(): void {
  const { things } = said.peek();
  const thing = fresh(++last);
  say({ things: [...things, thing], current: thing.id });
}

export function choose(id: number): void {
  said.value = { ...said.peek(), current: id };
}

export function removeThing(id: number): void {
  const left = said.peek().things.filter((thing) => thing.id !== id);
  const all = left.length > 0 ? left : [fresh(++last)];
  say({ things: all, current: all.at(-1)!.id });
}

export function clear(): void {
  const thing = fresh(++last);
  say({ things: [thing], current: thing.id });
}

export function undo(): void {
  const before = past.peek().at(-1);
  if (!before) return;
  past.value = past.peek().slice(0, -1);
  said.value = before;
}

// What was said belongs to a picture.
effect(() => {
  void picture.value;
  said.value = START;
  past.value = [];
  last = 1;
});

/** The masks of an object, the likeliest first. */
export interface Found {
  readonly id: number;
  readonly guesses: readonly { readonly mask: Mask; readonly iou: number }[];
}

export interface Answered {
  readonly answer: SegmentAnswer;
  readonly found: readonly Found[];
}

/** Colons, commas and equals signs would be read as parts of a prompt, so objects go by their numbers. */
const nameOf = ({ id }: Thing) => String(id);

/** Prompts as the server reads them. */
export function promptsOf(all: readonly Thing[], { width, height }: Picture) {
  const pixels = ({ x, y }: Place) => `${(x * width).toFixed(1)},${(y * height).toFixed(1)}`;
  const points = (on: boolean) =>
    all.flatMap((thing) =>
      thing.clicks.filter((click) => click.on === on).map((click) => `${nameOf(thing)}=${pixels(click)}`),
    );
  const boxes = all.flatMap((thing) => {
    if (!thing.box) return [];
    const [a, b] = thing.box;
    const low = { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y) };
    const high = { x: Math.max(a.x, b.x), y: Math.max(a.y, b.y) };
    return [`${nameOf(thing)}=${pixels(low)},${pixels(high)}`];
  });
  return { point: points(true), not: points(false), box: boxes };
}

/** The masks of objects. */
export async function askAbout(
  by: Engine,
  task: Pick<TaskInfo, "name" | "command">,
  about: Picture,
  name: string,
  all: readonly Thing[],
  options: Pick<AskOptions, "signal"> = {},
): Promise<Answered> {
  const request = { ...promptsOf(all, about), multimask: true, refine: true, picture: false };
  const [found] = await by.ask(task, about.blob, request, { ...options, models: [name] });
  const answer = answerSchema.parse(found);
  return {
    answer,
    found: answer.objects.map((object) => ({
      id: Number(object.name),
      guesses: guessesOf(object),
    })),
  };
}

export function guessesOf({ masks }: ObjectJson): Found["guesses"] {
  return masks.map(({ segmentation: { counts, size }, iou }) => ({
    mask: decodeRle(rleFromString(counts, size)),
    iou,
  }));
}

/** The mask that is taken of an object. */
export function takenMask(thing: Thing, found: readonly Found[]): Mask | undefined {
  const guesses = found.find(({ id }) => id === thing.id)?.guesses;
  return (guesses?.[thing.guess] ?? guesses?.[0])?.mask;
}

// Ignore failures: asking the network fails the same way, and shows why.
effect(() => {
  const [by, first] = [engine.value, network.value];
  if (first !== undefined) by?.warm?.(first).catch(() => {});
});
