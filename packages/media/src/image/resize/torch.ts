/**
 * Resizing of floats that reproduces PyTorch's `torch.nn.functional.interpolate` on the CPU, with float32
 * coordinates and weights (aten/src/ATen/native/UpSample.h, cpu/UpSampleKernel.cpp).
 */
import { checkSize, type Planes, type Size } from "../image.ts";
import {
  antialiasTaps,
  emptyTaps,
  keysCubic,
  pickPlanes,
  resamplePlanes,
  setClampedTaps,
  type Taps,
  triangle,
} from "./taps.ts";

export interface InterpolateOptions {
  readonly mode: "nearest" | "nearest-exact" | "bilinear" | "bicubic";
  /** Align the centres of the corner pixels of input and output instead of their outer edges. */
  readonly alignCorners?: boolean;
  /** Widen the filter when shrinking, like PIL. Bicubic then uses a = -0.5 instead of -0.75. */
  readonly antialias?: boolean;
  /**
   * [vertical, horizontal] scale for the coordinates if it is not the ratio of the sizes: PyTorch uses the
   * `scale_factor` it is given, although it rounds the size down.
   */
  readonly scaleFactor?: readonly [number, number];
}

const f32 = Math.fround;

/** Resizes planes like `F.interpolate(x, (size.height, size.width), mode=...)`, accurate to 1e-6. */
export function interpolate(planes: Planes, size: Size, options: InterpolateOptions): Planes {
  checkSize("interpolate", size);
  const { mode, scaleFactor } = options;
  if (mode === "nearest" || mode === "nearest-exact") {
    if (options.alignCorners || options.antialias)
      throw new RangeError(`interpolate: ${mode} supports neither alignCorners nor antialias`);
    const offset = mode === "nearest" ? 0 : 0.5;
    const columns = nearestIndices(planes.width, size.width, scaleFactor?.[1], offset);
    const rows = nearestIndices(planes.height, size.height, scaleFactor?.[0], offset);
    return pickPlanes(planes, columns, rows);
  }
  if (mode !== "bilinear" && mode !== "bicubic")
    throw new RangeError(`interpolate: expected nearest, nearest-exact, bilinear or bicubic, got ${mode}`);
  const horizontal = axisTaps(planes.width, size.width, scaleFactor?.[1], options);
  const vertical = axisTaps(planes.height, size.height, scaleFactor?.[0], options);
  return resamplePlanes(planes, size, horizontal, vertical);
}

/** Input pixels per output pixel. */
function inputStep(inputs: number, outputs: number, factor?: number, alignCorners = false): number {
  if (alignCorners) return outputs > 1 ? f32((inputs - 1) / (outputs - 1)) : 0;
  return factor === undefined ? f32(inputs / outputs) : f32(1 / factor);
}

function nearestIndices(
  inputs: number,
  outputs: number,
  factor: number | undefined,
  offset: number,
): Int32Array {
  const step = inputStep(inputs, outputs, factor);
  const at = (_: unknown, i: number) => Math.min(Math.floor(f32((i + offset) * step)), inputs - 1);
  return Int32Array.from({ length: outputs }, at);
}

function axisTaps(
  inputs: number,
  outputs: number,
  factor: number | undefined,
  { mode, alignCorners, antialias }: InterpolateOptions,
): Taps {
  const step = inputStep(inputs, outputs, factor, alignCorners);
  const cubic = mode === "bicubic";
  if (antialias) {
    const kernel = cubic ? (x: number) => keysCubic(Math.abs(x), -0.5) : triangle;
    return antialiasTaps(inputs, outputs, cubic ? 2 : 1, kernel, step, f32);
  }
  const taps = emptyTaps(outputs, cubic ? 4 : 2);
  for (let i = 0; i < outputs; i++) {
    // PyTorch's bicubic kernel uses a fused multiply-add: one rounding instead of two.
    const product = step * (i + 0.5);
    const at = alignCorners ? f32(step * i) : f32((cubic ? product : f32(product)) - 0.5);
    // Bilinear clamps to the edge; bicubic reads into the replicated border.
    const position = cubic ? at : Math.max(0, at);
    const start = Math.floor(position);
    const t = f32(position - start);
    if (cubic) setClampedTaps(taps, i, start - 1, cubicWeights(t), inputs);
    else setClampedTaps(taps, i, start, [1 - t, t], inputs);
  }
  return taps;
}

/** Weights of the pixels at -1, 0, 1 and 2 for a position `t` after pixel 0. */
function cubicWeights(t: number): number[] {
  return [1 + t, t, 1 - t, 2 - t].map((x) => keysCubic(x, -0.75));
}
