import { cosineSimilarity } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { over } from "./maps.ts";

/**
 * 1 − mean cosine between the student's features and those of a frozen encoder (Depth Anything V1, section 3.3).
 * Tokens that already agree by more than `tolerance` are left out, so that features may differ within one object;
 * 0 if no token is left.
 *
 * @param features [N, tokens, C]
 * @param frozen [N, tokens, C]; no gradient flows into it
 */
export function featureAlignment(
  features: Tensor,
  frozen: Tensor,
  options: { /** Default 0.85. */ readonly tolerance?: number } = {},
): Tensor {
  const { tolerance = 0.85 } = options;
  if (features.shape.join() !== frozen.shape.join())
    throw new Error(`featureAlignment: expected features in the same shape, got ${features} and ${frozen}`);
  const cosine = cosineSimilarity(features, frozen.stopGradient(), { axis: -1 });
  const counts = cosine.lessEqual(tolerance);
  const kept = counts.astype("float32").sum();
  return over(counts.where(cosine.rsub(1), 0).sum(), kept);
}
