/**
 * Lazy, differentiable tensors, compiled to ONNX graphs.
 *
 * @packageDocumentation
 */
import "./node-version.ts";

export {
  checkpoint,
  customGradient,
  type Differentiable,
  type Gradients,
  grad,
  valueAndGrad,
  type WithGradient,
} from "./autodiff.ts";
export { type Compiled, type CompileOptions, compile } from "./compile.ts";
export type { DType, TypedArray } from "./dtype.ts";
export { type ExportedModel, type ExportOptions, exportOnnx, type FreeAxis } from "./export.ts";
export { backend, configure } from "./graph/execute.ts";
export { guard } from "./graph/trace.ts";
export * from "./ops/activation.ts";
export type { Operand } from "./ops/apply.ts";
export { type AttentionOptions, observeAttention, scaledDotProductAttention } from "./ops/attention.ts";
export { type CheckedIndexOptions, checkedIndex } from "./ops/checked.ts";
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from "./ops/conv.ts";
export * from "./ops/create.ts";
export { fromArray } from "./ops/create.ts";
export { einsum } from "./ops/einsum.ts";
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  cosh,
  exp2,
  isFinite,
  isInf,
  isNaN,
  lerp,
  log2,
  log10,
  logicalXor,
  maximum,
  minimum,
  sinh,
  softplus,
  stopGradient,
  trunc,
  where,
} from "./ops/elementwise.ts";
export { embedding, gather, type IndexOptions, oneHot, scatter, scatterAdd, take } from "./ops/gather.ts";
export { linear, matmul, outer } from "./ops/linalg.ts";
export { concat, type Index, type PadMode, type Pads, stack, unbind } from "./ops/movement.ts";
export * from "./ops/norm.ts";
export { fold, meshgrid, pixelShuffle, pixelUnshuffle, type UnfoldOptions, unfold } from "./ops/patches.ts";
export * from "./ops/pool.ts";
export * from "./ops/pool-adaptive.ts";
export * from "./ops/pool-average.ts";
export { dequantize, matmulNBits, type QuantizedMatrix } from "./ops/quantized.ts";
export { type ResizeMode, type ResizeOptions, resize } from "./ops/resize.ts";
export { type GridSampleOptions, gridSample } from "./ops/sample.ts";
export { hammingWindow, hannWindow, istft, type StftOptions, stft } from "./ops/signal.ts";
export * from "./ops/softmax.ts";
export { argsort, median, quantile, type Sorted, sort, topK } from "./ops/sort.ts";
export type { Padding, PerAxis } from "./ops/window.ts";
export {
  bernoulli,
  dropout,
  erfInverse,
  generatorState,
  HostRandom,
  manualSeed,
  nextKey,
  normal,
  permutation,
  randint,
  randomKey,
  splitKey,
  truncatedNormal,
  uniform,
} from "./random.ts";
export type { Backend, BackendOptions } from "./runtime/backend.ts";
export type { Shape } from "./shape.ts";
export { evaluate, type Nested, Tensor } from "./tensor.ts";
export { buffer, parameter, Variable, type VariableOptions } from "./variable.ts";
