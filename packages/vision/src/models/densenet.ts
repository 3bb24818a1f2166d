/**
 * Densely Connected Convolutional Networks (Huang, Liu, van der Maaten & Weinberger 2016).
 *
 * Every layer of a block takes the outputs of all preceding layers as input and adds a few channels.
 * Names are torchvision's. DenseNet-121: 7,978,856 parameters, 2.83 GMAC, 74.43 % top-1.
 */
import { AvgPool2d, BatchNorm2d, Conv2d, init, Linear, MaxPool2d, Module } from "@tessera-ml/nn";
import { concat, type Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export interface DenseNetConfig {
  /** Growth rate: channels added by each layer. */
  readonly growth: number;
  readonly blocks: readonly [number, number, number, number];
  readonly initial: number;
  /** `large` (default): 7x7 and pooling, to a quarter of the size. `small`: 3x3 at full size, for small images. */
  readonly stem?: "large" | "small";
  readonly classes?: number;
}

/** Batch norm and ReLU before each convolution; a 1x1 bottleneck of four times the growth rate (section 3). */
class DenseLayer extends Module {
  norm1: BatchNorm2d;
  conv1: Conv2d;
  norm2: BatchNorm2d;
  conv2: Conv2d;
  constructor(inputs: number, growth: number) {
    super();
    this.norm1 = new BatchNorm2d(inputs);
    this.conv1 = new Conv2d(inputs, 4 * growth, 1, { bias: false });
    this.norm2 = new BatchNorm2d(4 * growth);
    this.conv2 = new Conv2d(4 * growth, growth, 3, { padding: 1, bias: false });
  }
  /** [N, inputs, H, W] → [N, growth, H, W] */
  forward(x: Tensor): Tensor {
    const y = this.conv1.forward(this.norm1.forward(x).relu());
    return this.conv2.forward(this.norm2.forward(y).relu());
  }
}

class DenseBlock extends Module {
  readonly [layer: `denselayer${number}`]: DenseLayer;
  readonly #layers: readonly DenseLayer[];
  constructor(inputs: number, growth: number, count: number) {
    super();
    this.#layers = Array.from({ length: count }, (_, i) => new DenseLayer(inputs + i * growth, growth));
    Object.assign(this, Object.fromEntries(this.#layers.map((layer, i) => [`denselayer${i + 1}`, layer])));
  }
  forward(x: Tensor): Tensor {
    return this.#layers.reduce((seen, layer) => concat([seen, layer.forward(seen)], 1), x);
  }
}

/** Halves channels and resolution between blocks. */
class Transition extends Module {
  norm: BatchNorm2d;
  conv: Conv2d;
  pool = new AvgPool2d(2);
  constructor(inputs: number) {
    super();
    this.norm = new BatchNorm2d(inputs);
    this.conv = new Conv2d(inputs, inputs / 2, 1, { bias: false });
  }
  forward(x: Tensor): Tensor {
    return this.pool.forward(this.conv.forward(this.norm.forward(x).relu()));
  }
}

class Features extends Module {
  conv0: Conv2d;
  norm0: BatchNorm2d;
  pool: MaxPool2d | undefined;
  denseblock1: DenseBlock;
  transition1: Transition;
  denseblock2: DenseBlock;
  transition2: Transition;
  denseblock3: DenseBlock;
  transition3: Transition;
  denseblock4: DenseBlock;
  norm5: BatchNorm2d;
  /** Number of output channels. */
  readonly outputs: number;

  constructor({ growth, blocks, initial, stem = "large" }: DenseNetConfig) {
    super();
    const large = stem === "large";
    const window = large ? { stride: 2, padding: 3 } : { padding: 1 };
    this.conv0 = new Conv2d(3, initial, large ? 7 : 3, { ...window, bias: false });
    this.pool = large ? new MaxPool2d(3, { stride: 2, padding: 1 }) : undefined;
    this.norm0 = new BatchNorm2d(initial);
    const widths: number[] = [];
    let width = initial;
    for (const count of blocks) {
      widths.push(width);
      width = (width + count * growth) / 2;
    }
    const block = (i: 0 | 1 | 2 | 3) => new DenseBlock(widths[i] as number, growth, blocks[i]);
    this.denseblock1 = block(0);
    this.transition1 = new Transition(2 * (widths[1] as number));
    this.denseblock2 = block(1);
    this.transition2 = new Transition(2 * (widths[2] as number));
    this.denseblock3 = block(2);
    this.transition3 = new Transition(2 * (widths[3] as number));
    this.denseblock4 = block(3);
    this.outputs = 2 * width;
    this.norm5 = new BatchNorm2d(this.outputs);
  }

  #stem(x: Tensor): Tensor {
    const y = this.norm0.forward(this.conv0.forward(x)).relu();
    return this.pool ? this.pool.forward(y) : y;
  }

  parts(): Part[] {
    return [
      { name: "stem", forward: (x) => this.#stem(x) },
      { name: "denseblock1", forward: (x) => this.denseblock1.forward(x) },
      { name: "denseblock2", forward: (x) => this.denseblock2.forward(this.transition1.forward(x)) },
      { name: "denseblock3", forward: (x) => this.denseblock3.forward(this.transition2.forward(x)) },
      { name: "denseblock4", forward: (x) => this.denseblock4.forward(this.transition3.forward(x)) },
    ];
  }
}

export class DenseNet extends Classifier {
  features: Features;
  classifier: Linear;

  constructor(config: DenseNetConfig) {
    super();
    this.features = new Features(config);
    this.classifier = new Linear(this.features.outputs, config.classes ?? 1000);
    for (const module of this.namedModules().values())
      if (module instanceof Conv2d) module.weight.assign(init.kaimingNormal(module.weight.shape));
  }

  parts(): Part[] {
    const { norm5 } = this.features;
    return [
      ...this.features.parts(),
      { name: "classifier", forward: (x) => this.classifier.forward(norm5.forward(x).relu().mean([2, 3])) },
    ];
  }
}

export const densenetConfigs = {
  densenet121: { growth: 32, blocks: [6, 12, 24, 16], initial: 64 },
  densenet169: { growth: 32, blocks: [6, 12, 32, 32], initial: 64 },
  densenet201: { growth: 32, blocks: [6, 12, 48, 32], initial: 64 },
  densenet161: { growth: 48, blocks: [6, 12, 36, 24], initial: 96 },
} as const satisfies Record<string, DenseNetConfig>;
