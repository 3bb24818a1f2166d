/**
 * Deep Residual Learning for Image Recognition (He, Zhang, Ren & Sun 2015), with optional Squeeze-and-Excitation (Hu,
 * Shen & Sun 2017), and ResNeXt: Aggregated Residual Transformations for Deep Neural Networks (Xie et al. 2017).
 *
 * A block learns a residual that is added to its input, so extra depth does no harm. Names are torchvision's.
 * ResNet-50: 25,557,032 parameters, 4.09 GMAC, 76.13 % top-1 on ImageNet (the bottleneck's stride is on its
 * 3x3 convolution, "v1.5"; the paper puts it on the first 1x1).
 */
import { BatchNorm2d, Conv2d, init, Linear, MaxPool2d, Module, Sequential } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export interface ResNetConfig {
  readonly block: "basic" | "bottleneck";
  /** Number of blocks in each of the four stages. */
  readonly layers: readonly [number, number, number, number];
  /** Reduction ratio of squeeze-and-excitation; without it there is none. */
  readonly reduction?: number;
  /** ResNeXt: groups of the bottlenecks' 3x3 convolutions, default 1. */
  readonly groups?: number;
  /** ResNeXt: channels per group in the first stage, default 64. */
  readonly groupWidth?: number;
  /** As in Caffe's weights: a bottleneck's stride is on its first 1x1, and the pooling is unpadded. */
  readonly caffe?: boolean;
  readonly classes?: number;
}

/** Channel attention: one weight per channel, computed from the means of all channels (SENet, section 3). */
export class SqueezeExcite extends Module {
  fc1: Conv2d;
  fc2: Conv2d;
  constructor(channels: number, reduced: number) {
    super();
    this.fc1 = new Conv2d(channels, reduced, 1);
    this.fc2 = new Conv2d(reduced, channels, 1);
  }
  forward(x: Tensor): Tensor {
    const squeezed = x.mean([2, 3], true); // [N, C, 1, 1]
    return x.mul(this.fc2.forward(this.fc1.forward(squeezed).relu()).sigmoid());
  }
}

interface BlockOptions {
  readonly stride: number;
  readonly reduction?: number | undefined;
  readonly caffe?: boolean;
  readonly groups?: number;
  readonly groupWidth?: number;
}

/** A 1x1 convolution of the input if the block changes its shape. */
function shortcut(inputs: number, outputs: number, stride: number): Sequential | undefined {
  if (stride === 1 && inputs === outputs) return undefined;
  return new Sequential(new Conv2d(inputs, outputs, 1, { stride, bias: false }), new BatchNorm2d(outputs));
}

/** Two 3x3 convolutions. */
class BasicBlock extends Module {
  static readonly expansion = 1;
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  se: SqueezeExcite | undefined;
  downsample: Sequential | undefined;
  constructor(inputs: number, width: number, { stride, reduction }: BlockOptions) {
    super();
    this.conv1 = new Conv2d(inputs, width, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    // timm's networks never squeeze below 8 channels.
    this.se = reduction ? new SqueezeExcite(width, Math.max(8, width / reduction)) : undefined;
    this.downsample = shortcut(inputs, width, stride);
  }
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y));
    if (this.se) y = this.se.forward(y);
    return y.add(this.downsample ? this.downsample.forward(x) : x).relu();
  }
}

/** A 3x3 convolution between two 1x1 that reduce and restore the width. */
class Bottleneck extends Module {
  static readonly expansion = 4;
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  se: SqueezeExcite | undefined;
  downsample: Sequential | undefined;
  constructor(inputs: number, width: number, options: BlockOptions) {
    super();
    const { stride, reduction, caffe = false, groups = 1, groupWidth = 64 } = options;
    const [first, second] = caffe ? [stride, 1] : [1, stride];
    const outputs = width * Bottleneck.expansion;
    const inner = (width * groups * groupWidth) / 64;
    this.conv1 = new Conv2d(inputs, inner, 1, { stride: first, bias: false });
    this.bn1 = new BatchNorm2d(inner);
    this.conv2 = new Conv2d(inner, inner, 3, { stride: second, padding: 1, groups, bias: false });
    this.bn2 = new BatchNorm2d(inner);
    this.conv3 = new Conv2d(inner, outputs, 1, { bias: false });
    this.bn3 = new BatchNorm2d(outputs);
    this.se = reduction ? new SqueezeExcite(outputs, outputs / reduction) : undefined;
    this.downsample = shortcut(inputs, outputs, stride);
  }
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y)).relu();
    y = this.bn3.forward(this.conv3.forward(y));
    if (this.se) y = this.se.forward(y);
    return y.add(this.downsample ? this.downsample.forward(x) : x).relu();
  }
}

export class ResNet extends Classifier {
  conv1 = new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
  bn1 = new BatchNorm2d(64);
  pool: MaxPool2d;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  fc: Linear;

  constructor(config: ResNetConfig) {
    super();
    const { block, layers, reduction, caffe = false, groups = 1, groupWidth = 64, classes = 1000 } = config;
    this.pool = new MaxPool2d(3, caffe ? { stride: 2, ceilMode: true } : { stride: 2, padding: 1 });
    const Block = block === "basic" ? BasicBlock : Bottleneck;
    let inputs = 64;
    const stage = (width: number, count: number, stride: number): Sequential => {
      const blocks = Array.from({ length: count }, (_, i) => {
        const made = new Block(inputs, width, {
          stride: i === 0 ? stride : 1,
          ...{ reduction, caffe, groups, groupWidth },
        });
        inputs = width * Block.expansion;
        return made;
      });
      return new Sequential(...blocks);
    };
    this.layer1 = stage(64, layers[0], 1);
    this.layer2 = stage(128, layers[1], 2);
    this.layer3 = stage(256, layers[2], 2);
    this.layer4 = stage(512, layers[3], 2);
    this.fc = new Linear(inputs, classes);
    for (const module of this.namedModules().values())
      if (module instanceof Conv2d)
        module.weight.assign(init.kaimingNormal(module.weight.shape, { mode: "fanOut" }));
  }

  parts(): Part[] {
    return [
      { name: "stem", forward: (x) => this.pool.forward(this.bn1.forward(this.conv1.forward(x)).relu()) }, // [N, 64, H/4, W/4]
      { name: "layer1", forward: (x) => this.layer1.forward(x) }, // [N, 64·e, H/4, W/4]
      { name: "layer2", forward: (x) => this.layer2.forward(x) }, // [N, 128·e, H/8, W/8]
      { name: "layer3", forward: (x) => this.layer3.forward(x) }, // [N, 256·e, H/16, W/16]
      { name: "layer4", forward: (x) => this.layer4.forward(x) }, // [N, 512·e, H/32, W/32]
      { name: "classifier", forward: (x) => this.fc.forward(x.mean([2, 3])) },
    ];
  }
}

export const resnetConfigs = {
  resnet18: { block: "basic", layers: [2, 2, 2, 2] },
  resnet34: { block: "basic", layers: [3, 4, 6, 3] },
  resnet50: { block: "bottleneck", layers: [3, 4, 6, 3] },
  resnet101: { block: "bottleneck", layers: [3, 4, 23, 3] },
  resnet152: { block: "bottleneck", layers: [3, 8, 36, 3] },
  seresnet18: { block: "basic", layers: [2, 2, 2, 2], reduction: 16 },
  seresnet34: { block: "basic", layers: [3, 4, 6, 3], reduction: 16 },
  seresnet50: { block: "bottleneck", layers: [3, 4, 6, 3], reduction: 16 },
  seresnet101: { block: "bottleneck", layers: [3, 4, 23, 3], reduction: 16 },
  seresnet152: { block: "bottleneck", layers: [3, 8, 36, 3], reduction: 16 },
} as const satisfies Record<string, ResNetConfig>;

export const resnextConfigs = {
  resnext50_32x4d: { block: "bottleneck", layers: [3, 4, 6, 3], groups: 32, groupWidth: 4 },
  resnext101_32x8d: { block: "bottleneck", layers: [3, 4, 23, 3], groups: 32, groupWidth: 8 },
} as const satisfies Record<string, ResNetConfig>;
