/**
 * MobileNets (Howard et al. 2017) and MobileNetV2: Inverted Residuals and Linear Bottlenecks (Sandler
 * et al. 2018).
 *
 * A depthwise convolution filters each channel separately and a 1x1 convolution mixes the channels, at an
 * eighth to a ninth of the cost of a full 3x3. V1 has timm's names: 4,231,976 parameters, 0.57 GMAC, 70.6 %
 * top-1 (paper). V2 has torchvision's: 3,504,872 parameters, 0.30 GMAC, 71.88 %.
 */
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  init,
  type Layer,
  Linear,
  Module,
  ReLU6,
  Sequential,
} from "@tessera-ml/nn";
import { relu6, type Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

/** Rounds a width to a multiple of 8, at most a tenth below the exact value. */
export function roundWidth(width: number): number {
  const rounded = Math.max(8, Math.floor((width + 4) / 8) * 8);
  return rounded < 0.9 * width ? rounded + 8 : rounded;
}

/** Depthwise 3x3, then 1x1, each with batch norm and ReLU6. */
class DepthwiseSeparable extends Module {
  conv_dw: Conv2d;
  bn1: BatchNorm2d;
  conv_pw: Conv2d;
  bn2: BatchNorm2d;
  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.conv_dw = new Conv2d(inputs, inputs, 3, { stride, padding: 1, groups: inputs, bias: false });
    this.bn1 = new BatchNorm2d(inputs);
    this.conv_pw = new Conv2d(inputs, outputs, 1, { bias: false });
    this.bn2 = new BatchNorm2d(outputs);
  }
  forward(x: Tensor): Tensor {
    const y = relu6(this.bn1.forward(this.conv_dw.forward(x)));
    return relu6(this.bn2.forward(this.conv_pw.forward(y)));
  }
}

/** Table 1 of the V1 paper: width and stride of each block, by stage. */
const V1_STAGES = [
  [[64, 1]],
  [
    [128, 2],
    [128, 1],
  ],
  [
    [256, 2],
    [256, 1],
  ],
  [
    [512, 2],
    [512, 1],
    [512, 1],
    [512, 1],
    [512, 1],
    [512, 1],
  ],
  [
    [1024, 2],
    [1024, 1],
  ],
] as const;

export class MobileNetV1 extends Classifier {
  conv_stem: Conv2d;
  bn1: BatchNorm2d;
  blocks: Sequential;
  classifier: Linear;

  constructor({ width = 1, classes = 1000 }: { width?: number; classes?: number } = {}) {
    super();
    let inputs = roundWidth(32 * width);
    this.conv_stem = new Conv2d(3, inputs, 3, { stride: 2, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(inputs);
    const stages = V1_STAGES.map((blocks) => {
      const made = blocks.map(([outputs, stride]) => {
        const block = new DepthwiseSeparable(inputs, roundWidth(outputs * width), stride);
        inputs = roundWidth(outputs * width);
        return block;
      });
      return new Sequential(...made);
    });
    this.blocks = new Sequential(...stages);
    this.classifier = new Linear(inputs, classes);
  }

  parts(): Part[] {
    return [
      { name: "stem", forward: (x) => relu6(this.bn1.forward(this.conv_stem.forward(x))) }, // [N, 32, H/2, W/2]
      ...[...this.blocks].map((stage, i): Part => ({ name: `stage${i + 1}`, forward: (x) => run(stage, x) })),
      { name: "classifier", forward: (x) => this.classifier.forward(x.mean([2, 3])) },
    ];
  }
}

function run(layer: Layer, x: Tensor): Tensor {
  return typeof layer === "function" ? layer(x) : layer.forward(x);
}

/** Convolution, batch norm, ReLU6. */
function convBNReLU(
  inputs: number,
  outputs: number,
  kernel: number,
  options: { stride?: number; groups?: number } = {},
): Sequential {
  const conv = new Conv2d(inputs, outputs, kernel, { ...options, padding: (kernel - 1) / 2, bias: false });
  return new Sequential(conv, new BatchNorm2d(outputs), new ReLU6());
}

/** Expands by 1x1, filters depthwise, projects by 1x1 without an activation (section 3.3 of V2). */
class InvertedResidual extends Module {
  conv: Sequential;
  readonly #residual: boolean;
  constructor(inputs: number, outputs: number, stride: number, expansion: number) {
    super();
    const hidden = inputs * expansion;
    this.#residual = stride === 1 && inputs === outputs;
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [convBNReLU(inputs, hidden, 1)]),
      convBNReLU(hidden, hidden, 3, { stride, groups: hidden }),
      new Conv2d(hidden, outputs, 1, { bias: false }),
      new BatchNorm2d(outputs),
    );
  }
  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.#residual ? x.add(y) : y;
  }
}

/** Table 2 of the V2 paper. */
export const V2_STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** A row of table 2: expansion, width, number of blocks, stride of the first block. */
export type V2Stage = readonly [expansion: number, width: number, blocks: number, stride: number];

export interface MobileNetV2Config {
  /** Width multiplier. */
  readonly width?: number;
  readonly stages?: readonly V2Stage[];
  /** Channels before the classifier, default 1280. */
  readonly last?: number;
  readonly classes?: number;
}

export class MobileNetV2 extends Classifier {
  features: Sequential;
  classifier: Sequential;
  readonly #ends: readonly number[];

  constructor(config: MobileNetV2Config = {}) {
    super();
    const { width = 1, stages = V2_STAGES, last: widest = 1280, classes = 1000 } = config;
    let inputs = roundWidth(32 * width);
    const layers: (Module & { forward(x: Tensor): Tensor })[] = [convBNReLU(3, inputs, 3, { stride: 2 })];
    const ends = [1];
    for (const [expansion, base, count, first] of stages) {
      const outputs = roundWidth(base * width);
      for (let i = 0; i < count; i++) {
        layers.push(new InvertedResidual(inputs, outputs, i === 0 ? first : 1, expansion));
        inputs = outputs;
      }
      ends.push(layers.length);
    }
    const last = roundWidth(widest * Math.max(1, width));
    layers.push(convBNReLU(inputs, last, 1));
    ends.push(layers.length);
    this.features = new Sequential(...layers);
    this.#ends = ends;
    this.classifier = new Sequential(new Dropout(0.2), new Linear(last, classes));
    for (const module of this.namedModules().values())
      if (module instanceof Conv2d)
        module.weight.assign(init.kaimingNormal(module.weight.shape, { mode: "fanOut" }));
  }

  parts(): Part[] {
    const layers = [...this.features];
    const names = ["stem", ...this.#ends.slice(2).map((_, i) => `stage${i + 1}`), "head"];
    return [
      ...names.map((name, i): Part => {
        const part = layers.slice(this.#ends[i - 1] ?? 0, this.#ends[i]);
        return { name, forward: (x) => part.reduce((y, layer) => run(layer, y), x) };
      }),
      { name: "classifier", forward: (x) => this.classifier.forward(x.mean([2, 3])) },
    ];
  }
}
