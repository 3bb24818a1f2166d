/** Effective receptive fields, computed from gradients. */
import { grad, normal, randomKey, type Shape, splitKey, type Tensor, where } from "@tessera-ml/tensor";
import { inInference } from "./inference.ts";
import { type Chain, laidOut, layoutOf, reach } from "./parts.ts";

/** Number of noise images to average over. */
const SAMPLES = 4;

/**
 * The influence of each pixel on the central unit of a part (Luo et al. 2016): the mean magnitude of the gradient
 * of a random mixture of its channels, over noise images. [H, W], scaled to a maximum of 1.
 *
 * @param inputShape [N, C, H, W]; N is ignored
 */
export function effectiveReceptiveField(model: Chain, partName: string, inputShape: Shape): Tensor {
  const [, channels, height, width] = inputShape as readonly [number, number, number, number];
  const slopes = inInference(model, () => {
    const [pictureKey, mixtureKey] = splitKey(randomKey(0), 2) as [Tensor, Tensor];
    const x = normal(pictureKey, [SAMPLES, channels, height, width]);
    return grad((pictures: Tensor) => {
      const { output } = reach(model, pictures, partName);
      const maps = laidOut(output, layoutOf(output, pictures));
      const [, count, rows, columns] = maps.shape as [number, number, number, number];
      const unit = maps.select(3, columns >> 1).select(2, rows >> 1); // [N, C]
      return unit.mul(normal(mixtureKey, [SAMPLES, count])).sum();
    })(x);
  });
  const size = slopes.abs().mean([0, 1]);
  const most = size.max();
  return size.div(where(most.greater(0), most, 1));
}
