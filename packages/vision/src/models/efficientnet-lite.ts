/**
 * EfficientNet-Lite (TensorFlow 2020), the networks of EfficientNet: Rethinking Model Scaling for Convolutional Neural
 * Networks (Tan & Le 2019) for phones: without squeeze-and-excitation, with ReLU6 instead of swish, and with a stem and
 * head that are not scaled.
 *
 * Names are timm's (`tf_efficientnet_lite0` and so on). Lite0: 4,652,008 parameters, 0.4 GMAC at 224 x 224, 74.8 %
 * top-1. The networks are TensorFlow's: "same" padding, and an epsilon of 1e-3 in batch norm.
 */
import { BatchNorm2d, Conv2d, Dropout, init, Linear, Module, Sequential } from "@tessera-ml/nn";
import { relu6, type Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";
import { roundWidth } from "./mobilenet.ts";
import { SameConv2d } from "./same-conv.ts";

export interface EfficientNetLiteConfig {
  /** Width multiplier of the blocks, default 1. */
  readonly width?: number;
  /** Depth multiplier of all stages but the first and the last, default 1. */
  readonly depth?: number;
  /** Probability of dropping a feature before the classifier in training, default 0.2. */
  readonly dropout?: number;
  readonly classes?: number;
}

/** Table 1 of the paper: kernel, stride of the first block, expansion, width and blocks of each stage. */
const STAGES = [
  [3, 1, 1, 16, 1],
  [3, 2, 6, 24, 2],
  [5, 2, 6, 40, 2],
  [3, 2, 6, 80, 3],
  [5, 1, 6, 112, 3],
  [5, 2, 6, 192, 4],
  [3, 1, 6, 320, 1],
] as const;
const STEM = 32;
const HEAD = 1280;

const norm = (channels: number) => new BatchNorm2d(channels, { eps: 1e-3 });
const pointwise = (from: number, to: number) => new Conv2d(from, to, 1, { bias: false });
const depthwise = (channels: number, kernel: number, stride: number) =>
  new SameConv2d(channels, channels, kernel, { stride, groups: channels, bias: false });

/** Depthwise, then 1x1 without an activation: the block of the first stage. */
class DepthwiseSeparable extends Module {
  conv_dw: SameConv2d;
  bn1: BatchNorm2d;
  conv_pw: Conv2d;
  bn2: BatchNorm2d;
  constructor(inputs: number, outputs: number, kernel: number, stride: number) {
    super();
    this.conv_dw = depthwise(inputs, kernel, stride);
    this.bn1 = norm(inputs);
    this.conv_pw = pointwise(inputs, outputs);
    this.bn2 = norm(outputs);
  }
  forward(x: Tensor): Tensor {
    const y = relu6(this.bn1.forward(this.conv_dw.forward(x)));
    return this.bn2.forward(this.conv_pw.forward(y));
  }
}

/** Expands by 1x1, filters depthwise, projects by 1x1 without an activation (MobileNetV2, section 3.3). */
class InvertedResidual extends Module {
  conv_pw: Conv2d;
  bn1: BatchNorm2d;
  conv_dw: SameConv2d;
  bn2: BatchNorm2d;
  conv_pwl: Conv2d;
  bn3: BatchNorm2d;
  readonly residual: boolean;
  constructor(inputs: number, outputs: number, kernel: number, stride: number, expansion: number) {
    super();
    const hidden = inputs * expansion;
    this.residual = stride === 1 && inputs === outputs;
    this.conv_pw = pointwise(inputs, hidden);
    this.bn1 = norm(hidden);
    this.conv_dw = depthwise(hidden, kernel, stride);
    this.bn2 = norm(hidden);
    this.conv_pwl = pointwise(hidden, outputs);
    this.bn3 = norm(outputs);
  }
  forward(x: Tensor): Tensor {
    let y = relu6(this.bn1.forward(this.conv_pw.forward(x)));
    y = relu6(this.bn2.forward(this.conv_dw.forward(y)));
    y = this.bn3.forward(this.conv_pwl.forward(y));
    return this.residual ? y.add(x) : y;
  }
}

/** Number of blocks per stage. */
export function blockCounts({ depth = 1 }: Pick<EfficientNetLiteConfig, "depth">): number[] {
  const last = STAGES.length - 1;
  return STAGES.map(([, , , , blocks], i) => (i === 0 || i === last ? blocks : Math.ceil(blocks * depth)));
}

export class EfficientNetLite extends Classifier {
  conv_stem: SameConv2d;
  bn1: BatchNorm2d;
  blocks: Sequential;
  conv_head: Conv2d;
  bn2: BatchNorm2d;
  dropout: Dropout;
  classifier: Linear;

  constructor({ width = 1, depth = 1, dropout = 0.2, classes = 1000 }: EfficientNetLiteConfig = {}) {
    super();
    this.conv_stem = new SameConv2d(3, STEM, 3, { stride: 2, bias: false });
    this.bn1 = norm(STEM);
    let inputs = STEM;
    const counts = blockCounts({ depth });
    const stages = STAGES.map(([kernel, first, expansion, base], stage) => {
      const outputs = roundWidth(base * width);
      const blocks = Array.from({ length: counts[stage] as number }, (_, i) => {
        const stride = i === 0 ? first : 1;
        const block =
          expansion === 1
            ? new DepthwiseSeparable(inputs, outputs, kernel, stride)
            : new InvertedResidual(inputs, outputs, kernel, stride, expansion);
        inputs = outputs;
        return block;
      });
      return new Sequential(...blocks);
    });
    this.blocks = new Sequential(...stages);
    this.conv_head = pointwise(inputs, HEAD);
    this.bn2 = norm(HEAD);
    this.dropout = new Dropout(dropout);
    this.classifier = new Linear(HEAD, classes);
    for (const module of this.namedModules().values())
      if (module instanceof Conv2d) {
        const { shape } = module.weight;
        const groups = module.inChannels / (shape[1] as number);
        const std = init.kaimingDeviation(shape, { mode: "fanOut" }) * Math.sqrt(groups);
        module.weight.assign(init.normal(shape, { std }));
      }
  }

  parts(): Part[] {
    const stages = [...this.blocks] as Sequential[];
    return [
      { name: "stem", forward: (x) => relu6(this.bn1.forward(this.conv_stem.forward(x))) }, // [N, 32, H/2, W/2]
      ...stages.map((stage, i): Part => ({ name: `stage${i + 1}`, forward: (x) => stage.forward(x) })),
      { name: "head", forward: (x) => relu6(this.bn2.forward(this.conv_head.forward(x))) }, // [N, 1280, H/32, W/32]
      { name: "classifier", forward: (x) => this.classifier.forward(this.dropout.forward(x.mean([2, 3]))) },
    ];
  }
}

export const efficientnetLiteConfigs = {
  tf_efficientnet_lite0: {},
  tf_efficientnet_lite1: { depth: 1.1 },
  tf_efficientnet_lite2: { width: 1.1, depth: 1.2, dropout: 0.3 },
  tf_efficientnet_lite3: { width: 1.2, depth: 1.4, dropout: 0.3 },
  tf_efficientnet_lite4: { width: 1.4, depth: 1.8, dropout: 0.3 },
} as const satisfies Record<string, EfficientNetLiteConfig>;
