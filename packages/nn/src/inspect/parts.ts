/** Networks as chains of parts, and the feature maps of their parts. */
import { type Shape, type Tensor, zeros } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";
import { inInference } from "./inference.ts";
import { walk } from "./walk.ts";

/** A named part of a network, in order of computation. */
export interface Part {
  readonly name: string;
  /** Computes the part from the output of the previous one. */
  readonly forward: (x: Tensor) => Tensor;
}

/** A network that is a sequence of parts. */
export interface Chain extends Module {
  parts(): readonly Part[];
}

export interface PartShape {
  readonly name: string;
  readonly shape: number[];
}

/** The output shape of each part, in order. Computes no values. */
export function partShapes(model: Chain, inputShape: Shape): PartShape[] {
  return inInference(model, () => {
    let x: Tensor = zeros(inputShape);
    return model.parts().map(({ name, forward }) => {
      x = forward(x);
      return { name, shape: [...x.shape] };
    });
  });
}

/**
 * The feature maps of a part, [N, C, H, W]. Tokens are arranged on their grid, without class tokens; a layer
 * without positions gives [N, C, 1, 1].
 *
 * @param x [N, C, H, W], preprocessed
 * @throws RangeError if there is no such part
 */
export function featureMaps(model: Chain, x: Tensor, partName: string): Tensor {
  return inInference(model, () => {
    const { output } = reach(model, x, partName);
    return laidOut(output, layoutOf(output, x));
  });
}

/** The output of a part for `x`, and the parts after it. */
export function reach(model: Chain, x: Tensor, partName: string): { output: Tensor; rest: Part[] } {
  const parts = model.parts();
  const last = parts.findIndex(({ name }) => name === partName);
  if (last < 0)
    throw new RangeError(
      `expected one of the parts ${parts.map(({ name }) => name).join(", ")}, got ${JSON.stringify(partName)}`,
    );
  const output = parts.slice(0, last + 1).reduce((y, { forward }) => forward(y), x);
  return { output, rest: parts.slice(last + 1) };
}

/** How the outputs of a part are arranged over the image. */
export interface Layout {
  readonly kind: "planes" | "pixels" | "tokens" | "vector";
  /** Rows and columns of positions; 1 x 1 if there are none. */
  readonly grid: readonly [rows: number, columns: number];
  /** Number of tokens before those of the grid. */
  readonly extra: number;
}

/** The layout of a tensor `y` computed from the images `x` [N, C, H, W]. */
export function layoutOf(y: Tensor, x: Tensor): Layout {
  const axes = walk([y], [x]).fields.get(y.value)?.axes ?? [];
  const placed = axes.map((runs) => runs.length > 0);
  const [, second, third, fourth] = y.shape as [number, number, number, number];
  if (y.rank === 4 && placed[2] && placed[3]) return { kind: "planes", grid: [third, fourth], extra: 0 };
  if (y.rank === 4 && placed[1] && placed[2]) return { kind: "pixels", grid: [second, third], extra: 0 };
  if (y.rank === 3 && placed[1]) {
    const grid = tokenGrid(second, x.shape[2] as number, x.shape[3] as number);
    return { kind: "tokens", grid, extra: second - grid[0] * grid[1] };
  }
  return { kind: "vector", grid: [1, 1], extra: 0 };
}

/**
 * Rows and columns of the patches represented by `tokens` tokens of an image: the largest grid of square patches
 * that the tokens can fill. Remaining tokens are class tokens and registers.
 */
export function tokenGrid(tokens: number, height: number, width: number): [rows: number, columns: number] {
  const side = Math.floor(Math.sqrt(tokens));
  let best: [number, number] = height === width ? [side, side] : [1, 1];
  for (let patch = 1; patch <= Math.min(height, width); patch++) {
    const [rows, columns] = [height / patch, width / patch];
    if (height % patch > 0 || width % patch > 0 || rows * columns > tokens) continue;
    if (rows * columns > best[0] * best[1]) best = [rows, columns];
  }
  return best;
}

/** → [N, C, H, W]: channels-first, tokens on their grid. */
export function laidOut(y: Tensor, { kind, grid: [rows, columns], extra }: Layout): Tensor {
  const [batch, , third] = y.shape as [number, number, number];
  switch (kind) {
    case "planes":
      return y;
    case "pixels":
      return y.permute([0, 3, 1, 2]);
    case "tokens":
      return y
        .narrow(1, extra, rows * columns)
        .reshape([batch, rows, columns, third])
        .permute([0, 3, 1, 2]);
    case "vector":
      return y.reshape([batch, -1, 1, 1]);
  }
}
