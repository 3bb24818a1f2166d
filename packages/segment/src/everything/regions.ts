/** Small holes and islands of masks. */
import type { Mask } from "../mask.ts";

/**
 * Fills holes, or removes islands, of fewer than `area` pixels; regions touch at corners too. Of a mask that has only small
 * islands, the largest stays.
 *
 * @returns the mask itself if there are none
 */
export function withoutSmall(mask: Mask, area: number, what: "holes" | "islands"): Mask {
  const value = what === "holes" ? 0 : 1;
  const { labels, sizes } = regions(mask, value);
  const small = sizes.map((size) => size < area);
  if (!small.includes(true)) return mask;
  if (what === "islands" && !small.includes(false)) small[sizes.indexOf(Math.max(...sizes))] = false;
  return {
    ...mask,
    data: mask.data.map((pixel, i) => (pixel === value && small[labels[i]!] ? 1 - value : pixel)),
  };
}

/** The 8-connected regions of pixels with a value: each pixel's region, in order of their first pixels, and their sizes. */
function regions({ width, height, data }: Mask, value: number): { labels: Int32Array; sizes: number[] } {
  const labels = new Int32Array(width * height).fill(-1);
  const sizes: number[] = [];
  const queue: number[] = [];
  for (let start = 0; start < data.length; start++) {
    if (data[start] !== value || labels[start] !== -1) continue;
    const label = sizes.length;
    labels[start] = label;
    queue.push(start);
    let size = 0;
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      size++;
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++)
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
          const next = row * width + column;
          if (data[next] !== value || labels[next] !== -1) continue;
          labels[next] = label;
          queue.push(next);
        }
    }
    sizes.push(size);
  }
  return { labels, sizes };
}
