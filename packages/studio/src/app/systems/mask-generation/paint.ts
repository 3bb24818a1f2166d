/** Masks on a canvas. */
import { type Color, paletteColor } from "@tessera-ml/media";
import type { Mask } from "@tessera-ml/segment/outputs";
import { useEffect, useRef } from "preact/hooks";

export interface Layer {
  readonly mask: Mask;
  readonly color: Color;
  /** From 0 to 255. */
  readonly alpha: number;
}

export const colorOf = (id: number): Color => paletteColor(id - 1);
export const cssOf = (id: number): string => `rgb(${colorOf(id).join(" ")})`;

/** Draws masks over nothing, with solid outlines; later ones cover earlier ones. */
function paint(canvas: HTMLCanvasElement, layers: readonly Layer[]): void {
  const [first] = layers;
  const { width, height } = first?.mask ?? { width: 1, height: 1 };
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context || !first) return;
  const pixels = new Uint8ClampedArray(4 * width * height);
  const wide = Math.max(1, Math.round(Math.max(width, height) / 400));
  for (const { mask, color, alpha } of layers) {
    const { data } = mask;
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) {
        if (!data[i]) continue;
        const edge =
          (x >= wide && !data[i - wide]) ||
          (x < width - wide && !data[i + wide]) ||
          (y >= wide && !data[i - wide * width]) ||
          (y < height - wide && !data[i + wide * width]);
        pixels.set(color, 4 * i);
        pixels[4 * i + 3] = edge ? 255 : alpha;
      }
  }
  context.putImageData(new ImageData(pixels, width, height), 0, 0);
}

/** A canvas that shows masks. */
export function usePainted(layers: readonly Layer[]) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current) paint(canvas.current, layers);
  }, [layers]);
  return canvas;
}
