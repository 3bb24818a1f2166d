/** Pictures of a result. */
import { colorize, encodePng16, Image } from "@tessera-ml/media";
import type { DepthResult } from "../result.ts";
import { colorizeDepth, type DepthRange, depth16 } from "../visualize.ts";
import { finiteMapOf } from "./values.ts";

/**
 * The map in colours: those of the authors' script, byte for byte, unless a colour map was asked for.
 *
 * @param range the values at the two ends; default the smallest and the largest
 */
export function colourPicture(result: DepthResult, range?: DepthRange): Image {
  const map = finiteMapOf(result);
  const { colormap, colors } = result;
  return colormap === undefined
    ? colorizeDepth(map, colors, range)
    : colorize(map, { colormap, ...(range && { range }) });
}

/** Pixels between the two halves, as in the authors' scripts. */
const GAP = 50;

/** The image at the left, white, and the map at the right. */
export function sideBySide(result: DepthResult, range?: DepthRange): Image {
  const { width, height, image } = result;
  const out = new Image(2 * width + GAP, height, 3);
  out.data.fill(255);
  place(out, image, 0);
  place(out, colourPicture(result, range), width + GAP);
  return out;
}

function place(onto: Image, { width, height, data }: Image, left: number): void {
  for (let y = 0; y < height; y++)
    onto.data.set(data.subarray(3 * width * y, 3 * width * (y + 1)), 3 * (onto.width * y + left));
}

/** What one step of a 16-bit picture means; undefined for relative maps. */
export function unitOf(result: DepthResult): number | undefined {
  if (result.kind !== "metric") return undefined;
  // Millimetres, or beyond 65 m the 1/256 m of KITTI.
  return result.maxDepth <= 65 ? 1 / 1000 : 1 / 256;
}

/**
 * 16 bits. Relative: 0 at the smallest value, 65535 at the largest. Metric: {@link unitOf} metres per step, 0 where there
 * is no depth.
 */
export async function deepPng(result: DepthResult): Promise<Uint8Array> {
  const unit = unitOf(result);
  if (result.kind !== "metric" || unit === undefined)
    return await encodePng16(result, depth16(finiteMapOf(result)));
  const steps = Uint16Array.from(result.metres, (metres) =>
    metres > 0 ? Math.min(65535, Math.max(1, Math.round(metres / unit))) : 0,
  );
  return await encodePng16(result, steps);
}
