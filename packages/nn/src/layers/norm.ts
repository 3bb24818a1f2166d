/** Normalization without running statistics. */
import {
  groupNorm,
  layerNorm,
  localResponseNorm,
  ones,
  parameter,
  rmsNorm,
  type Shape,
  type Tensor,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { Module } from "../module.ts";

interface Options {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
  /** Whether to learn a scale, and a shift if the layer has one; default true. */
  readonly affine?: boolean;
}

/** Normalizes over the last axes, which have the extents `normalizedShape` (a number means one axis). */
export class LayerNorm extends Module {
  readonly weight: Variable | undefined;
  readonly bias: Variable | undefined;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(normalizedShape: number | Shape, options: Options & { bias?: boolean } = {}) {
    super();
    const { eps = 1e-5, affine = true, bias = true } = options;
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
    this.eps = eps;
    if (affine) this.weight = parameter(ones(this.normalizedShape));
    if (affine && bias) this.bias = parameter(zeros(this.normalizedShape));
  }
  forward(x: Tensor): Tensor {
    const { normalizedShape, weight, bias, eps } = this;
    if (!endsWith(x.shape, normalizedShape))
      this.fail(`expected the last axes to be [${normalizedShape.join(", ")}], got ${x}`);
    return layerNorm(x, normalizedShape, { weight, bias, eps });
  }
}

/** Layer norm over the channels of [N, C, H, W]; eps still defaults to 1e-5. */
export class LayerNorm2d extends LayerNorm {
  override forward(x: Tensor): Tensor {
    return super.forward(x.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);
  }
}

/** Divides by the root mean square over the last axes, without centering or a bias; eps is added to the mean square. */
export class RMSNorm extends Module {
  readonly weight: Variable | undefined;
  readonly normalizedShape: Shape;
  readonly eps: number;

  /** `eps` defaults to that of float32, 2⁻²³, as in PyTorch; most language models use 1e-5 or 1e-6. */
  constructor(normalizedShape: number | Shape, options: Options = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
    this.eps = options.eps ?? 2 ** -23;
    if (options.affine ?? true) this.weight = parameter(ones(this.normalizedShape));
  }
  forward(x: Tensor): Tensor {
    const { normalizedShape, weight, eps } = this;
    if (!endsWith(x.shape, normalizedShape))
      this.fail(`expected the last axes to be [${normalizedShape.join(", ")}], got ${x}`);
    return rmsNorm(x, normalizedShape, { weight, eps });
  }
}

/** Normalizes [N, C, ...] over groups of channels and all positions (Wu & He 2018). */
export class GroupNorm extends Module {
  readonly weight: Variable | undefined;
  readonly bias: Variable | undefined;
  readonly groups: number;
  readonly channels: number;
  readonly eps: number;

  constructor(groups: number, channels: number, options: Options = {}) {
    super();
    this.groups = groups;
    this.channels = channels;
    this.eps = options.eps ?? 1e-5;
    if (channels % groups !== 0) this.fail(`${channels} channels are not divisible by ${groups} groups`);
    if (options.affine ?? true) {
      this.weight = parameter(ones([channels]));
      this.bias = parameter(zeros([channels]));
    }
  }
  forward(x: Tensor): Tensor {
    if (x.shape[1] !== this.channels) this.fail(`expected [N, ${this.channels}, ...], got ${x}`);
    return groupNorm(x, this.groups, this);
  }
}

/** Normalizes over `size` adjacent channels (Krizhevsky et al. 2012, section 3.3). */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: { readonly alpha?: number; readonly beta?: number; readonly k?: number };

  constructor(size: number, options: { alpha?: number; beta?: number; k?: number } = {}) {
    super();
    this.size = size;
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.options);
  }
}

function endsWith(shape: Shape, end: Shape): boolean {
  const start = shape.length - end.length;
  return start >= 0 && end.every((extent, i) => shape[start + i] === extent);
}
