/** Augmentations of batches [N, C, H, W]. Each returns a new batch. */
import { type Batch, checkBatch } from "../batch.ts";
import { beta, integer, normal, permutation, type Random, uniform } from "./random.ts";

type Values = Uint8Array | Float32Array;

/** Calls `each` for every plane of a batch: its image, its channel, its offset. */
function forEachPlane(shape: Batch["shape"], each: (n: number, c: number, start: number) => void): void {
  const [count, channels, height, width] = shape;
  for (let n = 0, start = 0; n < count; n++)
    for (let c = 0; c < channels; c++, start += height * width) each(n, c, start);
}

/** An array of `length` zeros of the same type as `like`. */
function zeros<T extends Values>(like: T, length: number): T {
  return (like instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)) as T;
}

/** A copy. `slice` would share memory for Node's `Buffer`. */
function copy<T extends Values>(data: T): T {
  return (data instanceof Uint8Array ? new Uint8Array(data) : new Float32Array(data)) as T;
}

export interface RandomCropOptions {
  /** Pixels added to every side before the crop. */
  readonly padding: number;
  /** `reflect` mirrors without repeating the edge. */
  readonly mode: "zero" | "reflect";
}

/**
 * Pads and crops each image at a random position to [height, width]. With the size of the images, this shifts
 * them by up to `padding` pixels: 4 with zeros is usual for CIFAR, 2 with reflection is what airbench uses.
 */
export function randomCrop<T extends Values>(
  batch: Batch<T>,
  [height, width]: readonly [number, number],
  { padding, mode }: RandomCropOptions,
  random: Random,
): Batch<T> {
  checkBatch("randomCrop", batch);
  const [count, channels, inHeight, inWidth] = batch.shape;
  const [spareY, spareX] = [inHeight + 2 * padding - height, inWidth + 2 * padding - width];
  if (spareY < 0 || spareX < 0)
    throw new RangeError(
      `randomCrop: [${height}, ${width}] does not fit in [${inHeight}, ${inWidth}] with padding ${padding}`,
    );
  if (mode === "reflect" && padding >= Math.min(inHeight, inWidth))
    throw new RangeError(`randomCrop: expected a padding smaller than the image to reflect, got ${padding}`);
  const top = Int32Array.from({ length: count }, () => integer(random, spareY + 1) - padding);
  const left = Int32Array.from({ length: count }, () => integer(random, spareX + 1) - padding);
  const shape = [count, channels, height, width] as const;
  const data = zeros(batch.data, count * channels * height * width);
  let rows = new Int32Array(0);
  let columns = rows;
  forEachPlane(shape, (n, c, start) => {
    if (c === 0) {
      rows = sources(top[n]!, height, inHeight, mode);
      columns = sources(left[n]!, width, inWidth, mode);
    }
    const plane = (n * channels + c) * inHeight * inWidth;
    for (let y = 0, to = start; y < height; y++) {
      const row = rows[y]!;
      const from = plane + row * inWidth;
      for (let x = 0; x < width; x++, to++) {
        const column = columns[x]!;
        if (row >= 0 && column >= 0) data[to] = batch.data[from + column]!;
      }
    }
  });
  return { shape, data };
}

/** The input index of each of `count` positions from `start`; -1 outside, where the result is zero. */
function sources(
  start: number,
  count: number,
  size: number,
  mode: RandomCropOptions["mode"],
): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: count }, (_, i) => {
    const at = start + i;
    if (at >= 0 && at < size) return at;
    if (mode === "zero") return -1;
    return at < 0 ? -at : 2 * (size - 1) - at;
  });
}

/** Mirrors the chosen images left to right. */
function flip<T extends Values>(batch: Batch<T>, chosen: (n: number) => boolean): Batch<T> {
  checkBatch("flip", batch);
  const [count, , height, width] = batch.shape;
  const flipped = Array.from({ length: count }, (_, n) => chosen(n));
  const data = copy(batch.data);
  forEachPlane(batch.shape, (n, _, start) => {
    if (!flipped[n]) return;
    for (let y = 0; y < height; y++) data.subarray(start + y * width, start + (y + 1) * width).reverse();
  });
  return { shape: batch.shape, data };
}

/** Mirrors each image left to right with probability `p`. */
export function randomFlip<T extends Values>(batch: Batch<T>, random: Random, p: number = 0.5): Batch<T> {
  return flip(batch, () => random() < p);
}

/**
 * Mirrors about half of the images in even epochs and exactly the others in odd ones, so that two epochs
 * show every image both ways (Jordan 2024, airbench, section 3.6). `indices[n]` is the index of image n in
 * the data set, which together with `seed` determines its half.
 */
export function alternatingFlip<T extends Values>(
  batch: Batch<T>,
  indices: ArrayLike<number>,
  epoch: number,
  seed: number = 0,
): Batch<T> {
  if (indices.length !== batch.shape[0])
    throw new RangeError(`alternatingFlip: expected ${batch.shape[0]} indices, got ${indices.length}`);
  return flip(batch, (n) => ((mixBits(indices[n]! ^ Math.imul(seed, 0x9e3779b1)) ^ epoch) & 1) === 1);
}

/** Hashes a 32-bit integer (the finalizer of MurmurHash3). */
function mixBits(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Rows `top` to `bottom` and columns `left` to `right`, ends excluded. */
interface Box {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** A box around a centre, clipped to the image. */
function boxAround(y: number, x: number, boxHeight: number, boxWidth: number, shape: Batch["shape"]): Box {
  const [, , height, width] = shape;
  const top = y - Math.floor(boxHeight / 2);
  const left = x - Math.floor(boxWidth / 2);
  return {
    top: Math.max(0, top),
    left: Math.max(0, left),
    bottom: Math.min(height, top + boxHeight),
    right: Math.min(width, left + boxWidth),
  };
}

function fillBox(data: Values, start: number, width: number, box: Box, value: number | Random): void {
  for (let y = box.top; y < box.bottom; y++)
    for (let x = box.left; x < box.right; x++)
      data[start + y * width + x] = typeof value === "number" ? value : value();
}

/** Blanks one square per image, centred anywhere, so that part of it may be outside (DeVries 2017). */
export function cutout<T extends Values>(
  batch: Batch<T>,
  size: number,
  random: Random,
  value: number = 0,
): Batch<T> {
  checkBatch("cutout", batch);
  const [count, , height, width] = batch.shape;
  const boxes = Array.from({ length: count }, () =>
    boxAround(integer(random, height), integer(random, width), size, size, batch.shape),
  );
  const data = copy(batch.data);
  forEachPlane(batch.shape, (n, _, start) => fillBox(data, start, width, boxes[n]!, value));
  return { shape: batch.shape, data };
}

export interface RandomErasingOptions {
  readonly p?: number;
  /** Range of the fraction of the image area, default [0.02, 0.33]. */
  readonly scale?: readonly [number, number];
  /** Range of the aspect ratio, width / height, default [0.3, 3.3]. */
  readonly ratio?: readonly [number, number];
  /** The fill value, default 0; `noise` is standard normal, for normalized floats. */
  readonly value?: number | "noise";
}

/** With probability `p` per image, erases a rectangle of random position, size and aspect ratio (Zhong 2017). */
export function randomErasing<T extends Values>(
  batch: Batch<T>,
  random: Random,
  { p = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3], value = 0 }: RandomErasingOptions = {},
): Batch<T> {
  checkBatch("randomErasing", batch);
  const [count, , height, width] = batch.shape;
  const boxes = Array.from({ length: count }, (): Box | undefined => {
    if (random() >= p) return undefined;
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = uniform(random, ...scale) * height * width;
      const aspect = Math.exp(uniform(random, Math.log(ratio[0]), Math.log(ratio[1])));
      const h = Math.round(Math.sqrt(area / aspect));
      const w = Math.round(Math.sqrt(area * aspect));
      if (h >= height || w >= width || h < 1 || w < 1) continue;
      const top = integer(random, height - h + 1);
      const left = integer(random, width - w + 1);
      return { top, left, bottom: top + h, right: left + w };
    }
    return undefined;
  });
  const data = copy(batch.data);
  const fill = value === "noise" ? () => normal(random) : value;
  forEachPlane(batch.shape, (n, _, start) => {
    const box = boxes[n];
    if (box) fillBox(data, start, width, box, fill);
  });
  return { shape: batch.shape, data };
}

/** A batch of mixed images: image n is `weight` parts image n and the rest image `partners[n]`. */
export interface Mixed {
  readonly batch: Batch;
  readonly partners: Int32Array;
  readonly weight: number;
}

/** Blends each image with a random other one, with a weight drawn from Beta(alpha, alpha) (Zhang 2017). */
export function mixup(batch: Batch, alpha: number, random: Random): Mixed {
  checkBatch("mixup", batch);
  const [count] = batch.shape;
  const weight = beta(random, alpha, alpha);
  const partners = permutation(random, count);
  const length = batch.data.length / count;
  const data = new Float32Array(batch.data.length);
  for (let n = 0; n < count; n++)
    for (let i = 0, at = n * length, other = partners[n]! * length; i < length; i++, at++, other++)
      data[at] = weight * batch.data[at]! + (1 - weight) * batch.data[other]!;
  return { batch: { shape: batch.shape, data }, partners, weight };
}

/**
 * Pastes a rectangle of a random other image into each image, at the same position in all (Yun 2019). The
 * fraction kept is drawn from Beta(alpha, alpha) before the rectangle is clipped; `weight` is the actual fraction.
 */
export function cutmix(batch: Batch, alpha: number, random: Random): Mixed {
  checkBatch("cutmix", batch);
  const [count, , height, width] = batch.shape;
  const side = Math.sqrt(1 - beta(random, alpha, alpha));
  const y = integer(random, height);
  const x = integer(random, width);
  const box = boxAround(y, x, Math.round(height * side), Math.round(width * side), batch.shape);
  const partners = permutation(random, count);
  const length = batch.data.length / count;
  const data = copy(batch.data);
  forEachPlane(batch.shape, (n, _, start) => {
    const other = start + (partners[n]! - n) * length;
    for (let row = box.top; row < box.bottom; row++)
      for (let column = box.left; column < box.right; column++)
        data[start + row * width + column] = batch.data[other + row * width + column]!;
  });
  const pasted = Math.max(0, box.bottom - box.top) * Math.max(0, box.right - box.left);
  return { batch: { shape: batch.shape, data }, partners, weight: 1 - pasted / (height * width) };
}

/** The targets of a mixed batch, as probabilities [N, classes]. */
export function mixedTargets(
  labels: ArrayLike<number>,
  classes: number,
  { partners, weight }: Pick<Mixed, "partners" | "weight">,
): Float32Array {
  const targets = new Float32Array(partners.length * classes);
  for (let n = 0; n < partners.length; n++) {
    for (const [index, share] of [
      [n, weight],
      [partners[n]!, 1 - weight],
    ] as const) {
      const label = labels[index];
      if (label === undefined || label < 0 || label >= classes)
        throw new RangeError(
          `mixedTargets: image ${index}: expected a label from 0 to ${classes - 1}, got ${label}`,
        );
      targets[n * classes + label]! += share;
    }
  }
  return targets;
}

/** Eigenvalues and eigenvectors (columns) of the ImageNet colour covariance for values from 0 to 1, from fb.resnet.torch. */
const PCA_EIGENVALUES = [0.2175, 0.0188, 0.0045] as const;
const PCA_EIGENVECTORS = [
  [-0.5675, 0.7192, 0.4009],
  [-0.5808, -0.0045, -0.814],
  [-0.5836, -0.6948, 0.4203],
] as const;

/**
 * AlexNet's colour augmentation: shifts each image along the principal components of the ImageNet colours by
 * normally distributed amounts (Krizhevsky 2012, section 4.1). For RGB from 0 to 1, before normalization.
 */
export function pcaLighting(batch: Batch, random: Random, deviation: number = 0.1): Batch {
  checkBatch("pcaLighting", batch);
  const [count, channels, height, width] = batch.shape;
  if (channels !== 3) throw new RangeError(`pcaLighting: expected 3 channels, got ${channels}`);
  const amounts = Array.from({ length: count }, () =>
    PCA_EIGENVALUES.map((d) => d * deviation * normal(random)),
  );
  const data = copy(batch.data);
  forEachPlane(batch.shape, (n, c, start) => {
    const shift = PCA_EIGENVECTORS[c]!.reduce((sum, direction, k) => sum + direction * amounts[n]![k]!, 0);
    for (let i = start; i < start + height * width; i++) data[i]! += shift;
  });
  return { shape: batch.shape, data };
}
