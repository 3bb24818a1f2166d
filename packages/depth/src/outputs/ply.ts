/** A result as points in space, in the binary PLY format. */
import { Planes } from "@tessera-ml/media";
import { pointCloud } from "../geometry.ts";
import type { DepthResult } from "../result.ts";
import { depthOf } from "./values.ts";

const BYTES_PER_POINT = 3 * 4 + 3;

/**
 * One coloured point per pixel that has depth: x to the right, y down, z away from the camera, as OpenCV and the
 * authors' script have them.
 */
export function encodePly(result: DepthResult): Uint8Array<ArrayBuffer> {
  const { width, height, image, camera } = result;
  const depth = depthOf(result);
  const points = pointCloud(new Planes(1, height, width, depth), {
    fx: camera.focalLength,
    fy: camera.focalLength,
  });
  const count = depth.reduce((sum, z) => sum + (z > 0 ? 1 : 0), 0);
  const header = new TextEncoder().encode(
    [
      "ply",
      "format binary_little_endian 1.0",
      `comment ${result.kind === "metric" ? "metres" : "relative depth: no unit"}`,
      `comment focal length ${camera.focalLength.toFixed(1)} pixels (${camera.from})`,
      `element vertex ${count}`,
      ...["x", "y", "z"].map((axis) => `property float ${axis}`),
      ...["red", "green", "blue"].map((colour) => `property uchar ${colour}`),
      "end_header\n",
    ].join("\n"),
  );
  const bytes = new Uint8Array(header.length + BYTES_PER_POINT * count);
  bytes.set(header);
  const view = new DataView(bytes.buffer);
  let at = header.length;
  for (const [i, z] of depth.entries()) {
    if (!(z > 0)) continue;
    for (let axis = 0; axis < 3; axis++) view.setFloat32(at + 4 * axis, points[3 * i + axis]!, true);
    bytes.set(image.data.subarray(3 * i, 3 * i + 3), at + 12);
    at += BYTES_PER_POINT;
  }
  return bytes;
}
