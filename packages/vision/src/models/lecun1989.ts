/**
 * Backpropagation Applied to Handwritten Zip Code Recognition (LeCun et al. 1989): the first convolutional
 * network trained end to end.
 *
 * 16x16 images from −1 (paper) to 1 (ink), two 5x5 convolutions of stride 2 that share weights but not
 * biases, 9,760 parameters, 63,660 multiplications. Paper: 5.0 % error on 2,007 test digits after 23 epochs
 * of 7,291.
 */
import { init, Linear, Module, mse } from "@tessera-ml/nn";
import {
  checkedIndex,
  concat,
  conv2d,
  oneHot,
  parameter,
  type Tensor,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export interface LeCun1989Options {
  /** `scaled`: 1.7159·tanh(2a/3), as in the paper; `tanh`: plain. */
  readonly activation?: "scaled" | "tanh";
  readonly classes?: number;
}

/** A·tanh(S·a) with f(±1) = ±1, so targets of ±1 are within its range (appendix A of LeCun et al. 1998). */
export function scaledTanh(x: Tensor): Tensor {
  return x
    .mul(2 / 3)
    .tanh()
    .mul(1.7159);
}

/** Initialization used in both of LeCun's papers: uniform within ±2.4 / fan-in. */
export function lecunUniform(shape: readonly number[], fanIn: number): Tensor {
  return init.uniform(shape, { low: -2.4 / fanIn, high: 2.4 / fanIn });
}

/**
 * 5x5, stride 2, padded with −1. Maps share their weights, but each unit has its own bias. A map may be
 * connected to some of the inputs only: `groups` lists them, one list for each equal share of the maps.
 */
class UnitBiasConv extends Module {
  weight: Variable;
  bias: Variable;
  readonly #groups: readonly (readonly number[])[];
  constructor(outputs: number, side: number, groups: readonly (readonly number[])[]) {
    super();
    const inputs = (groups[0] as readonly number[]).length;
    this.weight = parameter(lecunUniform([outputs, inputs, 5, 5], inputs * 25));
    this.bias = parameter(zeros([outputs, side, side]));
    this.#groups = groups;
  }
  /** [N, C, 2S, 2S] → [N, O, S, S] */
  forward(x: Tensor): Tensor {
    const border = [2, 2] as const;
    const padded = x.pad([[0, 0], [0, 0], border, border], { value: -1 });
    const maps = (this.weight.shape[0] as number) / this.#groups.length;
    const outputs = this.#groups.map((seen, i) => {
      const inputs = concat(
        seen.map((map) => padded.narrow(1, map, 1)),
        1,
      );
      return conv2d(inputs, this.weight.narrow(0, i * maps, maps), { stride: 2 });
    });
    return concat(outputs, 1).add(this.bias);
  }
}

/**
 * The 8 of H1's 12 maps that each third of H2's maps is connected to. The paper does not give its scheme;
 * any scheme with eight has the same parameter count. This one is from karpathy's reproduction.
 */
const H2_SEES = [
  [0, 1, 2, 3, 4, 5, 6, 7],
  [4, 5, 6, 7, 8, 9, 10, 11],
  [0, 1, 2, 3, 8, 9, 10, 11],
] as const;

export class LeCun1989 extends Classifier {
  h1 = new UnitBiasConv(12, 8, [[0]]);
  h2 = new UnitBiasConv(12, 4, H2_SEES);
  h3 = new Linear(12 * 4 * 4, 30);
  out: Linear;
  readonly #activation: (x: Tensor) => Tensor;

  constructor({ activation = "scaled", classes = 10 }: LeCun1989Options = {}) {
    super();
    this.#activation = activation === "scaled" ? scaledTanh : (x) => x.tanh();
    this.out = new Linear(30, classes);
    for (const layer of [this.h3, this.out]) {
      layer.weight.assign(lecunUniform(layer.weight.shape, layer.inFeatures));
      layer.bias?.assign(zeros(layer.bias.shape));
    }
    // Nine out of ten targets are −1.
    this.out.bias?.assign(init.constant([classes], -1));
  }

  /** Images [N, 1, 16, 16] → [N, classes], each output between −1.7159 and 1.7159. */
  parts(): Part[] {
    const f = this.#activation;
    return [
      { name: "h1", forward: (x) => f(this.h1.forward(x)) }, // [N, 12, 8, 8]
      { name: "h2", forward: (x) => f(this.h2.forward(x)) }, // [N, 12, 4, 4]
      { name: "h3", forward: (x) => f(this.h3.forward(x.flatten(1))) }, // [N, 30]
      { name: "classifier", forward: (x) => f(this.out.forward(x)) },
    ];
  }

  /**
   * Least squares with targets of ±1 trains an output towards its mean, 2P − 1, so P = (output + 1) / 2.
   * The ten need not sum to 1, so they are divided by their sum.
   */
  override probabilities(outputs: Tensor): Tensor {
    const each = outputs.add(1).div(2).clamp(1e-6, 1);
    return each.div(each.sum(1, true));
  }
}

/** The paper's loss: mean squared error with target +1 for the digit and −1 for all others. */
export function squaredErrorLoss(outputs: Tensor, labels: Tensor): Tensor {
  const classes = outputs.shape[1] as number;
  const checked = checkedIndex(labels, classes, { what: "squaredErrorLoss: label" });
  const target = oneHot(checked, classes).mul(2).sub(1);
  return mse(outputs, target);
}
