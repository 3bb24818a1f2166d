/**
 * From an image of any size to the input of a network, and from the depth map back to the size of the image. Published
 * networks come with different code for both, and the same weights give slightly different maps with the code of another.
 */
import {
  HALF,
  IMAGENET_MEAN,
  IMAGENET_STD,
  type Image,
  interpolate,
  normalize,
  type Planes,
  resizeOpenCv,
  resizePil,
  type Size,
  toPlanes,
  toRgb,
} from "@tessera-ml/media";

/** How images are prepared for a network, and its maps resized to the image. */
export interface DepthPreset {
  /**
   * - `opencv`: `cv2.INTER_CUBIC` on floats, which may leave [0, 1]
   * - `pil`: PIL's bicubic filter, on bytes
   * - `opencv-bytes`: two steps on bytes, by area where the image shrinks (Depth Anything 3)
   */
  readonly resampling: "opencv" | "pil" | "opencv-bytes";
  /** The side `fit` refers to. */
  readonly size: number;
  /** Both sides are rounded to multiples of this. */
  readonly multiple: number;
  /**
   * `stretch` makes both sides `size`; the others keep the aspect ratio, up to rounding:
   * - `lower`: the shorter side is `size`
   * - `upper`: the longer side is `size`
   * - `least`: one side is `size`, whichever rescales the image less
   */
  readonly fit: "lower" | "upper" | "least" | "stretch";
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** How the map is resized to the image. */
  readonly restore: "bilinear" | "bilinear-aligned" | "bicubic";
}

const IMAGENET = { mean: IMAGENET_MEAN, std: IMAGENET_STD } as const;
const V2 = {
  resampling: "opencv",
  size: 518,
  multiple: 14,
  fit: "lower",
  ...IMAGENET,
  restore: "bilinear-aligned",
} as const satisfies DepthPreset;
const MIDAS = { resampling: "opencv", multiple: 32, restore: "bicubic" } as const;
const MIDAS_DPT = { ...MIDAS, fit: "least", mean: HALF, std: HALF } as const;

/** Presets, named after the code they reproduce. For another input size: `{ ...depthPresets.depth_anything_v2, size: 266 }`. */
export const depthPresets = {
  /** `run.py` of Depth Anything. */
  depth_anything: { ...V2, restore: "bilinear" },
  /** `infer_image` of Depth Anything V2, also of its metric models. */
  depth_anything_v2: V2,
  /** `DPTImageProcessor` of transformers with the settings of Depth Anything's checkpoints. */
  transformers: { ...V2, resampling: "pil", fit: "least", restore: "bicubic" },
  /** Depth Anything 3; the original code does not resize maps to the image. */
  depth_anything_3: { ...V2, resampling: "opencv-bytes", size: 504, fit: "upper" },
  midas_v21: { ...MIDAS, size: 384, fit: "upper", ...IMAGENET },
  midas_v21_small: { ...MIDAS, size: 256, fit: "upper", ...IMAGENET },
  midas_dpt_384: { ...MIDAS_DPT, size: 384 },
  midas_dpt_512: { ...MIDAS_DPT, size: 512 },
  midas_dpt_square_256: { ...MIDAS_DPT, size: 256, fit: "stretch" },
  /** Our own networks. */
  tessera: { resampling: "pil", size: 224, multiple: 32, fit: "lower", ...IMAGENET, restore: "bilinear" },
  midas_dpt_square_384: { ...MIDAS_DPT, size: 384, fit: "stretch" },
} as const satisfies Record<string, DepthPreset>;

/**
 * Video Depth Anything: V2's, with a smaller `size` for frames that are wider (or taller) than 16:9, because memory
 * grows with their area.
 */
export function videoDepthPreset({ width, height }: Size, preset: DepthPreset = V2): DepthPreset {
  const ratio = Math.max(width, height) / Math.min(width, height);
  if (ratio <= 1.78) return preset;
  const { size, multiple } = preset;
  const smaller = roundHalfEven(Math.trunc((size * 1.777) / ratio) / multiple) * multiple;
  return { ...preset, size: Math.max(multiple, smaller) };
}

/** The size of the network's input for an image. */
export function inputSize({ width, height }: Size, preset: DepthPreset): Size {
  const { size, multiple, fit, resampling } = preset;
  if (resampling === "opencv-bytes") {
    const { width: across, height: down } = boundedSize({ width, height }, preset);
    const nearest = (side: number) => Math.max(1, Math.floor(side / multiple + 0.5)) * multiple;
    return { width: nearest(across), height: nearest(down) };
  }
  const [across, down] = [size / width, size / height];
  const scale = {
    lower: Math.max(across, down),
    upper: Math.min(across, down),
    least: Math.abs(1 - across) < Math.abs(1 - down) ? across : down,
    stretch: undefined,
  }[fit];
  const rounded = (side: number) => {
    const exact = scale === undefined ? size : scale * side;
    const whole = roundHalfEven(exact / multiple) * multiple;
    if (fit === "lower" && whole < size) return Math.ceil(exact / multiple) * multiple;
    if (fit === "upper" && whole > size) return Math.max(1, Math.floor(exact / multiple)) * multiple;
    // The shorter side of a very elongated image would round to 0.
    return Math.max(whole, multiple);
  };
  return { width: rounded(width), height: rounded(height) };
}

/** An image as the input of a network, [3, H, W]. */
export function preprocessDepth(image: Image, preset: DepthPreset): Planes {
  const rgb = toRgb(image);
  const size = inputSize(rgb, preset);
  return normalize(resized(rgb, size, preset), preset.mean, preset.std);
}

function resized(rgb: Image, size: Size, preset: DepthPreset): Planes {
  switch (preset.resampling) {
    case "opencv":
      return resizeOpenCv(toPlanes(rgb), size, "cubic");
    case "pil":
      return toPlanes(resizePil(rgb, size, "bicubic"));
    case "opencv-bytes": {
      const bounded = boundedSize(rgb, preset);
      const first = resizeOpenCv(
        rgb,
        bounded,
        bounded.width > rgb.width || bounded.height > rgb.height ? "cubic" : "area",
      );
      const grows = size.width > bounded.width || size.height > bounded.height;
      return toPlanes(resizeOpenCv(first, size, grows ? "cubic" : "area"));
    }
  }
}

/** The size before rounding to multiples: the longer (`upper`) or the shorter side is `size`. */
function boundedSize({ width, height }: Size, { size, fit }: DepthPreset): Size {
  const scale = size / (fit === "upper" ? Math.max(width, height) : Math.min(width, height));
  const side = (length: number) => Math.max(1, roundHalfEven(length * scale));
  return { width: side(width), height: side(height) };
}

/** Resizes a map of the network, [C, h, w], to the image. */
export function restoreDepth(map: Planes, size: Size, { restore }: Pick<DepthPreset, "restore">): Planes {
  return interpolate(map, size, {
    mode: restore === "bicubic" ? "bicubic" : "bilinear",
    alignCorners: restore === "bilinear-aligned",
  });
}

/** Resizes a measured map to the network's input, for training: nearest neighbour, so that depths are never averaged. */
export function resizeTarget(map: Planes, size: Size): Planes {
  return resizeOpenCv(map, size, "nearest");
}

/** Like Python's `round`. */
function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
