/** Maps as pictures on a canvas. */
import { type Colormap, colorize, Planes, type Size } from "@tessera-ml/media";
import { useEffect, useRef } from "preact/hooks";

/** Draws a map; metres are drawn with near things at the same end of the colours as of disparity. */
export function paint(
  canvas: HTMLCanvasElement,
  map: Planes,
  kind: "disparity" | "metric",
  colors: Colormap,
): void {
  const { width, height } = map;
  const shown =
    kind === "metric"
      ? new Planes(
          1,
          height,
          width,
          map.data.map((metres) => 1 / metres),
        )
      : map;
  const { data } = colorize(shown, { colormap: colors });
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0, j = 0; i < data.length; i += 3, j += 4) pixels.set(data.subarray(i, i + 3), j);
  Object.assign(canvas, { width, height } satisfies Size);
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
}

/** A canvas that shows a map. */
export function usePainted(map: Planes | undefined, kind: "disparity" | "metric", colors: Colormap) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current && map) paint(canvas.current, map, kind, colors);
  }, [map, kind, colors]);
  return canvas;
}
