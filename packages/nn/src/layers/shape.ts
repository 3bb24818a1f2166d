import type { Shape, Tensor } from "@tessera-ml/tensor";
import { Module } from "../module.ts";

/** Joins the axes from `start` to `end` into one; by default all but the first. */
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

/** Splits one axis into several: the opposite of `Flatten`. */
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
