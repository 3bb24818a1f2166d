/**
 * Very Deep Convolutional Networks for Large-Scale Image Recognition (Simonyan & Zisserman 2014).
 *
 * Only 3x3 convolutions: two have the receptive field of one 5x5, three that of one 7x7, with fewer weights and
 * more nonlinearities. Names are torchvision's. VGG-16: 138,357,544 parameters, 15.47 GMAC, 71.59 % top-1.
 */
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  init,
  type Layer,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from "@tessera-ml/nn";
import { adaptiveAvgPool2d } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

/** Columns A, B, D and E of the paper's table 1: the number of 3x3 convolutions in each of the five stages. */
const DEPTHS = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const;
const WIDTHS = [64, 128, 256, 512, 512] as const;

export interface VGGConfig {
  readonly depth: keyof typeof DEPTHS;
  readonly batchNorm?: boolean;
  readonly classes?: number;
}

export class VGG extends Classifier {
  features: Sequential;
  classifier: Sequential;
  /** Index at which each stage of `features` ends, after its pooling. */
  readonly #ends: readonly number[];

  constructor({ depth, batchNorm = false, classes = 1000 }: VGGConfig) {
    super();
    const layers: Layer[] = [];
    const ends: number[] = [];
    let inputs = 3;
    DEPTHS[depth].forEach((count, stage) => {
      const width = WIDTHS[stage] as number;
      for (let i = 0; i < count; i++) {
        const conv = new Conv2d(inputs, width, 3, { padding: 1 });
        conv.weight.assign(init.kaimingNormal(conv.weight.shape, { mode: "fanOut" }));
        layers.push(conv, ...(batchNorm ? [new BatchNorm2d(width)] : []), new ReLU());
        inputs = width;
      }
      layers.push(new MaxPool2d(2));
      ends.push(layers.length);
    });
    this.features = new Sequential(...layers);
    this.#ends = ends;
    this.classifier = new Sequential(
      new Linear(512 * 7 * 7, 4096),
      new ReLU(),
      new Dropout(),
      new Linear(4096, 4096),
      new ReLU(),
      new Dropout(),
      new Linear(4096, classes),
    );
  }

  parts(): Part[] {
    const layers = [...this.features];
    const parts = this.#ends.map((end, i): Part => {
      const part = new Sequential(...layers.slice(this.#ends[i - 1] ?? 0, end));
      return { name: `stage${i + 1}`, forward: (x) => part.forward(x) }; // [N, width, H/2ⁱ⁺¹, W/2ⁱ⁺¹]
    });
    return [
      ...parts,
      // Pools any image size to 7x7, as the first layer's weights expect.
      { name: "classifier", forward: (x) => this.classifier.forward(adaptiveAvgPool2d(x, 7).flatten(1)) },
    ];
  }
}
