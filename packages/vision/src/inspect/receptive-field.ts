import type { Planes } from "@tessera-ml/media";
import { type Chain, effectiveReceptiveField as field } from "@tessera-ml/nn/inspect";
import type { Shape } from "@tessera-ml/tensor";
import { planesOf } from "./maps.ts";

/**
 * Influence of each pixel on the unit at the centre of a part (Luo et al. 2016): the mean absolute gradient over
 * noise images, for random mixtures of the part's channels. [1, H, W], scaled to a maximum of 1.
 *
 * @param inputShape [N, C, H, W]; N is ignored
 */
export async function effectiveReceptiveField(
  model: Chain,
  partName: string,
  inputShape: Shape,
): Promise<Planes> {
  return await planesOf(field(model, partName, inputShape).unsqueeze(0).unsqueeze(0));
}
