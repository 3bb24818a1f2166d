/**
 * Gradient-Based Learning Applied to Document Recognition (LeCun, Bottou, Bengio & Haffner 1998): LeNet-5.
 *
 * 32x32 images (28x28 digits in the centre), background −0.1 and ink 1.175; convolutions, subsampling
 * with trained coefficients, and an output layer that measures the distance to a template of each digit.
 * 60,000 parameters, 340,908 connections; 0.95 % error on MNIST, 0.8 % with distorted digits.
 */
import { Conv2d, crossEntropy, Linear, Module } from "@tessera-ml/nn";
import {
  avgPool2d,
  buffer,
  checkedIndex,
  concat,
  conv2d,
  fromArray,
  gather,
  ones,
  parameter,
  type Tensor,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";
import { lecunUniform, scaledTanh } from "./lecun1989.ts";

export interface LeNet5Options {
  /** `rbf`: distances to the codes, as in the paper; `softmax`: ten linear units, as is usual today. */
  readonly output?: "rbf" | "softmax";
  readonly classes?: number;
}

/** The sum of each 2x2 block, times a trained coefficient per map, plus a bias. */
class Subsampling extends Module {
  weight: Variable;
  bias: Variable;
  constructor(maps: number) {
    super();
    this.weight = parameter(lecunUniform([maps], 4).add(ones([maps]).mul(0.25)));
    this.bias = parameter(zeros([maps]));
  }
  /** [N, C, H, W] → [N, C, H/2, W/2] */
  forward(x: Tensor): Tensor {
    const sum = avgPool2d(x, 2, { stride: 2 }).mul(4);
    return sum.mul(this.weight.reshape([-1, 1, 1])).add(this.bias.reshape([-1, 1, 1]));
  }
}

/** Table I: the maps of S2 each map of C3 is connected to. Different inputs lead to different features. */
export const C3_TABLE: readonly (readonly number[])[] = [
  [0, 1, 2],
  [1, 2, 3],
  [2, 3, 4],
  [3, 4, 5],
  [0, 4, 5],
  [0, 1, 5],
  [0, 1, 2, 3],
  [1, 2, 3, 4],
  [2, 3, 4, 5],
  [0, 3, 4, 5],
  [0, 1, 4, 5],
  [0, 1, 2, 5],
  [0, 1, 3, 4],
  [1, 2, 4, 5],
  [0, 2, 3, 5],
  [0, 1, 2, 3, 4, 5],
];

/** A 5x5 convolution with a connection table: one kernel per connection, 60 of them in C3. */
class PartialConv extends Module {
  /** In table order, [connections, 5, 5]. */
  weight: Variable;
  bias: Variable;
  readonly #inputs: number;
  readonly #table: readonly (readonly number[])[];
  constructor(inputs: number, table: readonly (readonly number[])[]) {
    super();
    this.#inputs = inputs;
    this.#table = table;
    const kernels = table.map((seen) => lecunUniform([seen.length, 5, 5], 25 * seen.length));
    this.weight = parameter(concat(kernels, 0));
    this.bias = parameter(zeros([table.length]));
  }
  forward(x: Tensor): Tensor {
    // Missing connections are zeros in a full kernel; all share one row of zeros.
    const padded = concat([this.weight, zeros([1, 5, 5])], 0);
    const absent = this.weight.shape[0] as number;
    let next = 0;
    const rows = this.#table.flatMap((seen) =>
      Array.from({ length: this.#inputs }, (_, map) => (seen.includes(map) ? next++ : absent)),
    );
    const kernel = concat(
      rows.map((row) => padded.narrow(0, row, 1)),
      0,
    ).reshape([this.#table.length, this.#inputs, 5, 5]);
    return conv2d(x, kernel, { bias: this.bias });
  }
}

/**
 * The digit bitmaps of figure 3, 7x12, as transcribed in the literature: `#` is +1. Similar characters have
 * similar codes, so a language model that reads the output can resolve confusions.
 */
const DRAWINGS = `
.#####. ...##.. .#####. ####### .#####. .#####. ..####. ####### .#####. .#####.
....... ..###.. ....... .....## ....... ....... .##.... .....## ##...## ##..###
..###.. .####.. .#####. ....##. ....... ####### ##..... .....## ##...## ##...##
.##.##. ...##.. ##...## ...##.. .##..## ##..... ##..... ....##. ##...## ##...##
##...## ...##.. #....## ..####. .##..## ##..... ######. ...##.. .#####. ##..###
##...## ...##.. ....##. .....## ###..## .####.. ###..## ...##.. ##...## .######
##...## ...##.. ..###.. .....## ##...## ..####. ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ##...## .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ##..### ##...## ###..## ..##... ##...## ....##.
..###.. .###### ####### .#####. .###### .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
`;

/** One code of 84 values of ±1 per digit, row by row. */
export function digitCodes(): Float32Array<ArrayBuffer> {
  const rows = DRAWINGS.trim()
    .split("\n")
    .map((line) => line.split(" "));
  const digits = Array.from({ length: 10 }, (_, digit) => rows.map((row) => row[digit] as string).join(""));
  return Float32Array.from(digits.join(""), (pixel) => (pixel === "#" ? 1 : -1));
}

/** Euclidean radial basis functions: squared distances to fixed codes. [N, 84] → [N, 10] */
class RadialBasis extends Module {
  /** Fixed by design, not trained. */
  codes = buffer(fromArray(digitCodes(), [10, 84]));
  forward(x: Tensor): Tensor {
    return x.unsqueeze(1).sub(this.codes).square().sum(-1);
  }
}

export class LeNet5 extends Classifier {
  c1 = new Conv2d(1, 6, 5);
  s2 = new Subsampling(6);
  c3 = new PartialConv(6, C3_TABLE);
  s4 = new Subsampling(16);
  /** A convolution that covers its whole input: [N, 16, 5, 5] → [N, 120, 1, 1]. */
  c5 = new Conv2d(16, 120, 5);
  f6 = new Linear(120, 84);
  output: RadialBasis | Linear;

  constructor({ output = "rbf", classes = 10 }: LeNet5Options = {}) {
    super();
    if (output === "rbf" && classes !== 10)
      throw new Error(`LeNet-5: there are codes for the 10 digits only, got ${classes} classes`);
    this.output = output === "rbf" ? new RadialBasis() : new Linear(84, classes);
    for (const layer of [this.c1, this.c5, this.f6]) {
      const fanIn = layer.weight.size / (layer.weight.shape[0] as number);
      layer.weight.assign(lecunUniform(layer.weight.shape, fanIn));
      layer.bias?.assign(zeros(layer.bias.shape));
    }
  }

  /** Images [N, 1, 32, 32] → scores [N, classes]: negated distances to the codes, or logits. */
  parts(): Part[] {
    const { output } = this;
    return [
      { name: "c1", forward: (x) => scaledTanh(this.c1.forward(x)) }, // [N, 6, 28, 28]
      { name: "s2", forward: (x) => scaledTanh(this.s2.forward(x)) }, // [N, 6, 14, 14]
      { name: "c3", forward: (x) => scaledTanh(this.c3.forward(x)) }, // [N, 16, 10, 10]
      { name: "s4", forward: (x) => scaledTanh(this.s4.forward(x)) }, // [N, 16, 5, 5]
      { name: "c5", forward: (x) => scaledTanh(this.c5.forward(x)) }, // [N, 120, 1, 1]
      { name: "f6", forward: (x) => scaledTanh(this.f6.forward(x.flatten(1))) }, // [N, 84]
      {
        name: "classifier",
        forward: (x) => (output instanceof Linear ? output.forward(x) : output.forward(x).neg()),
      },
    ];
  }

  // For both outputs, probabilities are the softmax of the scores: the paper reads a distance as a negative
  // log-probability.

  /** The training loss: `rbfLoss` for the paper's output, cross-entropy for softmax. */
  loss(scores: Tensor, labels: Tensor): Tensor {
    return this.output instanceof Linear ? crossEntropy(scores, labels) : rbfLoss(scores.neg(), labels);
  }
}

/**
 * The paper's discriminative loss (equation 9): the distance to the correct code, plus a penalty on the
 * other distances that fades once they exceed j. Mean over the batch.
 *
 * @param distances [N, classes]
 * @param labels [N]
 */
export function rbfLoss(distances: Tensor, labels: Tensor, j = 0.1): Tensor {
  const [batch, classes] = distances.shape as [number, number];
  const index = checkedIndex(labels, classes, { what: "rbfLoss: label" }).unsqueeze(1);
  const right = gather(distances, 1, index, { unchecked: true }).squeeze(1); // [N]
  const rubbish = zeros([batch, 1]).sub(j);
  return right.add(concat([rubbish, distances.neg()], 1).logSumExp(1)).mean();
}
