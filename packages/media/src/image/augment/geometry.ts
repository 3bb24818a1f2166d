/** Geometric augmentations: random resized crops, rotations and other affine maps. */
import { crop, Image, Planes, type Rectangle, type Size, toByte } from "../image.ts";
import { type PilFilter, resizePil } from "../resize/pil.ts";
import { integer, type Random, uniform } from "./random.ts";

export interface RandomResizedCropOptions {
  /** Range of the fraction of the image area, default [0.08, 1]. */
  readonly scale?: readonly [number, number];
  /** Range of the aspect ratio, width / height, before resizing, default [3/4, 4/3]. */
  readonly ratio?: readonly [number, number];
  /** Default `bilinear`. */
  readonly interpolation?: PilFilter;
}

/** Crops a random rectangle and resizes it, as is usual for training on ImageNet (Szegedy 2014). */
export function randomResizedCrop(
  image: Image,
  size: Size,
  random: Random,
  { interpolation = "bilinear", ...options }: RandomResizedCropOptions = {},
): Image {
  return resizePil(crop(image, randomRectangle(image, random, options)), size, interpolation);
}

function randomRectangle(
  image: Size,
  random: Random,
  { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] }: RandomResizedCropOptions,
): Rectangle {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = uniform(random, ...scale) * image.width * image.height;
    const aspect = Math.exp(uniform(random, Math.log(ratio[0]), Math.log(ratio[1])));
    const width = Math.round(Math.sqrt(area * aspect));
    const height = Math.round(Math.sqrt(area / aspect));
    if (width < 1 || height < 1 || width > image.width || height > image.height) continue;
    const left = integer(random, image.width - width + 1);
    const top = integer(random, image.height - height + 1);
    return { left, top, width, height };
  }
  // The image is too elongated: use the largest centred rectangle with an allowed aspect ratio.
  const aspect = Math.min(Math.max(image.width / image.height, ratio[0]), ratio[1]);
  const width = Math.min(image.width, Math.round(image.height * aspect));
  const height = Math.min(image.height, Math.round(image.width / aspect));
  const left = Math.trunc((image.width - width) / 2);
  return { left, top: Math.trunc((image.height - height) / 2), width, height };
}

/** `[a, b, c, d, e, f]`: the output at (x, y) is sampled from the input at (ax + by + c, dx + ey + f). */
export type Affine = readonly [number, number, number, number, number, number];

export interface AffineOptions {
  /** Clockwise. */
  readonly degrees?: number;
  /** Pixels right and down. */
  readonly translate?: readonly [number, number];
  readonly scale?: number;
  /** Degrees along x and along y. */
  readonly shear?: readonly [number, number];
  /** The fixed point, default the centre of the image. */
  readonly center?: readonly [number, number];
}

/** The map that shears, rotates, scales and translates an image, in that order (torchvision's `affine`). */
export function affineMap(size: Size, options: AffineOptions): Affine {
  const { degrees = 0, translate = [0, 0], scale = 1, shear = [0, 0] } = options;
  const [centerX, centerY] = options.center ?? [size.width / 2, size.height / 2];
  const [angle, shearX, shearY] = [degrees, ...shear].map((d) => (d * Math.PI) / 180) as [
    number,
    number,
    number,
  ];
  const k = Math.cos(angle - shearY) / Math.cos(shearY);
  const l = -(k * Math.tan(shearX)) - Math.sin(angle);
  const m = Math.sin(angle - shearY) / Math.cos(shearY);
  const n = -(m * Math.tan(shearX)) + Math.cos(angle);
  // The inverse of [[k, l], [m, n]], whose determinant is 1, about the centre.
  const [a, b, d, e] = [n / scale, -l / scale, -m / scale, k / scale];
  const x = centerX + translate[0];
  const y = centerY + translate[1];
  return [a, b, centerX - a * x - b * y, d, e, centerY - d * x - e * y];
}

/**
 * Warps an image with an affine map, keeping its size and filling with 0 outside. Use `nearest` for labels and
 * masks. Bilinear bytes are rounded and therefore within 1 of PIL's, which truncates.
 */
export function warpAffine(input: Image, map: Affine, interpolation: "nearest" | "bilinear"): Image;
export function warpAffine(input: Planes, map: Affine, interpolation: "nearest" | "bilinear"): Planes;
export function warpAffine(
  input: Image | Planes,
  [a, b, c, d, e, f]: Affine,
  interpolation: "nearest" | "bilinear",
): Image | Planes {
  const { width, height, channels } = input;
  const isImage = input instanceof Image;
  const out = isImage
    ? new Image(width, height, channels as Image["channels"])
    : new Planes(channels, height, width);
  // Strides along x, y and the channels.
  const [stepX, stepY, stepC] = isImage ? [channels, channels * width, 1] : [1, width, width * height];
  const { data } = input;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const sourceX = a * (x + 0.5) + b * (y + 0.5) + c;
      const sourceY = d * (x + 0.5) + e * (y + 0.5) + f;
      if (!(sourceX >= 0 && sourceX < width && sourceY >= 0 && sourceY < height)) continue;
      const to = x * stepX + y * stepY;
      if (interpolation === "nearest") {
        const from = Math.trunc(sourceX) * stepX + Math.trunc(sourceY) * stepY;
        for (let k = 0; k < channels; k++) out.data[to + k * stepC] = data[from + k * stepC]!;
        continue;
      }
      const left = Math.floor(sourceX - 0.5);
      const top = Math.floor(sourceY - 0.5);
      const right = sourceX - 0.5 - left;
      const down = sourceY - 0.5 - top;
      const x0 = Math.max(left, 0) * stepX;
      const x1 = Math.min(left + 1, width - 1) * stepX;
      const y0 = Math.max(top, 0) * stepY;
      const y1 = Math.min(top + 1, height - 1) * stepY;
      for (let k = 0; k < channels; k++) {
        const plane = k * stepC;
        const upper = data[y0 + x0 + plane]! * (1 - right) + data[y0 + x1 + plane]! * right;
        const lower = data[y1 + x0 + plane]! * (1 - right) + data[y1 + x1 + plane]! * right;
        const value = upper * (1 - down) + lower * down;
        out.data[to + plane] = isImage ? toByte(value) : value;
      }
    }
  return out;
}

/** Maximum amounts; each is drawn uniformly from the symmetric range. */
export interface RandomAffineOptions {
  readonly degrees?: number;
  /** Fractions of the width and height. */
  readonly translate?: readonly [number, number];
  readonly scale?: readonly [number, number];
  /** Degrees along x and along y. */
  readonly shear?: readonly [number, number];
}

/** A random affine map for {@link warpAffine}, which can be applied to both an image and its mask. */
export function randomAffine(
  size: Size,
  { degrees = 0, translate = [0, 0], scale = [1, 1], shear = [0, 0] }: RandomAffineOptions,
  random: Random,
): Affine {
  const around = (reach: number) => uniform(random, -reach, reach);
  return affineMap(size, {
    degrees: around(degrees),
    translate: [
      Math.round(around(translate[0] * size.width)),
      Math.round(around(translate[1] * size.height)),
    ],
    scale: uniform(random, ...scale),
    shear: [around(shear[0]), around(shear[1])],
  });
}
