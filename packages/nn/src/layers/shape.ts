import {
  pixelShuffle,
  pixelUnshuffle,
  type ResizeOptions,
  resize,
  type Shape,
  type Tensor,
} from "@tessera-ml/tensor";
import { Module } from "../module.ts";

/** Merges the axes from `start` to `end` into one; by default all but the first. */
export class Flatten extends Module {
  readonly start: number;
  readonly end: number;
  constructor(start = 1, end = -1) {
    super();
    this.start = start;
    this.end = end;
  }
  forward(x: Tensor): Tensor {
    return x.flatten(this.start, this.end);
  }
}

/** Splits one axis into several: the inverse of `Flatten`. */
export class Unflatten extends Module {
  readonly axis: number;
  readonly shape: Shape;
  constructor(axis: number, shape: Shape) {
    super();
    this.axis = axis;
    this.shape = shape;
  }
  forward(x: Tensor): Tensor {
    const at = this.axis < 0 ? this.axis + x.rank : this.axis;
    return x.reshape([...x.shape.slice(0, at), ...this.shape, ...x.shape.slice(at + 1)]);
  }
}

/** Resizes [N, C, ...] to `size` or by the factor `scale`; nearest neighbour by default. */
export class Upsample extends Module {
  readonly options: ResizeOptions;
  constructor(options: ResizeOptions) {
    super();
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return resize(x, this.options);
  }
}

/** [N, C·r², H, W] → [N, C, H·r, W·r] (Shi et al. 2016). */
export class PixelShuffle extends Module {
  readonly factor: number;
  constructor(factor: number) {
    super();
    this.factor = factor;
  }
  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.factor);
  }
}
/** [N, C, H·r, W·r] → [N, C·r², H, W]. */
export class PixelUnshuffle extends Module {
  readonly factor: number;
  constructor(factor: number) {
    super();
    this.factor = factor;
  }
  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.factor);
  }
}
