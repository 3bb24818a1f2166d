/** From the output of Depth Anything 3's monocular networks to depth. */
import { Planes } from "@tessera-ml/media";

const THRESHOLD = 0.3;

/**
 * Depth [1, H, W] with the sky at the 99th percentile of the rest. Unchanged if hardly anything is sky, or hardly
 * anything is not.
 *
 * @throws RangeError unless both maps have one channel and the same size
 */
export function replaceSky(depth: Planes, sky: Planes): Planes {
  if (depth.channels !== 1 || String(depth.shape) !== String(sky.shape))
    throw new RangeError(`replaceSky: expected two maps [1, H, W], got [${depth.shape}] and [${sky.shape}]`);
  const rest = depth.data.filter((_, i) => sky.data[i]! < THRESHOLD);
  if (rest.length <= 10 || depth.data.length - rest.length <= 10) return depth;
  rest.sort();
  const at = 0.99 * (rest.length - 1);
  const below = Math.floor(at);
  const [low, high] = [rest[below]!, rest[Math.ceil(at)]!];
  const far = low + (high - low) * (at - below);
  return new Planes(
    1,
    depth.height,
    depth.width,
    depth.data.map((value, i) => (sky.data[i]! < THRESHOLD ? value : far)),
  );
}

/** Metres from the output of DA3Metric. The focal length is in pixels of the network's input. */
export function metresOf(depth: Planes, focalLength: number): Planes {
  return new Planes(
    depth.channels,
    depth.height,
    depth.width,
    depth.data.map((value) => (value * focalLength) / 300),
  );
}
