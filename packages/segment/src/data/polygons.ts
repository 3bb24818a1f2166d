/** Filling polygons. */
import type { Mask } from "../mask.ts";

/**
 * The pixels whose centres lie in any of the polygons. A polygon that crosses itself is filled by the even-odd rule.
 *
 * @param polygons x0, y0, x1, y1, … in pixels, from the top left corner of the picture
 * @param scale of the polygons to the mask, default 1
 */
export function fillPolygons(
  polygons: readonly (readonly number[])[],
  { width, height }: { readonly width: number; readonly height: number },
  scale: { readonly x: number; readonly y: number } = { x: 1, y: 1 },
): Mask {
  const data = new Uint8Array(width * height);
  for (const polygon of polygons) {
    const count = polygon.length >> 1;
    const at = (i: number) => [polygon[2 * i]! * scale.x, polygon[2 * i + 1]! * scale.y] as const;
    // Where each row's line of centres crosses an edge.
    const crossings = Array.from({ length: height }, (): number[] => []);
    for (let i = 0; i < count; i++) {
      const [[ax, ay], [bx, by]] = [at(i), at((i + 1) % count)];
      const [top, bottom] = ay < by ? [ay, by] : [by, ay];
      const last = Math.min(height - 1, Math.ceil(bottom - 0.5) - 1);
      for (let row = Math.max(0, Math.ceil(top - 0.5)); row <= last; row++)
        crossings[row]!.push(ax + ((row + 0.5 - ay) / (by - ay)) * (bx - ax));
    }
    for (const [row, xs] of crossings.entries()) {
      xs.sort((a, b) => a - b);
      for (let i = 0; i + 1 < xs.length; i += 2) {
        const first = Math.max(0, Math.ceil(xs[i]! - 0.5));
        const end = Math.min(width, Math.ceil(xs[i + 1]! - 0.5));
        if (end > first) data.fill(1, row * width + first, row * width + end);
      }
    }
  }
  return { width, height, data };
}
