/** Label pictures of the goldens: shapes in order, later ones on top. */
import type { Json } from "@tessera-ml/kit/golden";
import { numbers, uniformByName } from "@tessera-ml/nn/golden";

/** [label, cx, cy, radius]: (x − cx)² + (y − cy)² ≤ radius²; or [label, x0, y0, x1, y1], half-open. */
export function drawShapes(
  { width, height }: { readonly width: number; readonly height: number },
  shapes: unknown,
  where: string,
): { width: number; height: number; data: Uint8Array } {
  if (!Array.isArray(shapes)) throw new TypeError(`${where}: expected a list of shapes`);
  const data = new Uint8Array(width * height);
  for (const [i, shape] of shapes.entries()) {
    const [label, ...at] = numbers(shape, `${where}[${i}]`) as [number, ...number[]];
    const [a, b, c, d] = at as [number, number, number, number | undefined];
    for (let y = 0, k = 0; y < height; y++)
      for (let x = 0; x < width; x++, k++) {
        const inside =
          d === undefined ? (x - a) ** 2 + (y - b) ** 2 <= c ** 2 : x >= a && x < c && y >= b && y < d;
        if (inside) data[k] = label;
      }
  }
  return { width, height, data };
}

/** A mask of shapes, or by a rule: `u > 0.2`. */
export function drawMask(json: Json, where: string): { width: number; height: number; data: Uint8Array } {
  const size = { width: Number(json.width), height: Number(json.height) };
  if (json.rule === undefined) return drawShapes(size, json.shapes, `${where}.shapes`);
  const above = /^u > (-?[\d.]+)$/.exec(String(json.rule))?.[1];
  if (above === undefined) throw new TypeError(`${where}.rule: expected "u > a", got ${String(json.rule)}`);
  const values = uniformByName(String(json.name), size.width * size.height);
  return { ...size, data: Uint8Array.from(values, (u) => (u > Number(above) ? 1 : 0)) };
}

/** Rows as strings of 0 and 1. */
export function rowsOf({
  width,
  height,
  data,
}: {
  width: number;
  height: number;
  data: Uint8Array;
}): string[] {
  return Array.from({ length: height }, (_, y) => data.subarray(y * width, (y + 1) * width).join(""));
}
