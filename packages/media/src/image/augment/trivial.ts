/** TrivialAugment: one random change of random strength per image (Müller and Hutter 2021). */
import { type Image, toRgb } from "../image.ts";
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  autoContrast,
  equalize,
  posterize,
  solarize,
} from "./color.ts";
import { type AffineOptions, affineMap, warpAffine } from "./geometry.ts";
import { integer, type Random } from "./random.ts";

/** Strengths are 31 evenly spaced values from 0 to 1, as in the paper's "wide" space. */
const STEPS = 30;

/** Applies a change with a strength from 0 to 1, in one of two directions. */
type Change = (image: Image, strength: number, sign: 1 | -1) => Image;

function warp(image: Image, options: AffineOptions): Image {
  return warpAffine(image, affineMap(image, options), "nearest");
}

function slope(strength: number): number {
  return (Math.atan(0.99 * strength) * 180) / Math.PI;
}

/** The 14 changes of the wide space, with the ranges of torchvision's `TrivialAugmentWide`. */
export const TRIVIAL_CHANGES: Readonly<Record<string, Change>> = {
  identity: (image) => image,
  shearX: (image, s, sign) => warp(image, { shear: [sign * slope(s), 0], center: [0, 0] }),
  shearY: (image, s, sign) => warp(image, { shear: [0, sign * slope(s)], center: [0, 0] }),
  translateX: (image, s, sign) => warp(image, { translate: [sign * Math.trunc(32 * s), 0] }),
  translateY: (image, s, sign) => warp(image, { translate: [0, sign * Math.trunc(32 * s)] }),
  rotate: (image, s, sign) => warp(image, { degrees: sign * 135 * s }),
  brightness: (image, s, sign) => adjustBrightness(image, 1 + sign * 0.99 * s),
  color: (image, s, sign) => adjustSaturation(image, 1 + sign * 0.99 * s),
  contrast: (image, s, sign) => adjustContrast(image, 1 + sign * 0.99 * s),
  sharpness: (image, s, sign) => adjustSharpness(image, 1 + sign * 0.99 * s),
  posterize: (image, s) => posterize(image, 8 - Math.round(6 * s)),
  solarize: (image, s) => solarize(image, 255 * (1 - s)),
  autoContrast: (image) => autoContrast(image),
  equalize: (image) => equalize(image),
};

const CHANGES = Object.values(TRIVIAL_CHANGES);

/** Applies one of the 14 changes at random, with random strength. Returns an RGB image of the same size. */
export function trivialAugmentWide(image: Image, random: Random): Image {
  const change = CHANGES[integer(random, CHANGES.length)]!;
  const strength = integer(random, STEPS + 1) / STEPS;
  return change(toRgb(image), strength, random() < 0.5 ? 1 : -1);
}
