/**
 * LeNet-5's layout (LeCun, Bottou, Bengio & Haffner 1998) for colour images: two 5x5 convolutions, each
 * followed by 2x2 average pooling, and three fully connected layers, all with tanh.
 *
 * What is specific to digits (the table of C3, the radial basis output) is omitted. 62,006 parameters,
 * 0.65 MMAC.
 */
import { Conv2d, Linear } from "@tessera-ml/nn";
import { avgPool2d } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../../classifier.ts";

export class CifarLeNet extends Classifier {
  c1 = new Conv2d(3, 6, 5);
  c3 = new Conv2d(6, 16, 5);
  c5 = new Linear(16 * 5 * 5, 120);
  f6 = new Linear(120, 84);
  output: Linear;

  constructor({ classes = 10 }: { classes?: number } = {}) {
    super();
    this.output = new Linear(84, classes);
  }

  parts(): Part[] {
    return [
      { name: "c1", forward: (x) => this.c1.forward(x).tanh() }, // [N, 6, 28, 28]
      { name: "s2", forward: (x) => avgPool2d(x, 2) }, // [N, 6, 14, 14]
      { name: "c3", forward: (x) => this.c3.forward(x).tanh() }, // [N, 16, 10, 10]
      { name: "s4", forward: (x) => avgPool2d(x, 2) }, // [N, 16, 5, 5]
      { name: "c5", forward: (x) => this.c5.forward(x.flatten(1)).tanh() }, // [N, 120]
      { name: "f6", forward: (x) => this.f6.forward(x).tanh() }, // [N, 84]
      { name: "classifier", forward: (x) => this.output.forward(x) },
    ];
  }
}
