/** What comes out of a network's parts, as maps over the picture. */
import { Planes } from "@tessera-ml/media";
import type { Tensor } from "@tessera-ml/tensor";
import type { Classifier, Part } from "../classifier.ts";
import type { Field } from "./field.ts";
import { inInference } from "./inference.ts";
import { walk } from "./walk.ts";

/**
 * The maps of a part for one picture, [C, H, W]. Tokens are laid back on their grid, a class token is left
 * out; a layer without positions gives [C, 1, 1].
 *
 * @param x [1, C, H, W], as the network reads it
 * @throws RangeError where there is no such part
 */
export async function featureMaps(model: Classifier, x: Tensor, partName: string): Promise<Planes> {
  checkPicture(x);
  const maps = inInference(model, () => {
    const { output } = reach(model, x, partName);
    return laidOut(output, layoutOf(output, x));
  });
  return await planesOf(maps);
}

/** What a part gives for `x`, and the parts behind it. */
export function reach(model: Classifier, x: Tensor, partName: string): { output: Tensor; rest: Part[] } {
  const parts = model.parts();
  const last = parts.findIndex(({ name }) => name === partName);
  if (last < 0)
    throw new RangeError(
      `expected a part of ${parts.map(({ name }) => name).join(", ")}, got ${JSON.stringify(partName)}`,
    );
  const output = parts.slice(0, last + 1).reduce((y, { forward }) => forward(y), x);
  return { output, rest: parts.slice(last + 1) };
}

/** How the entries of a part are spread over the picture. */
export interface Layout {
  readonly kind: "planes" | "pixels" | "tokens" | "vector";
  /** Tokens before those of the grid. */
  readonly extra: number;
}

/** Of a tensor `y` that the pictures `x` became. */
export function layoutOf(y: Tensor, x: Tensor): Layout {
  const axes = (walk([y], x.value).fields.get(y.value) as Field | undefined)?.axes ?? [];
  const placed = axes.map((runs) => runs.length > 0);
  if (y.rank === 4 && placed[2] && placed[3]) return { kind: "planes", extra: 0 };
  if (y.rank === 4 && placed[1] && placed[2]) return { kind: "pixels", extra: 0 };
  if (y.rank === 3 && placed[1]) {
    const tokens = y.shape[1] as number;
    return { kind: "tokens", extra: tokens - Math.floor(Math.sqrt(tokens)) ** 2 };
  }
  return { kind: "vector", extra: 0 };
}

/** → [N, C, H, W]: channels first, tokens on their grid. */
export function laidOut(y: Tensor, { kind, extra }: Layout): Tensor {
  const [batch, second, third] = y.shape as [number, number, number];
  switch (kind) {
    case "planes":
      return y;
    case "pixels":
      return y.permute([0, 3, 1, 2]);
    case "tokens": {
      const grid = Math.sqrt(second - extra);
      return y
        .narrow(1, extra, grid ** 2)
        .reshape([batch, grid, grid, third])
        .permute([0, 3, 1, 2]);
    }
    case "vector":
      return y.reshape([batch, -1, 1, 1]);
  }
}

/** The first of [N, C, H, W]. */
export async function planesOf(maps: Tensor): Promise<Planes> {
  const [, channels, height, width] = maps.shape as [number, number, number, number];
  const first = (await maps.data()).subarray(0, channels * height * width);
  return new Planes(channels, height, width, Float32Array.from(first, Number));
}

export function checkPicture(x: Tensor): void {
  if (x.rank !== 4 || x.shape[0] !== 1)
    throw new RangeError(`expected one picture, [1, C, H, W], got [${x.shape.join(", ")}]`);
}
