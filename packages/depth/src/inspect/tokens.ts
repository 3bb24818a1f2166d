/** What DINOv2 makes of the patches of an image: attention, and the main directions of its features. */
import { Planes } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import { attentionMaps, inInference } from "@tessera-ml/nn/inspect";
import { evaluate, HostRandom, type Tensor } from "@tessera-ml/tensor";
import { DepthError } from "../error.ts";
import { DinoV2 } from "../models/dinov2.ts";
import type { Grid } from "../models/dpt-head.ts";

/** @throws DepthError `no-attention` if the network's encoder is not DINOv2 */
export function encoderOf(model: Module): DinoV2 {
  const found = [...model.namedModules().values()].find((part) => part instanceof DinoV2);
  if (found) return found;
  throw new DepthError(
    "no-attention",
    `${model.constructor.name} has no attention maps: only networks with a DINOv2 encoder have`,
  );
}

/** A patch, from the upper left corner of the image. */
export interface Patch {
  readonly row: number;
  readonly column: number;
}

/** The patch under a point of the image, whose sides are 1. */
export function patchAt([rows, columns]: Grid, { x, y }: { readonly x: number; readonly y: number }): Patch {
  const index = (share: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  return { row: index(y, rows), column: index(x, columns) };
}

/**
 * How much a patch attends to each other patch, for every block: [heads, rows, columns] each. What is missing to a sum
 * of 1 goes to the class token and the registers.
 *
 * @param x [1, 3, H, W], preprocessed
 * @throws DepthError `no-attention`
 */
export async function patchAttention(model: Module, x: Tensor, { row, column }: Patch): Promise<Planes[]> {
  const encoder = encoderOf(model);
  const [rows, columns] = encoder.grid(x);
  const last = encoder.blocks.length - 1;
  const maps = attentionMaps(encoder, () => encoder.intermediateLayers(x, [last])).map(({ weights }) => {
    const [, heads, tokens] = weights.shape as [number, number, number];
    const extra = tokens - rows * columns;
    return weights // [1, heads, T, T]
      .select(2, extra + row * columns + column)
      .narrow(2, extra, rows * columns)
      .reshape([heads, rows, columns]);
  });
  await evaluate(...maps);
  return await Promise.all(
    maps.map(async (map) => {
      const values = Float32Array.from((await map.data()) as Float32Array);
      return new Planes(map.shape[0] as number, rows, columns, values);
    }),
  );
}

/** The patch tokens of a block after the final norm, [rows · columns, D]. @param x [1, 3, H, W], preprocessed */
export async function patchTokens(model: Module, x: Tensor, block: number): Promise<Float32Array> {
  const encoder = encoderOf(model);
  const [features] = inInference(encoder, () => encoder.intermediateLayers(x, [block]));
  return Float32Array.from((await features!.patches.data()) as Float32Array);
}

export interface Components {
  /** Coordinates along each component, [C, N]; their mean is 0. */
  readonly scores: readonly Float32Array[];
  /** Of the variance, for each component. */
  readonly shares: readonly number[];
}

const ROUNDS = 60;

/**
 * Principal components of N vectors of D features, by orthogonal iteration. Each component points to where its scores
 * are skewed, so that equal images get equal colours.
 *
 * @param vectors [N, D]
 */
export function principalComponents(vectors: Float32Array, dim: number, count = 3): Components {
  const centred = centre(vectors, dim);
  const total = centred.reduce((sum, value) => sum + value * value, 0);
  const random = new HostRandom(1);
  let axes = Array.from({ length: count }, () => Float64Array.from({ length: dim }, () => random.normal()));
  let scores: Float64Array<ArrayBuffer>[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    axes = orthonormal(axes);
    scores = axes.map((axis) => project(centred, axis));
    if (round < ROUNDS) axes = scores.map((weights) => weightedSum(centred, weights, dim));
  }
  const energies = scores.map((values) => values.reduce((sum, value) => sum + value * value, 0));
  return {
    scores: scores.map((values) => {
      const sign = values.reduce((sum, value) => sum + value ** 3, 0) < 0 ? -1 : 1;
      return Float32Array.from(values, (value) => sign * value);
    }),
    shares: energies.map((energy) => (total > 0 ? energy / total : 0)),
  };
}

function centre(vectors: Float32Array, dim: number): Float32Array {
  const mean = new Float64Array(dim);
  for (let i = 0; i < vectors.length; i++) mean[i % dim]! += vectors[i]!;
  const count = vectors.length / dim;
  return vectors.map((value, i) => value - mean[i % dim]! / count);
}

/** [N, D] · [D] → [N] */
function project(vectors: Float32Array, axis: Float64Array): Float64Array<ArrayBuffer> {
  const dim = axis.length;
  const out = new Float64Array(vectors.length / dim);
  for (let n = 0, i = 0; n < out.length; n++) {
    let sum = 0;
    for (let d = 0; d < dim; d++, i++) sum += vectors[i]! * axis[d]!;
    out[n] = sum;
  }
  return out;
}

/** [N] · [N, D] → [D] */
function weightedSum(vectors: Float32Array, weights: Float64Array, dim: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(dim);
  for (let n = 0, i = 0; n < weights.length; n++)
    for (let d = 0; d < dim; d++, i++) out[d]! += weights[n]! * vectors[i]!;
  return out;
}

/** Gram-Schmidt; an axis that the others span becomes 0. */
function orthonormal(axes: readonly Float64Array[]): Float64Array<ArrayBuffer>[] {
  const done: Float64Array<ArrayBuffer>[] = [];
  for (const axis of axes) {
    const rest = Float64Array.from(axis);
    const before = Math.sqrt(dot(rest, rest));
    for (const other of done) {
      const along = dot(rest, other);
      for (let d = 0; d < rest.length; d++) rest[d]! -= along * other[d]!;
    }
    const length = Math.sqrt(dot(rest, rest));
    done.push(rest.map((value) => (length > 1e-10 * before ? value / length : 0)));
  }
  return done;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
