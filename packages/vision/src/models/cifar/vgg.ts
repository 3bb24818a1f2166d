/**
 * VGG's layout (Simonyan & Zisserman 2014) for small images: pairs of 3x3 convolutions, doubling in width after
 * every pooling, with batch norm, which came a year later.
 *
 * Eight convolutions and two fully connected layers. 427,898 parameters, 13 MMAC.
 */
import { BatchNorm2d, Conv2d, init, Linear, MaxPool2d, ReLU, Sequential } from "@tessera-ml/nn";
import { Classifier, type Part } from "../../classifier.ts";

const WIDTHS = [16, 32, 64, 128] as const;

export class CifarVGG extends Classifier {
  stages: Sequential[];
  classifier: Sequential;

  constructor({ classes = 10 }: { classes?: number } = {}) {
    super();
    this.stages = WIDTHS.map((width, i) => {
      const conv = (inputs: number) => {
        const made = new Conv2d(inputs, width, 3, { padding: 1, bias: false });
        made.weight.assign(init.kaimingNormal(made.weight.shape, { mode: "fanOut" }));
        return [made, new BatchNorm2d(width), new ReLU()];
      };
      return new Sequential(...conv(WIDTHS[i - 1] ?? 3), ...conv(width), new MaxPool2d(2));
    });
    this.classifier = new Sequential(new Linear(128 * 2 * 2, 256), new ReLU(), new Linear(256, classes));
  }

  parts(): Part[] {
    return [
      ...this.stages.map((stage, i): Part => ({ name: `stage${i + 1}`, forward: (x) => stage.forward(x) })), // [N, 16·2ⁱ, 16/2ⁱ, 16/2ⁱ]
      { name: "classifier", forward: (x) => this.classifier.forward(x.flatten(1)) },
    ];
  }
}
