/** The values of a result in few bytes, for pages: a bounded PNG of 16 bits. */
import { dataUrl } from "@tessera-ml/kit";
import { encodePng16, finiteRange, Planes, readDepth } from "@tessera-ml/media";
import { resizeTarget } from "../preprocess.ts";
import type { DepthResult } from "../result.ts";
import { fromSteps, toSteps } from "./steps.ts";
import { mapOf } from "./values.ts";

export interface CompactValues {
  /** A data: URL. */
  readonly png: string;
  readonly width: number;
  readonly height: number;
  /** The values of the steps 1 and 65535. */
  readonly low: number;
  readonly high: number;
}

/**
 * Every value of the map, or of a large map every second, third, …: none is an average of its neighbours.
 *
 * @param longest the most pixels of the longer side
 */
export async function compactValues(result: DepthResult, longest: number): Promise<CompactValues> {
  const map = mapOf(result);
  const scale = Math.min(1, longest / Math.max(map.width, map.height));
  const side = (length: number) => Math.max(1, Math.round(scale * length));
  const size = { width: side(map.width), height: side(map.height) };
  const { data } = scale < 1 ? resizeTarget(map, size) : map;
  const [low, high] = finiteRange(data);
  const steps = toSteps(data, low, high);
  return { png: dataUrl(await encodePng16(size, steps), "image/png"), ...size, low, high };
}

/** The map again, [1, H, W], with NaN where there is no value; each is off by at most half a step. */
export async function readCompact({ png, low, high }: CompactValues): Promise<Planes> {
  const { height, width, data } = await readDepth(await (await fetch(png)).blob(), { unit: 1 });
  return new Planes(1, height, width, fromSteps(data, low, high));
}
