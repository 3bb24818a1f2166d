/** Reading the cases of the segmentation system: parameters and pictures by formula or from files, probes. */
import { type Json, publishedState, sharedFile } from "@tessera-ml/kit/golden";
import type { Naming } from "@tessera-ml/kit/networks";
import { crop, Image, readImage } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import {
  type Checked,
  compare,
  fillGolden,
  number,
  numbers,
  readProbe,
  readRules,
  record,
  uniformByName,
  uniformTensor,
} from "@tessera-ml/nn/golden";
import type { Shape, Tensor } from "@tessera-ml/tensor";

/** The README's tolerances, in standard deviations unless it says otherwise. */
export const TOLERANCE = {
  /** Encoders, prompts, tokens, low-resolution masks of pictures, memory encoder and attention alone. */
  tensor: 1e-4,
  /** Logits in the size of a picture or video. */
  logits: 1e-3,
  /** IoU and object score, absolute. */
  score: 1e-4,
  /** Pixels. */
  area: 20,
} as const;

/** Fills a network by formula; every rule that fits a key applies, in order. */
export function fill<M extends Module>(model: M, rules: unknown, where: string): M {
  fillGolden(model, { rules: readRules(rules, `${where}.rules`), everyRule: true });
  return model.eval();
}

/** Compares the numbers of parameters and keys, where the case states them. */
export function checkCounts(model: Module, golden: Json, where: string, naming?: Naming): Checked {
  const state = publishedState(model, naming);
  // `num_batches_tracked` is an integer.
  const keys = state.length + (naming ? 0 : model.stateDict().size - state.length);
  const counts = { parameters: model.parameterCount(), stateKeys: keys };
  const problems = Object.entries(counts).flatMap(([what, got]) => {
    if (golden[what] === undefined) return [];
    const wanted = number(golden, what, where);
    return got === wanted ? [] : [`${what}: expected ${wanted}, got ${got}`];
  });
  return { deviation: problems.length === 0 ? 0 : Number.POSITIVE_INFINITY, problems };
}

/** An input `scale · u(name, i)`. */
export function caseTensor(json: unknown, where: string): Tensor {
  const { name, shape, scale = 1 } = record(json, where);
  return uniformTensor(String(name), numbers(shape, `${where}.shape`)).mul(Number(scale));
}

const FORMULA = "floor((u + 1) * 128)";

/** The picture of a case: bytes by formula, or a photograph, perhaps cropped to [x0, y0, x1, y1]. */
export async function casePicture(json: unknown, where: string, path: string): Promise<Image> {
  const input = record(json, where);
  if (input.file !== undefined) {
    const image = await readImage(await sharedFile(String(input.file), path), { orient: false });
    if (input.crop === undefined) return image;
    const [left, top, right, bottom] = numbers(input.crop, `${where}.crop`) as [
      number,
      number,
      number,
      number,
    ];
    return crop(image, { left, top, width: right - left, height: bottom - top });
  }
  if (input.formula !== FORMULA)
    throw new TypeError(`${where}.formula: expected ${FORMULA}, got ${JSON.stringify(input.formula)}`);
  const [width, height] = [number(input, "width", where), number(input, "height", where)];
  const values = uniformByName(String(input.name), height * width * 3);
  return new Image(
    width,
    height,
    3,
    Uint8Array.from(values, (u) => Math.floor((u + 1) * 128)),
  );
}

/** Of float32, relative, after a few operations. */
const ROUNDING = 1e-6;

/** Compares an array with a probe; one without entries has only a shape. */
export function checkProbe(
  what: string,
  values: ArrayLike<number | bigint>,
  shape: Shape,
  json: unknown,
  tolerance: number,
): Checked {
  const wanted = numbers(record(json, what).shape, `${what}.shape`);
  if (wanted.includes(0)) {
    const problems =
      shape.join() === wanted.join()
        ? []
        : [`${what}: expected [${wanted.join(", ")}], got [${shape.join(", ")}]`];
    return { deviation: 0, problems };
  }
  const probe = readProbe(json, what);
  // The deviation of a constant array is that of its rounding.
  const rounding = (ROUNDING * Math.abs(probe.mean)) / probe.std;
  if (rounding > tolerance && Number.isFinite(rounding)) {
    const { problems } = compare(values, shape, probe, rounding);
    return { deviation: 0, problems: problems.map((problem) => `${what}: ${problem}`) };
  }
  const { deviation, problems } = compare(values, shape, probe, tolerance);
  return { deviation, problems: problems.map((problem) => `${what}: ${problem}`) };
}

export async function checkTensor(
  what: string,
  tensor: Tensor,
  json: unknown,
  tolerance: number = TOLERANCE.tensor,
): Promise<Checked> {
  return checkProbe(what, await tensor.data(), tensor.shape, json, tolerance);
}

/** Compares lists of numbers by their largest absolute difference. */
export function checkNumbers(
  what: string,
  got: ArrayLike<number>,
  json: unknown,
  tolerance: number,
): Checked {
  const wanted = numbers(json, what);
  const off = wanted.map((value, i) => Math.abs((got[i] ?? Number.NaN) - value));
  const deviation = Math.max(0, ...off);
  const fits = got.length === wanted.length && deviation <= tolerance;
  const show = (list: ArrayLike<number>) => Array.from(list).slice(0, 8).join(", ");
  return { deviation, problems: fits ? [] : [`${what}: expected ${show(wanted)}, got ${show(got)}`] };
}

/** Compares what must be equal: lists, texts, whole numbers. */
export function same(what: string, got: unknown, wanted: unknown): Checked {
  const [mine, theirs] = [JSON.stringify(got) ?? "nothing", JSON.stringify(wanted) ?? "nothing"];
  const short = (text: string) => (text.length > 80 ? `${text.slice(0, 77)}...` : text);
  const problems = mine === theirs ? [] : [`${what}: expected ${short(theirs)}, got ${short(mine)}`];
  return { deviation: problems.length === 0 ? 0 : Number.POSITIVE_INFINITY, problems };
}
