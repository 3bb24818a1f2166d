/** Activation functions as layers, for `Sequential` and for checkpoints that number them. */
import {
  elu,
  full,
  gelu,
  glu,
  hardsigmoid,
  hardswish,
  leakyRelu,
  logSoftmax,
  mish,
  parameter,
  prelu,
  relu6,
  selu,
  silu,
  softmax,
  softplus,
  type Tensor,
  type Variable,
} from "@tessera-ml/tensor";
import { Module } from "../module.ts";

export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return relu6(x);
  }
}
export class LeakyReLU extends Module {
  readonly slope: number;
  constructor(slope = 0.01) {
    super();
    this.slope = slope;
  }
  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope);
  }
}
/** Leaky ReLU with a learned slope: one for all channels, or one per channel (He et al. 2015). */
export class PReLU extends Module {
  readonly weight: Variable;
  constructor(channels = 1, initial = 0.25) {
    super();
    this.weight = parameter(full([channels], initial));
  }
  forward(x: Tensor): Tensor {
    return prelu(x, this.weight);
  }
}
export class ELU extends Module {
  readonly alpha: number;
  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }
  forward(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }
}
export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return selu(x);
  }
}
export class GELU extends Module {
  readonly approximate: "none" | "tanh";
  constructor(options: { approximate?: "none" | "tanh" } = {}) {
    super();
    this.approximate = options.approximate ?? "none";
  }
  forward(x: Tensor): Tensor {
    return gelu(x, this);
  }
}
/** Also called swish. */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}
export class Mish extends Module {
  forward(x: Tensor): Tensor {
    return mish(x);
  }
}
export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return hardswish(x);
  }
}
export class Hardsigmoid extends Module {
  forward(x: Tensor): Tensor {
    return hardsigmoid(x);
  }
}
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return x.tanh();
  }
}
export class Softplus extends Module {
  forward(x: Tensor): Tensor {
    return softplus(x);
  }
}

abstract class AlongAxis extends Module {
  readonly axis: number;
  constructor(axis = -1) {
    super();
    this.axis = axis;
  }
}
export class Softmax extends AlongAxis {
  forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }
}
export class LogSoftmax extends AlongAxis {
  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }
}
export class GLU extends AlongAxis {
  forward(x: Tensor): Tensor {
    return glu(x, this.axis);
  }
}
