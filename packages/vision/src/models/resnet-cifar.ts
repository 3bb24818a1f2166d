/**
 * Deep Residual Learning for Image Recognition (He, Zhang, Ren & Sun 2015), section 4.2: the small
 * ResNets for CIFAR-10.
 *
 * 6n + 2 layers on 32x32 images, parameter-free shortcuts (option A). Names are those of akamaster's
 * checkpoints. ResNet-20: 269,722 parameters, 41 MMAC, 91.25 % (paper); ResNet-110: 1,727,962, 93.57 %.
 */
import { BatchNorm2d, Conv2d, init, Linear, Module, Sequential } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";
import { SqueezeExcite } from "./resnet.ts";

/** Two 3x3 convolutions and a parameter-free shortcut. */
class Block extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  se: SqueezeExcite | undefined;
  constructor(inputs: number, width: number, stride: number, reduction: number | undefined) {
    super();
    this.conv1 = new Conv2d(inputs, width, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.se = reduction ? new SqueezeExcite(width, width / reduction) : undefined;
  }
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y));
    if (this.se) y = this.se.forward(y);
    return y.add(this.#shortcut(x)).relu();
  }
  /** Subsamples by two and pads the new channels with zeros, half before and half after. */
  #shortcut(x: Tensor): Tensor {
    const { inChannels, outChannels } = this.conv1;
    if (inChannels === outChannels) return x;
    const added = (outChannels - inChannels) / 2;
    const sparse = x.index(null, null, [null, null, 2], [null, null, 2]);
    return sparse.pad([
      [0, 0],
      [added, added],
      [0, 0],
      [0, 0],
    ]);
  }
}

export class CifarResNet extends Classifier {
  conv1 = new Conv2d(3, 16, 3, { padding: 1, bias: false });
  bn1 = new BatchNorm2d(16);
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  linear: Linear;

  /**
   * @param config `depth` is 6n + 2: 20, 32, 44, 56, 110; `reduction` adds squeeze-and-excitation to each
   * block
   */
  constructor({ depth, reduction, classes = 10 }: { depth: number; reduction?: number; classes?: number }) {
    super();
    const count = (depth - 2) / 6;
    if (!Number.isInteger(count) || count < 1)
      throw new Error(`ResNet for CIFAR: expected a depth of 6n + 2, got ${depth}`);
    const stage = (inputs: number, width: number, stride: number) =>
      new Sequential(
        ...Array.from({ length: count }, (_, i) =>
          i === 0 ? new Block(inputs, width, stride, reduction) : new Block(width, width, 1, reduction),
        ),
      );
    this.layer1 = stage(16, 16, 1);
    this.layer2 = stage(16, 32, 2);
    this.layer3 = stage(32, 64, 2);
    this.linear = new Linear(64, classes);
    for (const module of this.namedModules().values())
      if (module instanceof Conv2d || module instanceof Linear)
        module.weight.assign(init.kaimingNormal(module.weight.shape));
  }

  parts(): Part[] {
    return [
      { name: "stem", forward: (x) => this.bn1.forward(this.conv1.forward(x)).relu() }, // [N, 16, 32, 32]
      { name: "layer1", forward: (x) => this.layer1.forward(x) }, // [N, 16, 32, 32]
      { name: "layer2", forward: (x) => this.layer2.forward(x) }, // [N, 32, 16, 16]
      { name: "layer3", forward: (x) => this.layer3.forward(x) }, // [N, 64, 8, 8]
      { name: "classifier", forward: (x) => this.linear.forward(x.mean([2, 3])) },
    ];
  }
}

export const CIFAR_DEPTHS = [20, 32, 44, 56, 110] as const;
