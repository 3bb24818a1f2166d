/**
 * Squeeze-and-Excitation Networks (Hu, Shen & Sun 2017): SENet-154, the winner of ILSVRC 2017.
 *
 * A ResNeXt-152 (64 groups) with squeeze-and-excitation; its stem is three 3x3 convolutions and its
 * shortcuts downsample by 3x3. Names are those of the published weights (timm's `legacy_senet154`).
 * 115,088,984 parameters, 20.7 GMAC, 81.32 % top-1. SE-ResNets are in `resnet.ts`.
 */
import { BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Module, Sequential } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";
import { SqueezeExcite } from "./resnet.ts";

const GROUPS = 64;
const REDUCTION = 16;

class SEBottleneck extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  se_module: SqueezeExcite;
  downsample: Sequential | undefined;
  constructor(inputs: number, planes: number, stride: number, downsample: Sequential | undefined) {
    super();
    this.conv1 = new Conv2d(inputs, planes * 2, 1, { bias: false });
    this.bn1 = new BatchNorm2d(planes * 2);
    this.conv2 = new Conv2d(planes * 2, planes * 4, 3, { stride, padding: 1, groups: GROUPS, bias: false });
    this.bn2 = new BatchNorm2d(planes * 4);
    this.conv3 = new Conv2d(planes * 4, planes * 4, 1, { bias: false });
    this.bn3 = new BatchNorm2d(planes * 4);
    this.se_module = new SqueezeExcite(planes * 4, (planes * 4) / REDUCTION);
    this.downsample = downsample;
  }
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y)).relu();
    y = this.se_module.forward(this.bn3.forward(this.conv3.forward(y)));
    return y.add(this.downsample ? this.downsample.forward(x) : x).relu();
  }
}

class Stem extends Module {
  conv1 = new Conv2d(3, 64, 3, { stride: 2, padding: 1, bias: false });
  bn1 = new BatchNorm2d(64);
  conv2 = new Conv2d(64, 64, 3, { padding: 1, bias: false });
  bn2 = new BatchNorm2d(64);
  conv3 = new Conv2d(64, 128, 3, { padding: 1, bias: false });
  bn3 = new BatchNorm2d(128);
  pool: MaxPool2d;
  constructor(padPool: boolean) {
    super();
    this.pool = new MaxPool2d(3, padPool ? { stride: 2, padding: 1 } : { stride: 2, ceilMode: true });
  }
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y)).relu();
    y = this.bn3.forward(this.conv3.forward(y)).relu();
    return this.pool.forward(y); // [N, 128, H/4, W/4]
  }
}

export class SENet154 extends Classifier {
  layer0: Stem;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  last_linear: Linear;
  dropout = new Dropout(0.2);

  /** @param padPool pads the stem's pooling, as Gluon's weights require; the original ones (Caffe) do not */
  constructor({ padPool = false, classes = 1000 }: { padPool?: boolean; classes?: number } = {}) {
    super();
    this.layer0 = new Stem(padPool);
    let inputs = 128;
    const stage = (planes: number, count: number, stride: number, kernel: 1 | 3): Sequential => {
      const shortcut = new Sequential(
        new Conv2d(inputs, planes * 4, kernel, { stride, padding: (kernel - 1) / 2, bias: false }),
        new BatchNorm2d(planes * 4),
      );
      const blocks = Array.from({ length: count }, (_, i) => {
        const block = new SEBottleneck(inputs, planes, i === 0 ? stride : 1, i === 0 ? shortcut : undefined);
        inputs = planes * 4;
        return block;
      });
      return new Sequential(...blocks);
    };
    this.layer1 = stage(64, 3, 1, 1);
    this.layer2 = stage(128, 8, 2, 3);
    this.layer3 = stage(256, 36, 2, 3);
    this.layer4 = stage(512, 3, 2, 3);
    this.last_linear = new Linear(2048, classes);
  }

  parts(): Part[] {
    return [
      { name: "stem", forward: (x) => this.layer0.forward(x) },
      { name: "layer1", forward: (x) => this.layer1.forward(x) },
      { name: "layer2", forward: (x) => this.layer2.forward(x) },
      { name: "layer3", forward: (x) => this.layer3.forward(x) },
      { name: "layer4", forward: (x) => this.layer4.forward(x) },
      { name: "classifier", forward: (x) => this.last_linear.forward(this.dropout.forward(x.mean([2, 3]))) },
    ];
  }
}
