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
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
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
}
export class MaxPool2d extends MaxPool {
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernel, this.options);
  }
}
export class MaxPool3d extends MaxPool {
  forward(x: Tensor): Tensor {
    return maxPool3d(x, this.kernel, this.options);
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
