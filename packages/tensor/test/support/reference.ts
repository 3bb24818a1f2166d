/** A slow and obvious reference implementation of arrays, to compare tensors with. */
import fc from "fast-check";
import { Tensor } from "../../src/index.ts";

export interface Plain {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** An array of `shape` with entry `entry(place)` at each place. */
export function build(shape: readonly number[], entry: (place: readonly number[]) => number): Plain {
  return { shape, data: Array.from({ length: sizeOf(shape) }, (_, flat) => entry(placeOf(flat, shape))) };
}
export function placeOf(flat: number, shape: readonly number[]): number[] {
  const place = new Array<number>(shape.length);
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = rest % (shape[axis] as number);
    rest = Math.floor(rest / (shape[axis] as number));
  }
  return place;
}
/** The entry at a place; axes of extent 1 and missing leading axes are broadcast. */
export function at({ shape, data }: Plain, place: readonly number[]): number {
  const own = place.slice(place.length - shape.length);
  const flat = shape.reduce((sum, extent, i) => sum * extent + (extent === 1 ? 0 : (own[i] as number)), 0);
  return data[flat] as number;
}
export function tensorOf({ shape, data }: Plain): Tensor {
  return Tensor.fromArray(new Float32Array(data), shape);
}
export async function plainOf(x: Tensor): Promise<Plain> {
  return { shape: x.shape, data: Array.from(await x.data(), Number) };
}

/** Arrays of small integers, which float32 adds and multiplies without rounding. */
export function arrayOf(shape: readonly number[], span = 8): fc.Arbitrary<Plain> {
  const size = sizeOf(shape);
  return fc
    .array(fc.integer({ min: -span, max: span }), { minLength: size, maxLength: size })
    .map((data) => ({ shape, data }));
}
/** Shapes of up to four axes, including extents 0 and 1. */
export const shapes: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 4 }) },
    { weight: 1, arbitrary: fc.constant(0) },
  ),
  { maxLength: 4 },
);
export const arrays: fc.Arbitrary<Plain> = shapes.chain((shape) => arrayOf(shape));
