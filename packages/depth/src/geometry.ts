/** Cameras: distances, depth and points. */
import { Planes } from "@tessera-ml/media";

/** A pinhole camera, in pixels. */
export interface Camera {
  readonly fx: number;
  readonly fy: number;
  /** The principal point; default the middle of the image, (W / 2, H / 2). */
  readonly cx?: number;
  readonly cy?: number;
}

/** The focal length of Hypersim's images, 1024 x 768. */
export const HYPERSIM_FOCAL = 886.81;

/**
 * Depth along the viewing axis from distances to the camera's centre, which is what Hypersim stores. The principal
 * point is the middle of the image.
 *
 * @param distance [1, H, W]
 * @param focal in pixels
 */
export function planarDepth({ height, width, data }: Planes, focal: number = HYPERSIM_FOCAL): Planes {
  if (!(focal > 0))
    throw new RangeError(`planarDepth: expected a focal length in pixels above 0, got ${focal}`);
  const out = new Planes(1, height, width);
  for (let row = 0, i = 0; row < height; row++)
    for (let column = 0; column < width; column++, i++) {
      const x = column + 0.5 - width / 2;
      const y = row + 0.5 - height / 2;
      out.data[i] = (data[i]! * focal) / Math.sqrt(x * x + y * y + focal * focal);
    }
  return out;
}

/**
 * The point of each pixel, [H · W, 3] in rows of the image: x to the right, y down, z forward, in the unit of the
 * depth.
 *
 * @param depth [1, H, W], along the viewing axis
 */
export function pointCloud(depth: Planes, camera: Camera): Float32Array {
  const { height, width, data } = depth;
  const { fx, fy, cx = width / 2, cy = height / 2 } = camera;
  if (!(fx > 0 && fy > 0))
    throw new RangeError(`pointCloud: expected focal lengths in pixels above 0, got ${fx} and ${fy}`);
  const points = new Float32Array(3 * width * height);
  for (let row = 0, i = 0; row < height; row++)
    for (let column = 0; column < width; column++, i++) {
      const z = data[i]!;
      points[3 * i] = ((column - cx) / fx) * z;
      points[3 * i + 1] = ((row - cy) / fy) * z;
      points[3 * i + 2] = z;
    }
  return points;
}
