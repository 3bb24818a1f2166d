import type { Planes } from "@tessera-ml/media";
import { type Chain, effectiveReceptiveField as field } from "@tessera-ml/nn/inspect";
import type { Shape } from "@tessera-ml/tensor";
import { planesOf } from "./maps.ts";

/**
 * How much the unit in the middle of a part moves with each pixel (Luo et al. 2016): the mean size of the
 * gradient over pictures of noise, a random mixture of the part's channels. [1, H, W], the largest 1.
 *
 * @param inputShape [N, C, H, W]; N does not matter
 */
export async function effectiveReceptiveField(
  model: Chain,
  partName: string,
  inputShape: Shape,
): Promise<Planes> {
  return await planesOf(field(model, partName, inputShape).unsqueeze(0).unsqueeze(0));
}
