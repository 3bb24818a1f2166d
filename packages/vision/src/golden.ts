/**
 * Parameters that any language can compute: a model that agrees with the reference implementation on
 * them agrees on published weights, as long as it has the same names.
 */
import type { Module } from "@tessera-ml/nn";
import { fromArray, type Shape, type Tensor } from "@tessera-ml/tensor";

/** FNV-1a, 32 bits, of the UTF-8 bytes. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** `count` values in [−1, 1), a function of the name and the index alone. */
export function uniformByName(name: string, count: number): Float32Array<ArrayBuffer> {
  const hash = fnv1a(name);
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b1) + hash) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    return (x >>> 8) * 2 ** -23 - 1;
  });
}

/** A tensor of `uniformByName`. */
export function uniformTensor(name: string, shape: Shape): Tensor {
  return fromArray(
    uniformByName(
      name,
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );
}

const SCALES = new Set(["weight", "gamma", "scale", "lambda1"]);

/** The value of a parameter by its key and shape, in single precision like the reference. */
export function goldenParameter(key: string, shape: Shape): Float32Array<ArrayBuffer> {
  const count = shape.reduce((a, b) => a * b, 1);
  const values = uniformByName(key, count);
  const leaf = key.slice(key.lastIndexOf(".") + 1);
  if (shape.length >= 2) {
    const factor = Math.fround(Math.sqrt((shape.length >= 3 ? 6 : 3) / (count / (shape[0] as number))));
    return values.map((u) => Math.fround(u * factor));
  }
  if (leaf === "running_var") return values.map((u) => 1 + Math.fround(0.5 * u));
  if (leaf === "num_batches_tracked") return values.fill(0);
  const tenth = Math.fround(0.1);
  if (SCALES.has(leaf)) return values.map((u) => 1 + Math.fround(tenth * u));
  return values.map((u) => Math.fround(tenth * u));
}

/**
 * Gives every parameter and buffer its golden value; `keyOf` tells the reference's name of a path, and
 * `shapeOf` its shape there.
 */
export function fillGolden(
  model: Module,
  keyOf: (path: string) => string = (path) => path,
  shapeOf: (key: string, shape: Shape) => Shape = (_, shape) => shape,
): void {
  for (const [path, variable] of model.stateDict()) {
    const key = keyOf(path);
    const values = goldenParameter(key, shapeOf(key, variable.shape));
    variable.assign(fromArray(values, variable.shape).astype(variable.dtype));
  }
}

/** What a golden keeps of an array. */
export interface Probe {
  readonly shape: Shape;
  readonly mean: number;
  readonly std: number;
  /** Every `step`-th entry of the flattened array. */
  readonly step: number;
  readonly values: readonly number[];
}

/** The largest difference from a probe, in standard deviations of the golden array. */
export function deviation(array: ArrayLike<number>, probe: Probe): number {
  return probe.values.reduce((worst, value, i) => {
    const difference = Math.abs((array[i * probe.step] as number) - value) / probe.std;
    // A NaN must not pass for agreement.
    return difference <= worst ? worst : difference;
  }, 0);
}
