/** TensorFlow's "same" padding: ⌈extent / stride⌉ outputs, with the odd entry of padding at the end. */
import { Conv2d } from "@tessera-ml/nn";
import { conv2d, type Tensor } from "@tessera-ml/tensor";

/** Padding of the height and width of x [N, C, H, W]. */
export function samePadding(
  x: Tensor,
  kernel: number,
  stride: number,
): (readonly [before: number, after: number])[] {
  return x.shape.slice(2).map((extent) => {
    const total = Math.max(0, (Math.ceil(extent / stride) - 1) * stride + kernel - extent);
    return [Math.floor(total / 2), Math.ceil(total / 2)] as const;
  });
}

/** A convolution with a square kernel and "same" padding: [N, C, H, W] → [N, O, ⌈H/stride⌉, ⌈W/stride⌉]. */
export class SameConv2d extends Conv2d {
  readonly kernel: number;
  readonly stride: number;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: number,
    { stride = 1, groups = 1, bias = true }: { stride?: number; groups?: number; bias?: boolean } = {},
  ) {
    super(inChannels, outChannels, kernel, { stride, groups, bias });
    this.kernel = kernel;
    this.stride = stride;
  }
  override forward(x: Tensor): Tensor {
    return this.convolve(x, this.weight);
  }
  /** Convolves with `weight`, which may be derived from the layer's own. */
  protected convolve(x: Tensor, weight: Tensor): Tensor {
    const options = this.prepare(x);
    return conv2d(x, weight, { ...options, padding: samePadding(x, this.kernel, this.stride) });
  }
}
