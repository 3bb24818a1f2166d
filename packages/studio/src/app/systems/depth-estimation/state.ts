/** Which networks are compared, their maps, and the points that the user has set. */
import { computed, effect, signal } from "@preact/signals";
import { type DepthResult, type KnownPoint, readCompact, relativeDepth } from "@tessera-ml/depth/outputs";
import { answer as answerSchema, type DepthAnswer } from "@tessera-ml/depth/schemas";
import { type Colormap, Image, type Planes } from "@tessera-ml/media";
import type { TaskInfo } from "../../../api/index.ts";
import type { Engine } from "../../engine/engine.ts";
import { canvas2d, type Picture } from "../../media/picture.ts";
import { picture } from "../../media/present.ts";
import { engine, ready } from "../../state.ts";

export const TASK = "depth-estimation";
/** More do not fit side by side, and each takes memory. */
export const MOST_COMPARED = 4;
/** Longer side of a map to look at, and of one to save. */
const SIDE = 640;
export const SAVED_SIDE = 2048;

/** Networks of this system that run here and now. */
export const networks = computed(() => ready.value.filter(({ task }) => task === TASK));

const picked = signal<readonly string[] | undefined>(undefined);

/** The networks to compare: those picked, or else the first. */
export const compared = computed<readonly string[]>(() => {
  const names = networks.value.map(({ name }) => name);
  return picked.value?.filter((name) => names.includes(name)) ?? names.slice(0, 1);
});

/** Adds a network, or takes it away unless it is the last. */
export function toggle(name: string): void {
  const now = compared.peek();
  if (now.length === 1 && now[0] === name) return;
  picked.value = now.includes(name)
    ? now.filter((other) => other !== name)
    : [...now.slice(-(MOST_COMPARED - 1)), name];
}

const chosen = signal<string | undefined>(undefined);

/** The network whose map is shown large. */
export const looked = computed(() => {
  const names = compared.value;
  return chosen.value !== undefined && names.includes(chosen.value) ? chosen.value : names[0];
});

export function look(name: string): void {
  if (!compared.peek().includes(name)) toggle(name);
  chosen.value = name;
}

export const colormap = signal<Colormap>("spectralR");

/** Tiles along the shorter side that maps of pictures are refined by; 1 for none. */
export const tiles = signal(1);

/** A map with what is known of it. */
export interface Depth {
  readonly answer: DepthAnswer;
  /** At the size of the map rather than of the picture. */
  readonly result: DepthResult;
  /** [1, H, W]: disparity or metres, NaN where there is none. */
  readonly map: Planes;
  /** Tiles along the shorter side. */
  readonly tiles: number;
}

export interface DepthSettings {
  /** Longer side of the map; default {@link SIDE}. */
  readonly side?: number;
  /** See {@link tiles}. */
  readonly tiles?: number;
}

const maps = new WeakMap<Engine, WeakMap<Picture, Map<string, Promise<Depth>>>>();

/** A network's map of a picture, as fine as is chosen; asks once for each. */
export function depthOf(by: Engine, task: TaskInfo, about: Picture, name: string): Promise<Depth> {
  const parts = tiles.value;
  const key = `${name} ${parts}`;
  const ofEngine = maps.get(by) ?? new WeakMap<Picture, Map<string, Promise<Depth>>>();
  const ofPicture = ofEngine.get(about) ?? new Map<string, Promise<Depth>>();
  maps.set(by, ofEngine);
  ofEngine.set(about, ofPicture);
  const known = ofPicture.get(key);
  if (known) return known;
  const asked = askDepth(by, task, about, name, { tiles: parts });
  ofPicture.set(key, asked);
  asked.catch(() => ofPicture.delete(key));
  return asked;
}

/** Asks without remembering. */
export async function askDepth(
  by: Engine,
  task: Pick<TaskInfo, "name" | "command">,
  { blob, url }: Pick<Picture, "blob" | "url">,
  name: string,
  { side = SIDE, tiles = 1 }: DepthSettings = {},
): Promise<Depth> {
  const options = { values: side, ...(tiles > 1 && { tiles }) };
  const [found] = await by.ask(task, blob, options, { models: [name] });
  const answer = answerSchema.parse(found);
  if (!answer.values) throw new Error(`${name}: the answer has no values.`);
  const map = await readCompact(answer.values);
  const { model, milliseconds, camera } = answer;
  const focalLength = (camera.focalLength * map.width) / answer.width;
  const common = {
    ...{ model, milliseconds, width: map.width, height: map.height },
    ...{ image: await imageOf(url, map), camera: { ...camera, focalLength } },
  };
  const result: DepthResult =
    answer.kind === "disparity"
      ? relativeDepth({ ...common, colors: "depth_anything_v2" }, map.data)
      : {
          ...{ ...common, kind: "metric", colors: "depth_anything_v2_metric" },
          ...{ metres: map.data, maxDepth: answer.max ?? 0 },
        };
  return { answer, result, map, tiles };
}

/** The picture as pixels of a map's size. */
async function imageOf(url: string, { width, height }: Planes): Promise<Image> {
  const element = document.createElement("img");
  element.src = url;
  await element.decode();
  const context = canvas2d(width, height);
  context.drawImage(element, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const image = new Image(width, height, 3);
  for (let i = 0, j = 0; i < data.length; i += 4, j += 3) image.data.set(data.subarray(i, i + 3), j);
  return image;
}

/** A point of the picture, whose sides are 1. */
export interface Tap {
  readonly x: number;
  readonly y: number;
  /** In metres, if the user knows it. */
  readonly distance?: number | undefined;
}

export const MOST_TAPS = 12;
export const taps = signal<readonly Tap[]>([]);

// Points belong to a picture.
effect(() => {
  void picture.value;
  taps.value = [];
});

/** The row and column of a map at a point. */
export function cellAt({ width, height }: Planes, { x, y }: Tap): { row: number; column: number } {
  const cell = (share: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  return { row: cell(y, height), column: cell(x, width) };
}

export function valueAt(map: Planes, tap: Tap): number {
  const { row, column } = cellAt(map, tap);
  return map.data[row * map.width + column]!;
}

/** What the known distances make of a relative map. */
export interface Measured {
  /** In metres, if the network or the known distances give them. */
  readonly result: DepthResult;
  /** Why the known distances do not fit. */
  readonly failure?: string;
}

export function measured({ result, map }: Depth, all: readonly Tap[]): Measured {
  if (result.kind === "metric") return { result };
  const known = all.flatMap((tap): KnownPoint[] => {
    const { row, column } = cellAt(map, tap);
    return tap.distance === undefined ? [] : [{ x: column, y: row, distance: tap.distance }];
  });
  if (known.length < 2) return { result };
  try {
    return { result: result.align(known) };
  } catch (error) {
    return { result, failure: plain(error) };
  }
}

/** Without the name of the function. */
function plain(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const sentence = text.replace(/^align: /, "");
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

// Ignore failures: asking the network fails the same way, and shows why.
effect(() => {
  const [by, first] = [engine.value, networks.value.length > 0 ? compared.peek()[0] : undefined];
  if (first !== undefined) by?.warm?.(first).catch(() => {});
});
