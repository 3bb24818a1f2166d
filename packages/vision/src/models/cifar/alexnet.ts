/**
 * AlexNet's layout (Krizhevsky, Sutskever & Hinton 2012) for small images: five convolutions with ReLU, the
 * first strided, overlapping pooling, and dropout (0.2, since training is short) before two fully connected layers.
 *
 * Strides and widths are scaled to the image; local response norm is omitted. 736,906 parameters, 15 MMAC.
 */
import { Conv2d, Dropout, init, Linear, MaxPool2d, ReLU, Sequential } from "@tessera-ml/nn";
import { Classifier, type Part } from "../../classifier.ts";

export class CifarAlexNet extends Classifier {
  conv1 = new Sequential(new Conv2d(3, 48, 5, { stride: 2, padding: 2 }), new ReLU(), overlapping());
  conv2 = new Sequential(new Conv2d(48, 96, 5, { padding: 2 }), new ReLU(), overlapping());
  conv3 = new Sequential(new Conv2d(96, 128, 3, { padding: 1 }), new ReLU());
  conv4 = new Sequential(new Conv2d(128, 128, 3, { padding: 1 }), new ReLU());
  conv5 = new Sequential(new Conv2d(128, 96, 3, { padding: 1 }), new ReLU(), overlapping());
  classifier: Sequential;

  constructor({ classes = 10 }: { classes?: number } = {}) {
    super();
    this.classifier = new Sequential(
      new Dropout(0.2),
      new Linear(96 * 2 * 2, 384),
      new ReLU(),
      new Dropout(0.2),
      new Linear(384, 256),
      new ReLU(),
      new Linear(256, classes),
    );
    // With the paper's N(0, 0.01), training takes days to get going; He initialization fixes that.
    for (const module of this.namedModules().values())
      if (module instanceof Conv2d) module.weight.assign(init.kaimingNormal(module.weight.shape));
  }

  parts(): Part[] {
    return [
      { name: "conv1", forward: (x) => this.conv1.forward(x) }, // [N, 48, 8, 8]
      { name: "conv2", forward: (x) => this.conv2.forward(x) }, // [N, 96, 4, 4]
      { name: "conv3", forward: (x) => this.conv3.forward(x) }, // [N, 128, 4, 4]
      { name: "conv4", forward: (x) => this.conv4.forward(x) }, // [N, 128, 4, 4]
      { name: "conv5", forward: (x) => this.conv5.forward(x) }, // [N, 96, 2, 2]
      { name: "classifier", forward: (x) => this.classifier.forward(x.flatten(1)) },
    ];
  }
}

/** 3x3 windows with stride 2 (section 3.4). */
function overlapping(): MaxPool2d {
  return new MaxPool2d(3, { stride: 2, padding: 1 });
}
