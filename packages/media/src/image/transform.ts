/** Preprocessing: from an image of any size to the input of a network. Resize, centre crop, scale, normalize. */
import { crop, type Image, Planes, type Rectangle, type Size, toGrey, toPlanes, toRgb } from "./image.ts";
import { type OpenCvInterpolation, resizeOpenCv } from "./resize/opencv.ts";
import { type PilFilter, resizePil, resizePilWindow } from "./resize/pil.ts";
import { interpolate } from "./resize/torch.ts";

/** Which library's resizing to reproduce: PIL's on bytes, or OpenCV's or PyTorch's on floats from 0 to 1. */
export type Resampling =
  | { readonly library: "pil"; readonly interpolation: PilFilter }
  | { readonly library: "opencv"; readonly interpolation: OpenCvInterpolation }
  | {
      readonly library: "torch";
      readonly interpolation: "nearest" | "bilinear" | "bicubic";
      readonly antialias: boolean;
    };

/** The preprocessing a network expects. Every field is as its authors used it; none has a default. */
export type Preset = Resampling & {
  /** The shorter side, or [height, width] regardless of the aspect ratio; if absent, no resizing. */
  readonly resize?: number | readonly [number, number];
  /** Centre crop, [height, width]; black outside the image. */
  readonly crop?: readonly [number, number];
  /**
   * How half-pixel crop offsets are rounded: to even (torchvision and timm, Python's `round`) or down
   * (transformers, Python's `//`).
   */
  readonly cropRounding?: "even" | "down";
  /** Mean of each channel, for values from 0 to 1. A single entry means greyscale input. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
};

export const IMAGENET_MEAN: readonly number[] = [0.485, 0.456, 0.406];
export const IMAGENET_STD: readonly number[] = [0.229, 0.224, 0.225];
/** As mean and standard deviation, maps values to [-1, 1]. */
export const HALF: readonly number[] = [0.5, 0.5, 0.5];

/** torchvision's `ImageClassification(crop_size, resize_size)` on PIL images. */
export function torchvisionPreset(
  cropSize: number = 224,
  resizeSize: number = 256,
  interpolation: PilFilter = "bilinear",
): Preset {
  return {
    library: "pil",
    interpolation,
    resize: resizeSize,
    crop: [cropSize, cropSize],
    mean: IMAGENET_MEAN,
    std: IMAGENET_STD,
  };
}

/** timm's evaluation transform: crops `crop_pct` of the resized image. */
export function timmPreset(
  size: number,
  cropPct: number,
  interpolation: PilFilter,
  mean: readonly number[] = IMAGENET_MEAN,
  std: readonly number[] = IMAGENET_STD,
): Preset {
  const resize = Math.floor(size / cropPct);
  return { library: "pil", interpolation, resize, crop: [size, size], mean, std };
}

/** The `ViTImageProcessor` of transformers: resized to a square ignoring the aspect ratio, values from -1 to 1. */
export function vitPreset(size: number = 224): Preset {
  return { library: "pil", interpolation: "bilinear", resize: [size, size], mean: HALF, std: HALF };
}

/** Preprocesses an image: [C, H, W], normalized. */
export function preprocess(image: Image, preset: Preset): Planes {
  const { library, mean, std } = preset;
  const converted = mean.length === 1 ? toGrey(image) : toRgb(image);
  const size = resizedSize(converted, preset);
  const seen = seenRectangle(size, preset);
  if (library === "pil") {
    const inside = seen.width <= size.width && seen.height <= size.height;
    const bytes = inside
      ? resizePilWindow(converted, size, preset.interpolation, seen)
      : crop(resizePil(converted, size, preset.interpolation), seen);
    return normalize(toPlanes(bytes), mean, std);
  }
  const planes = toPlanes(converted);
  if (library === "opencv")
    return normalize(crop(resizeOpenCv(planes, size, preset.interpolation), seen), mean, std);
  const { interpolation: mode, antialias } = preset;
  const resized = interpolate(planes, size, mode === "nearest" ? { mode } : { mode, antialias });
  return normalize(crop(resized, seen), mean, std);
}

function seenRectangle(resized: Size, { crop, cropRounding }: Preset): Rectangle {
  return centerRectangle(resized, crop ?? [resized.height, resized.width], cropRounding);
}

function resizedSize(image: Size, { resize }: Preset): Size {
  if (resize === undefined) return image;
  if (typeof resize === "number") return shorterSide(image, resize);
  return { width: resize[1], height: resize[0] };
}

/** The region of the original image that the network sees, in (fractional) pixels of that image. */
export function visibleRectangle(image: Size, preset: Preset): Rectangle {
  const resized = resizedSize(image, preset);
  const seen = seenRectangle(resized, preset);
  const across = image.width / resized.width;
  const down = image.height / resized.height;
  return {
    left: seen.left * across,
    top: seen.top * down,
    width: seen.width * across,
    height: seen.height * down,
  };
}

/** The size whose shorter side is `side`; the longer side is truncated to whole pixels, as in torchvision. */
export function shorterSide({ width, height }: Size, side: number): Size {
  return width <= height
    ? { width: side, height: Math.trunc((side * height) / width) }
    : { width: Math.trunc((side * width) / height), height: side };
}

/** The centred rectangle of [height, width]; see {@link Preset.cropRounding}. */
export function centerRectangle(
  image: Size,
  [height, width]: readonly [number, number],
  rounding: "even" | "down" = "even",
): Rectangle {
  const start = (inside: number, side: number) => {
    const spare = inside - side;
    // An image that is too small is padded, with the odd pixel after it (torchvision) or before it (transformers).
    if (spare < 0) return rounding === "even" ? -Math.floor(-spare / 2) : Math.floor(spare / 2);
    const half = Math.floor(spare / 2);
    return rounding === "even" && spare % 2 === 1 && half % 2 === 1 ? half + 1 : half;
  };
  return { left: start(image.width, width), top: start(image.height, height), width, height };
}

/** `(value - mean) / std` of each plane, in float32 as PyTorch computes it. */
export function normalize(planes: Planes, mean: readonly number[], std: readonly number[]): Planes {
  const { channels, height, width, data } = planes;
  if (mean.length !== channels || std.length !== channels)
    throw new RangeError(
      `normalize: expected ${channels} means and standard deviations, got ${mean.length} and ${std.length}`,
    );
  const area = height * width;
  const out = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) {
    const center = Math.fround(mean[c]!);
    const spread = Math.fround(std[c]!);
    for (let i = c * area; i < (c + 1) * area; i++) out[i] = Math.fround(data[i]! - center) / spread;
  }
  return new Planes(channels, height, width, out);
}
