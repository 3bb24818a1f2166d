/** Tensors of the inspectors as planes. */
import { Planes } from "@tessera-ml/media";
import { type Chain, featureMaps as maps } from "@tessera-ml/nn/inspect";
import type { Tensor } from "@tessera-ml/tensor";

/**
 * The maps of a part for one picture, [C, H, W]. Tokens are laid back on their grid, a class token is left
 * out; a layer without positions gives [C, 1, 1].
 *
 * @param x [1, C, H, W], as the network reads it
 * @throws RangeError where there is no such part
 */
export async function featureMaps(model: Chain, x: Tensor, partName: string): Promise<Planes> {
  checkPicture(x);
  return await planesOf(maps(model, x, partName));
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
