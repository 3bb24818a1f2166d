import {
  batchNorm,
  batchNormTrain,
  groupNorm,
  instanceNorm,
  layerNorm,
  localResponseNorm,
  rmsNorm,
  type Shape,
} from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args {
  shape: Shape;
  groups: number;
  size: number;
  eps?: number;
  alpha?: number;
  beta?: number;
  k?: number;
}

await check<Args>("norm", {
  batchNorm: ({ eps }, x, mean, variance, weight, bias) =>
    batchNorm(x, mean, variance, { weight, bias, eps }),
  batchNormTrain: ({ eps }, x, weight, bias) => {
    const { output, mean, variance } = batchNormTrain(x, { weight, bias, eps });
    return [output, mean, variance];
  },
  layerNorm: ({ shape, eps }, x, weight, bias) => layerNorm(x, shape, { weight, bias, eps }),
  groupNorm: ({ groups, eps }, x, weight, bias) => groupNorm(x, groups, { weight, bias, eps }),
  instanceNorm: ({ eps }, x, weight, bias) => instanceNorm(x, { weight, bias, eps }),
  rmsNorm: ({ shape, eps }, x, weight) => rmsNorm(x, shape, { weight, eps }),
  localResponseNorm: ({ size, ...options }, x) => localResponseNorm(x, size, options),
});
