/** Batches of images of the same size. */
import { Planes } from "./image.ts";

/** [N, C, H, W], row-major; bytes (as in data sets) or floats. */
export interface Batch<T extends Uint8Array | Float32Array = Float32Array> {
  readonly shape: readonly [number, number, number, number];
  readonly data: T;
}

/** Stacks planes of the same shape into a batch. */
export function stack(planes: readonly Planes[]): Batch {
  const [first] = planes;
  if (!first) throw new RangeError("stack: expected at least one image");
  const length = first.data.length;
  const data = new Float32Array(planes.length * length);
  for (const [i, one] of planes.entries()) {
    if (one.channels !== first.channels || one.height !== first.height || one.width !== first.width)
      throw new RangeError(`stack: image ${i}: expected [${first.shape}] like the first, got [${one.shape}]`);
    data.set(one.data, i * length);
  }
  return { shape: [planes.length, ...first.shape], data };
}

/** Throws unless `data` fills `shape`. */
export function checkBatch(what: string, { shape, data }: Batch<Uint8Array | Float32Array>): void {
  const length = shape.reduce((product, size) => product * size, 1);
  if (shape.length !== 4 || data.length !== length)
    throw new RangeError(`${what}: expected ${length} values for [${shape}], got ${data.length}`);
}

/** One image of a batch, as a view of its values. */
export function pictureAt({ shape: [, channels, height, width], data }: Batch, index: number): Planes {
  const length = channels * height * width;
  return new Planes(channels, height, width, data.subarray(index * length, (index + 1) * length));
}
