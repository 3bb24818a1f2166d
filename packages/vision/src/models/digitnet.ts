/**
 * A small digit network as one would write it today: the structure of LeNet-5 with batch normalisation
 * (Ioffe & Szegedy 2015), ReLU (Nair & Hinton 2010) and max pooling.
 *
 * 28x28 images, 215,418 parameters, 3.0 MMAC.
 */
import { BatchNorm2d, Conv2d, Linear } from "@tessera-ml/nn";
import { maxPool2d } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export class DigitNet extends Classifier {
  conv1 = new Conv2d(1, 16, 5, { padding: 2, bias: false });
  bn1 = new BatchNorm2d(16);
  conv2 = new Conv2d(16, 32, 5, { padding: 2, bias: false });
  bn2 = new BatchNorm2d(32);
  fc1 = new Linear(32 * 7 * 7, 128);
  fc2: Linear;

  constructor({ classes = 10 }: { classes?: number } = {}) {
    super();
    this.fc2 = new Linear(128, classes);
  }

  /** Images [N, 1, 28, 28] → logits [N, classes]. */
  parts(): Part[] {
    return [
      { name: "conv1", forward: (x) => this.bn1.forward(this.conv1.forward(x)).relu() }, // [N, 16, 28, 28]
      { name: "pool1", forward: (x) => maxPool2d(x, 2) }, // [N, 16, 14, 14]
      { name: "conv2", forward: (x) => this.bn2.forward(this.conv2.forward(x)).relu() }, // [N, 32, 14, 14]
      { name: "pool2", forward: (x) => maxPool2d(x, 2) }, // [N, 32, 7, 7]
      { name: "fc1", forward: (x) => this.fc1.forward(x.flatten(1)).relu() }, // [N, 128]
      { name: "classifier", forward: (x) => this.fc2.forward(x) },
    ];
  }
}
