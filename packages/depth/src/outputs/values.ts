/** The numbers of a result, as files need them. */
import { finiteRange, Planes } from "@tessera-ml/media";
import type { DepthResult } from "../result.ts";

/** The map itself, [1, H, W]: disparity, or metres. */
export function mapOf(result: DepthResult): Planes {
  const data = result.kind === "metric" ? result.metres : result.disparity;
  return new Planes(1, result.height, result.width, data);
}

/** The map with the smallest finite value where there is none. */
export function finiteMapOf(result: DepthResult): Planes {
  const { data, height, width } = mapOf(result);
  const [low] = finiteRange(data);
  return new Planes(
    1,
    height,
    width,
    data.map((value) => (Number.isFinite(value) ? value : low)),
  );
}

/** How many times farther than the nearest point the farthest one of a relative map is drawn. */
const FARTHEST = 10;

/**
 * Depth for points in space, NaN where there is none: metres, or of a relative map a depth from 1 to 10 whose unit is
 * the nearest point. Without its scale and shift a disparity fixes no distance; this one is for the eye.
 */
export function depthOf(result: DepthResult): Float32Array {
  if (result.kind === "metric")
    return result.metres.map((metres) => (Number.isFinite(metres) && metres > 0 ? metres : Number.NaN));
  const [low, high] = finiteRange(result.disparity);
  const range = high - low;
  return result.disparity.map((disparity) => {
    if (!Number.isFinite(disparity)) return Number.NaN;
    const nearness = range > 0 ? (disparity - low) / range : 1;
    return 1 / (1 / FARTHEST + (1 - 1 / FARTHEST) * nearness);
  });
}
