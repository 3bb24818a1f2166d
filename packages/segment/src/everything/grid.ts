/** Where the generator of masks asks: grids of points, and crops of the picture. */
import type { Size } from "@tessera-ml/media";
import type { Point } from "../predict/prompt.ts";

/** Centres of n x n cells, from 0 to 1, row by row. */
export function pointGrid(perSide: number): Point[] {
  const offset = 1 / (2 * perSide);
  const step = perSide > 1 ? (1 - 2 * offset) / (perSide - 1) : 0;
  const at = (i: number) => (i === perSide - 1 && i > 0 ? 1 - offset : offset + i * step);
  return Array.from({ length: perSide ** 2 }, (_, i) => [at(i % perSide), at(Math.floor(i / perSide))]);
}

/** A grid for the picture, and one for each layer of crops, with fewer points from layer to layer. */
export function pointGrids(perSide: number, layers: number, downscale: number): Point[][] {
  return Array.from({ length: layers + 1 }, (_, i) => pointGrid(Math.trunc(perSide / downscale ** i)));
}

/** Half-open: right and bottom are outside. */
export interface CropBox {
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
  /** 0: the whole picture. Layer i has 2^i x 2^i crops. */
  readonly layer: number;
}

/** The picture, then the crops of each layer, column by column. @param overlap in the first layer, of the shorter side */
export function cropBoxes({ width, height }: Size, layers: number, overlap: number): CropBox[] {
  const crops: CropBox[] = [{ box: [0, 0, width, height], layer: 0 }];
  for (let layer = 1; layer <= layers; layer++) {
    const perSide = 2 ** layer;
    const shared = Math.trunc(overlap * Math.min(width, height) * (2 / perSide));
    const length = (side: number) => Math.ceil((shared * (perSide - 1) + side) / perSide);
    const [across, down] = [length(width), length(height)];
    for (let i = 0; i < perSide; i++)
      for (let j = 0; j < perSide; j++) {
        const [left, top] = [(across - shared) * i, (down - shared) * j];
        crops.push({ box: [left, top, Math.min(left + across, width), Math.min(top + down, height)], layer });
      }
  }
  return crops;
}
