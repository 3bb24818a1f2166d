import {
  type AttentionOptions,
  avgPool2d,
  batchNormTrain,
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  convTranspose2d,
  einsum,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  logSoftmax,
  type PerAxis,
  type ResizeMode,
  resize,
  rmsNorm,
  type Shape,
  scaledDotProductAttention,
  silu,
  softmax,
} from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args extends ConvOptions, ConvTransposeOptions, AttentionOptions {
  mode: ResizeMode;
  size: number[];
  axis: number;
  axes: number[];
  kernel: PerAxis;
  shape: Shape;
  equation: string;
}

await check<Args>("second-order", {
  exp: (_, x) => x.exp(),
  sqrt: (_, x) => x.sqrt(),
  square: (_, x) => x.square(),
  tanh: (_, x) => x.tanh(),
  sigmoid: (_, x) => x.sigmoid(),
  gelu: (_, x) => gelu(x),
  silu: (_, x) => silu(x),
  mul: (_, x, y) => x.mul(y),
  div: (_, x, y) => x.div(y),
  pow: (_, x, y) => x.pow(y),
  matmul: (_, x, y) => x.matmul(y),
  einsum: ({ equation }, ...operands) => einsum(equation, ...operands),
  linear: (_, x, weight, bias) => linear(x, weight, bias),
  conv1d: (args, x, weight, bias) => conv1d(x, weight, { ...args, bias }),
  conv2d: (args, x, weight, bias) => conv2d(x, weight, { ...args, bias }),
  convTranspose2d: (args, x, weight, bias) => convTranspose2d(x, weight, { ...args, bias }),
  avgPool2d: ({ kernel, stride, padding }, x) => avgPool2d(x, kernel, { stride, padding }),
  batchNormTrain: (_, x, weight, bias) => {
    const { output, mean, variance } = batchNormTrain(x, { weight, bias });
    return [output, mean, variance];
  },
  layerNorm: ({ shape }, x, weight, bias) => layerNorm(x, shape, { weight, bias }),
  groupNorm: ({ groups }, x, weight, bias) => groupNorm(x, groups as number, { weight, bias }),
  rmsNorm: ({ shape }, x, weight) => rmsNorm(x, shape, { weight }),
  sum: ({ axes }, x) => x.sum(axes),
  logSumExp: ({ axes }, x) => x.logSumExp(axes),
  variance: ({ axes }, x) => x.variance(axes),
  prod: ({ axes }, x) => x.prod(axes),
  cumsum: ({ axis }, x) => x.cumsum(axis),
  softmax: ({ axis }, x) => softmax(x, axis),
  logSoftmax: ({ axis }, x) => logSoftmax(x, axis),
  attention: (args, query, key, value) => scaledDotProductAttention(query, key, value, args),
  resize: ({ mode, size }, x) => resize(x, { mode, size }),
});
