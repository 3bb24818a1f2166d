/**
 * Initializers. Each function returns a lazy tensor, so a model that loads a checkpoint never draws random
 * numbers. `parameter(init.kaimingNormal([64, 3, 7, 7]))` creates a parameter,
 * `layer.weight.assign(init.truncatedNormal(layer.weight.shape, { std: 0.02 }))` reinitializes one.
 *
 * Names, defaults and formulas are those of `torch.nn.init`.
 */
import {
  normal as drawNormal,
  truncatedNormal as drawTruncated,
  uniform as drawUniform,
  fromArray,
  full,
  nextKey,
  type Shape,
  type Tensor,
} from "@tessera-ml/tensor";
import { orthogonalized } from "./optim/newton-schulz.ts";

interface Keyed {
  /** The random key; by default the next one from the generator that `manualSeed` seeds. */
  readonly key?: Tensor;
}

export function constant(shape: Shape, value: number): Tensor {
  return full(shape, value);
}
/** Uniform in [low, high). */
export function uniform(shape: Shape, options: Keyed & { low?: number; high?: number } = {}): Tensor {
  return drawUniform(options.key ?? nextKey(), shape, options);
}
export function normal(shape: Shape, options: Keyed & { mean?: number; std?: number } = {}): Tensor {
  return drawNormal(options.key ?? nextKey(), shape, options);
}
/** Normal truncated to [low, high]; as in PyTorch, the bounds are values, not multiples of `std`. */
export function truncatedNormal(
  shape: Shape,
  options: Keyed & { mean?: number; std?: number; low?: number; high?: number } = {},
): Tensor {
  return drawTruncated(options.key ?? nextKey(), shape, { low: -2, high: 2, ...options });
}

/** The number of inputs to an output, and of outputs from an input, for a weight [O, I, ...]. */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const [outputs, inputs, ...kernel] = shape;
  if (outputs === undefined || inputs === undefined)
    throw new Error(`init: fan in and fan out need at least two axes, got [${shape.join(", ")}]`);
  const field = kernel.reduce((a, b) => a * b, 1);
  return { fanIn: inputs * field, fanOut: outputs * field };
}

export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

/** Gain that makes up for the shrinkage of the standard deviation by a nonlinearity; `slope` is for `leakyRelu`. */
export function gain(nonlinearity: Nonlinearity, slope = 0.01): number {
  switch (nonlinearity) {
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope ** 2));
    case "selu":
      return 3 / 4;
    case "linear":
    case "sigmoid":
      return 1;
  }
}

export interface KaimingOptions {
  /** Preserves the variance in the forward pass (`fanIn`, the default) or that of the gradients (`fanOut`). */
  readonly mode?: "fanIn" | "fanOut";
  /** Default: `"leakyRelu"` with slope 0, which is `"relu"`. */
  readonly nonlinearity?: Nonlinearity;
  readonly slope?: number;
}

/** The standard deviation of `kaimingNormal`: gain / √fan (He et al. 2015). */
export function kaimingDeviation(shape: Shape, options: KaimingOptions = {}): number {
  const { mode = "fanIn", nonlinearity = "leakyRelu", slope = 0 } = options;
  return gain(nonlinearity, slope) / Math.sqrt(fans(shape)[mode]);
}
/** The standard deviation of `xavierNormal`: gain·√(2 / (fan in + fan out)) (Glorot & Bengio 2010). */
export function xavierDeviation(shape: Shape, options: { gain?: number } = {}): number {
  const { fanIn, fanOut } = fans(shape);
  return (options.gain ?? 1) * Math.sqrt(2 / (fanIn + fanOut));
}

export function kaimingNormal(shape: Shape, options: Keyed & KaimingOptions = {}): Tensor {
  return normal(shape, { ...options, std: kaimingDeviation(shape, options) });
}
export function kaimingUniform(shape: Shape, options: Keyed & KaimingOptions = {}): Tensor {
  return within(shape, Math.sqrt(3) * kaimingDeviation(shape, options), options);
}
export function xavierNormal(shape: Shape, options: Keyed & { gain?: number } = {}): Tensor {
  return normal(shape, { ...options, std: xavierDeviation(shape, options) });
}
export function xavierUniform(shape: Shape, options: Keyed & { gain?: number } = {}): Tensor {
  return within(shape, Math.sqrt(3) * xavierDeviation(shape, options), options);
}
/** Normal truncated at two standard deviations, with a standard deviation of 1 / √fan in (LeCun et al. 1998). */
export function lecunNormal(shape: Shape, options: Keyed = {}): Tensor {
  // Truncation at two standard deviations leaves 0.8796 of the standard deviation.
  const std = 1 / Math.sqrt(fans(shape).fanIn) / 0.8796256610342398;
  return truncatedNormal(shape, { ...options, std, low: -2 * std, high: 2 * std });
}
/** Default of linear and convolution layers: uniform within ±1 / √fan in. */
export function layerDefault(shape: Shape, fanIn: number = fans(shape).fanIn, options: Keyed = {}): Tensor {
  return within(shape, 1 / Math.sqrt(fanIn), options);
}

function within(shape: Shape, bound: number, { key }: Keyed): Tensor {
  return uniform(shape, { low: -bound, high: bound, ...(key && { key }) });
}

/**
 * Orthogonal rows (or columns, if there are more rows) of norm `gain`; axes after the first are flattened
 * (Saxe et al. 2014).
 */
export function orthogonal(shape: Shape, options: Keyed & { gain?: number } = {}): Tensor {
  const rows = shape[0] ?? 1;
  const drawn = normal([rows, shape.slice(1).reduce((a, b) => a * b, 1)], options);
  // The orthogonal factor of a normal matrix is uniformly distributed. The steep steps raise its smallest
  // singular values, about 1/n of the largest; the exact ones bring all of them to one.
  return orthogonalized(drawn, { steps: 14, polish: 8 })
    .mul(options.gain ?? 1)
    .reshape(shape);
}

/** Convolution weights [O, I, ...] that are the identity within each group (Zagoruyko & Komodakis 2017). */
export function dirac(shape: Shape, groups = 1): Tensor {
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]];
  if (shape.length < 3 || outputs % groups !== 0)
    throw new Error(
      `init.dirac: expected a convolution weight of ${groups} groups, got [${shape.join(", ")}]`,
    );
  const field = kernel.reduce((a, b) => a * b, 1);
  const centre = kernel.reduce((at, extent) => at * extent + Math.floor(extent / 2), 0);
  const data = new Float32Array(outputs * inputs * field);
  const perGroup = outputs / groups;
  for (let group = 0; group < groups; group++)
    for (let i = 0; i < Math.min(perGroup, inputs); i++)
      data[((group * perGroup + i) * inputs + i) * field + centre] = 1;
  return fromArray(data, shape);
}
