/**
 * GoogLeNet's layout (Szegedy et al. 2014) for small images: four inception modules, an eighth to a quarter as
 * wide as the original's, with pooling in between, and global average pooling instead of fully connected layers.
 */
import { BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU, Sequential } from "@tessera-ml/nn";
import { Classifier, type Part } from "../../classifier.ts";
import { Inception } from "../googlenet.ts";

/** These have 64 and 128 output channels. */
const NARROW = [16, 24, 32, 4, 8, 8] as const;
const WIDE = [32, 32, 64, 8, 16, 16] as const;
const STYLE = { paper: false };

export class CifarGoogLeNet extends Classifier {
  stem = new Sequential(
    new Conv2d(3, 32, 3, { padding: 1, bias: false }),
    new BatchNorm2d(32),
    new ReLU(),
    new MaxPool2d(2),
  );
  inception3a = new Inception([32, NARROW], STYLE);
  inception3b = new Inception([64, NARROW], STYLE);
  inception4a = new Inception([64, WIDE], STYLE);
  inception4b = new Inception([128, WIDE], STYLE);
  pool = new MaxPool2d(2);
  fc: Linear;

  constructor({ classes = 10 }: { classes?: number } = {}) {
    super();
    this.fc = new Linear(128, classes);
  }

  parts(): Part[] {
    return [
      { name: "stem", forward: (x) => this.stem.forward(x) }, // [N, 32, 16, 16]
      { name: "inception3a", forward: (x) => this.inception3a.forward(x) }, // [N, 64, 16, 16]
      { name: "inception3b", forward: (x) => this.pool.forward(this.inception3b.forward(x)) }, // [N, 64, 8, 8]
      { name: "inception4a", forward: (x) => this.inception4a.forward(x) }, // [N, 128, 8, 8]
      { name: "inception4b", forward: (x) => this.inception4b.forward(x) }, // [N, 128, 8, 8]
      { name: "classifier", forward: (x) => this.fc.forward(x.mean([2, 3])) },
    ];
  }
}
