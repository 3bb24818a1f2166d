/**
 * 94% on CIFAR-10 in 3.29 Seconds on a Single GPU (Jordan 2024): airbench's network, designed to learn
 * as much as possible in few steps.
 *
 * A frozen first layer that whitens 2x2 patches, six 3x3 convolutions initialized to the identity, batch
 * norm without scale, and scaled-down logits. With the paper's widths (64, 256, 256): 1,972,768 parameters of
 * which 1,971,328 are trained, 118 MMAC for each of the two views.
 */
import { BatchNorm2d, Conv2d, init, Linear, MaxPool2d, Module } from "@tessera-ml/nn";
import { concat, gelu, type Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../../classifier.ts";

/** Twelve whitening filters of a 2x2 patch in three colours, and their negatives. */
const WHITENED = 24;

class Group extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  pool = new MaxPool2d(2);
  constructor(inputs: number, width: number) {
    super();
    this.conv1 = new Conv2d(inputs, width, 3, { padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    for (const { weight } of [this.conv1, this.conv2]) weight.assign(identityFirst(weight));
    this.freeze((path) => path.endsWith("bn1.weight") || path.endsWith("bn2.weight"));
  }
  /** [N, inputs, H, W] → [N, width, H/2, W/2] */
  forward(x: Tensor): Tensor {
    const y = gelu(this.bn1.forward(this.pool.forward(this.conv1.forward(x))));
    return gelu(this.bn2.forward(this.conv2.forward(y)));
  }
}

/** Initializes the first outputs of a convolution to pass its inputs through; the rest stay random. */
function identityFirst(weight: Tensor): Tensor {
  const [outputs, inputs] = weight.shape as [number, number];
  const passed = init.dirac([inputs, ...weight.shape.slice(1)]);
  return concat([passed, weight.narrow(0, inputs, outputs - inputs)], 0);
}

export class CifarSpeedrun extends Classifier {
  whiten = new Conv2d(3, WHITENED, 2, { bias: false });
  group1: Group;
  group2: Group;
  group3: Group;
  pool = new MaxPool2d(3);
  head: Linear;

  constructor({
    widths = [64, 256, 256],
    classes = 10,
  }: {
    widths?: readonly [number, number, number];
    classes?: number;
  } = {}) {
    super();
    this.group1 = new Group(WHITENED, widths[0]);
    this.group2 = new Group(widths[0], widths[1]);
    this.group3 = new Group(widths[1], widths[2]);
    this.head = new Linear(widths[2], classes, { bias: false });
    this.freeze("whiten");
  }

  /** Images [N, 3, 32, 32] → logits [N, classes]. In inference, the mean over the image and its mirror image. */
  override forward(x: Tensor): Tensor {
    const scores = super.forward(x);
    return this.training ? scores : scores.add(super.forward(x.flip(3))).div(2);
  }

  parts(): Part[] {
    return [
      { name: "whiten", forward: (x) => gelu(this.whiten.forward(x)) }, // [N, 24, 31, 31]
      { name: "group1", forward: (x) => this.group1.forward(x) }, // [N, 64, 15, 15]
      { name: "group2", forward: (x) => this.group2.forward(x) }, // [N, 256, 7, 7]
      { name: "group3", forward: (x) => this.group3.forward(x) }, // [N, 256, 3, 3]
      { name: "classifier", forward: (x) => this.head.forward(this.pool.forward(x).flatten(1)).div(9) },
    ];
  }
}
