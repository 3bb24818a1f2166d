import {
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type IndexedMaxima,
  type MaxPoolOptions,
  type MaxUnpoolOptions,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
  type PerAxis,
  type Tensor,
} from "@tessera-ml/tensor";
import { Module } from "../module.ts";

abstract class MaxPool extends Module {
  readonly kernel: PerAxis;
  readonly options: MaxPoolOptions;
  constructor(kernel: PerAxis, options: MaxPoolOptions = {}) {
    super();
    this.kernel = kernel;
    this.options = options;
  }
}
export class MaxPool1d extends MaxPool {
  forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernel, this.options);
  }
  /** The maxima and their positions, for `MaxUnpool1d`. */
  withIndices(x: Tensor): IndexedMaxima {
    return maxPool1dWithIndices(x, this.kernel, this.options);
  }
}
export class MaxPool2d extends MaxPool {
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernel, this.options);
  }
  /** The maxima and their positions, for `MaxUnpool2d`. */
  withIndices(x: Tensor): IndexedMaxima {
    return maxPool2dWithIndices(x, this.kernel, this.options);
  }
}
export class MaxPool3d extends MaxPool {
  forward(x: Tensor): Tensor {
    return maxPool3d(x, this.kernel, this.options);
  }
  /** The maxima and their positions, for `MaxUnpool3d`. */
  withIndices(x: Tensor): IndexedMaxima {
    return maxPool3dWithIndices(x, this.kernel, this.options);
  }
}

/** Partial inverse of a `MaxPool` with the same kernel, stride and padding: entries that were no maximum are zero. */
abstract class MaxUnpool extends Module {
  readonly kernel: PerAxis;
  readonly options: Omit<MaxUnpoolOptions, "outputSize">;
  constructor(kernel: PerAxis, options: Omit<MaxUnpoolOptions, "outputSize"> = {}) {
    super();
    this.kernel = kernel;
    this.options = options;
  }
  /** Adds `outputSize`, the spatial extents, needed if the windows of the pool did not cover its whole input. */
  protected sized(outputSize: PerAxis | undefined): MaxUnpoolOptions {
    return outputSize === undefined ? this.options : { ...this.options, outputSize };
  }
}
export class MaxUnpool1d extends MaxUnpool {
  forward(x: Tensor, indices: Tensor, outputSize?: PerAxis): Tensor {
    return maxUnpool1d(x, indices, this.kernel, this.sized(outputSize));
  }
}
export class MaxUnpool2d extends MaxUnpool {
  forward(x: Tensor, indices: Tensor, outputSize?: PerAxis): Tensor {
    return maxUnpool2d(x, indices, this.kernel, this.sized(outputSize));
  }
}
export class MaxUnpool3d extends MaxUnpool {
  forward(x: Tensor, indices: Tensor, outputSize?: PerAxis): Tensor {
    return maxUnpool3d(x, indices, this.kernel, this.sized(outputSize));
  }
}

abstract class AvgPool extends Module {
  readonly kernel: PerAxis;
  readonly options: AvgPoolOptions;
  constructor(kernel: PerAxis, options: AvgPoolOptions = {}) {
    super();
    this.kernel = kernel;
    this.options = options;
  }
}
export class AvgPool1d extends AvgPool {
  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernel, this.options);
  }
}
export class AvgPool2d extends AvgPool {
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernel, this.options);
  }
}
export class AvgPool3d extends AvgPool {
  forward(x: Tensor): Tensor {
    return avgPool3d(x, this.kernel, this.options);
  }
}

abstract class AdaptivePool extends Module {
  readonly outputSize: PerAxis;
  constructor(outputSize: PerAxis) {
    super();
    this.outputSize = outputSize;
  }
}
export class AdaptiveAvgPool1d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }
}
export class AdaptiveAvgPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}
export class AdaptiveAvgPool3d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool3d(x, this.outputSize);
  }
}
export class AdaptiveMaxPool1d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool1d(x, this.outputSize);
  }
}
export class AdaptiveMaxPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool2d(x, this.outputSize);
  }
}
export class AdaptiveMaxPool3d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool3d(x, this.outputSize);
  }
}
