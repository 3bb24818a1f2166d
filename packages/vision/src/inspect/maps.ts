/** Inspector tensors as planes. */
import { Planes } from "@tessera-ml/media";
import { type Chain, featureMaps as maps } from "@tessera-ml/nn/inspect";
import type { Tensor } from "@tessera-ml/tensor";

/**
 * Feature maps of a part for one image, [C, H, W]. Tokens go back on their grid without the class token;
 * a layer without positions gives [C, 1, 1].
 *
 * @param x [1, C, H, W], preprocessed
 * @throws RangeError if there is no such part
 */
export async function featureMaps(model: Chain, x: Tensor, partName: string): Promise<Planes> {
  checkPicture(x);
  return await planesOf(maps(model, x, partName));
}

/** The first image of [N, C, H, W]. */
export async function planesOf(maps: Tensor): Promise<Planes> {
  const [, channels, height, width] = maps.shape as [number, number, number, number];
  const first = (await maps.data()).subarray(0, channels * height * width);
  return new Planes(channels, height, width, Float32Array.from(first, Number));
}

export function checkPicture(x: Tensor): void {
  if (x.rank !== 4 || x.shape[0] !== 1)
    throw new RangeError(`expected one image, [1, C, H, W], got [${x.shape.join(", ")}]`);
}
