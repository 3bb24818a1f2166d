import { concat, resize, type Tensor } from "@tessera-ml/tensor";

export interface InterpolatePositionsOptions {
  /** Leading entries that belong to no patch (class token, registers) and stay as they are; default 1. */
  readonly prefix?: number;
  /** Rows and columns of the table; default: a square. */
  readonly from?: readonly [rows: number, columns: number];
  /** Default `bicubic`. */
  readonly mode?: "bicubic" | "bilinear";
  /** Whether to widen the filter when shrinking; default true, as in timm. */
  readonly antialias?: boolean;
  /**
   * Samples by the scale factors (rows + offset) / from instead of by the size. DINOv2 without registers: 0.1.
   */
  readonly offset?: number;
}

/**
 * Resizes a table of learned positions [1, prefix + from, D] to another grid of patches: [1, prefix + rows ·
 * columns, D]. A table that has the grid already is returned unchanged.
 *
 * The reference implementations differ; the same weights give different features:
 * - timm: the defaults
 * - DINOv2 and Depth Anything: `{ antialias: false, offset: 0.1 }`
 * - DINOv2 with registers: the defaults (its registers have no positions)
 * - transformers since December 2024: `{ antialias: false }`
 * - MiDaS: `{ antialias: false, mode: "bilinear" }`
 */
export function interpolatePositions(
  table: Tensor,
  [rows, columns]: readonly [rows: number, columns: number],
  options: InterpolatePositionsOptions = {},
): Tensor {
  const { prefix = 1, mode = "bicubic", antialias = true, offset } = options;
  const [batch, entries, dim] = table.shape as [number, number, number];
  const side = Math.round(Math.sqrt(entries - prefix));
  const { from = [side, side] as const } = options;
  if (table.rank !== 3 || batch !== 1 || from[0] * from[1] !== entries - prefix)
    throw new Error(
      `interpolatePositions: expected a table of [1, ${prefix} + rows · columns, D]` +
        `${options.from ? ` with ${from.join(" x ")} patches` : " with a square of patches"}, got ${table}`,
    );
  if (rows === from[0] && columns === from[1]) return table;
  const grid = table.narrow(1, prefix, entries - prefix).reshape([1, ...from, dim]); // [1, h, w, D]
  const target =
    offset === undefined
      ? { size: [rows, columns] }
      : { scale: [(rows + offset) / from[0], (columns + offset) / from[1]] };
  const resized = resize(grid.permute([0, 3, 1, 2]), { ...target, mode, antialias }) // [1, D, rows, columns]
    .flatten(2)
    .transpose(1, 2);
  return prefix === 0 ? resized : concat([table.narrow(1, 0, prefix), resized], 1);
}
