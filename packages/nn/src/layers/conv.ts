/** Convolutions and transposed convolutions, initialized as in PyTorch. */
import {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type PerAxis,
  parameter,
  type Tensor,
  type Variable,
} from "@tessera-ml/tensor";
import * as init from "../init.ts";
import { Module } from "../module.ts";

type Bias = { readonly bias?: boolean };
export type ConvLayerOptions = Omit<ConvOptions, "bias"> & Bias;
export type ConvTransposeLayerOptions = Omit<ConvTransposeOptions, "bias"> & Bias;

/** Base class: weight, bias [O] and the channel counts. */
abstract class Convolution<O extends { groups?: number } & Bias> extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Options passed to the operator. */
  protected readonly options: Omit<O, "bias">;

  constructor(
    rank: number,
    [inChannels, outChannels]: readonly [number, number],
    kernel: PerAxis,
    transposed: boolean,
    { bias = true, ...options }: O,
  ) {
    super();
    const { groups = 1 } = options;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.options = options;
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      this.fail(
        `${inChannels} input and ${outChannels} output channels are not divisible by ${groups} groups`,
      );
    const extents = typeof kernel === "number" ? new Array<number>(rank).fill(kernel) : kernel;
    if (extents.length !== rank) this.fail(`kernel: expected ${rank} extents, got [${extents.join(", ")}]`);
    const shape = transposed
      ? [inChannels, outChannels / groups, ...extents]
      : [outChannels, inChannels / groups, ...extents];
    this.weight = parameter(init.layerDefault(shape));
    if (bias) this.bias = parameter(init.layerDefault([outChannels], init.fans(shape).fanIn));
  }

  /** Checks the input and returns the options of the operator. */
  protected prepare(x: Tensor) {
    const { inChannels, weight, bias } = this;
    if (x.rank !== weight.rank || x.shape[1] !== inChannels)
      this.fail(`expected [N, ${inChannels}, ...] with ${weight.rank} axes, got ${x}`);
    return { ...this.options, bias };
  }
}

/** [N, C, L] → [N, O, L']. Weight [O, C/groups, K]. */
export class Conv1d extends Convolution<ConvLayerOptions> {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super(1, [inChannels, outChannels], kernel, false, options);
  }
  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.prepare(x));
  }
}
/** [N, C, H, W] → [N, O, H', W']. Weight [O, C/groups, kH, kW]. */
export class Conv2d extends Convolution<ConvLayerOptions> {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super(2, [inChannels, outChannels], kernel, false, options);
  }
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.prepare(x));
  }
}
/** [N, C, D, H, W] → [N, O, D', H', W']. Weight [O, C/groups, kD, kH, kW]. */
export class Conv3d extends Convolution<ConvLayerOptions> {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super(3, [inChannels, outChannels], kernel, false, options);
  }
  forward(x: Tensor): Tensor {
    return conv3d(x, this.weight, this.prepare(x));
  }
}
/** [N, C, L] → [N, O, L']. Weight [C, O/groups, K]. */
export class ConvTranspose1d extends Convolution<ConvTransposeLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernel: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(1, [inChannels, outChannels], kernel, true, options);
  }
  forward(x: Tensor): Tensor {
    return convTranspose1d(x, this.weight, this.prepare(x));
  }
}
/** [N, C, H, W] → [N, O, H', W']. Weight [C, O/groups, kH, kW]. */
export class ConvTranspose2d extends Convolution<ConvTransposeLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernel: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(2, [inChannels, outChannels], kernel, true, options);
  }
  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.prepare(x));
  }
}
/** [N, C, D, H, W] → [N, O, D', H', W']. Weight [C, O/groups, kD, kH, kW]. */
export class ConvTranspose3d extends Convolution<ConvTransposeLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernel: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(3, [inChannels, outChannels], kernel, true, options);
  }
  forward(x: Tensor): Tensor {
    return convTranspose3d(x, this.weight, this.prepare(x));
  }
}
