/** How pseudo-labels are stored: `labels.json`, and a map beside it for every photograph. */
import { type Image, Planes, resizePil, toRgb } from "@tessera-ml/media";
import * as z from "zod";

/** Name of the list in the folder of the labels. */
export const LABELS = "labels.json";

const labelSchema = z.object({
  /** The photograph, relative to the folder of photographs, with `/`. */
  image: z.string(),
  /** Its map, relative to the folder of labels. */
  map: z.string(),
  /** Of both. */
  width: z.int().positive(),
  height: z.int().positive(),
  /** The disparities of the smallest and the largest step of a map with 16 bits. */
  min: z.number(),
  max: z.number(),
});

export const labelsSchema = z.object({
  teacher: z.object({
    /** Of its record. */
    name: z.string(),
    sha256: z.string(),
    /** `disparity` is inverse depth up to scale and shift; labels of a `metric` teacher are 1 / metres. */
    kind: z.enum(["disparity", "metric"]),
    preset: z.string(),
    /** Side of the network's input in pixels. */
    size: z.int(),
  }),
  /** The folder of photographs. */
  images: z.string(),
  /** Larger photographs are shrunk to this shorter side before they are labelled. */
  shorterSide: z.int(),
  format: z.enum(["png", "npy"]),
  files: z.array(labelSchema),
  skipped: z.array(z.object({ image: z.string(), reason: z.string() })),
});

export type Label = z.infer<typeof labelSchema>;
export type LabelList = z.infer<typeof labelsSchema>;
export type MapFormat = LabelList["format"];

/** The photograph as it is labelled: RGB, its shorter side at most `shorterSide`. */
export function photographAt(image: Image, shorterSide: number): Image {
  const scale = shorterSide / Math.min(image.width, image.height);
  const rgb = toRgb(image);
  if (scale >= 1) return rgb;
  const sideOf = (side: number) => Math.max(1, Math.round(side * scale));
  return resizePil(rgb, { width: sideOf(image.width), height: sideOf(image.height) }, "bicubic");
}

/**
 * A map as a target: invalid where there is no disparity. The farthest points, of disparity 0, are as valid as others,
 * so they get the smallest positive number instead, as a target of 0 means "none".
 */
export function targetOf({ width, height }: Label, disparity: Float32Array) {
  const valid = Uint8Array.from(disparity, (value) => (Number.isFinite(value) ? 1 : 0));
  const values = disparity.map((value) => (Number.isFinite(value) ? Math.max(value, SMALLEST) : 0));
  return { target: new Planes(1, height, width, values), valid };
}

/** A normal float32. */
const SMALLEST = 2 ** -126;
