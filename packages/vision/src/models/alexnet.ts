/**
 * ImageNet Classification with Deep Convolutional Neural Networks (Krizhevsky, Sutskever & Hinton 2012).
 *
 * `AlexNetTwoTower` is the paper's network: two groups of channels joined in layer 3, local response
 * normalisation, overlapping pooling; 60,965,224 parameters. `AlexNet` is the single tower of "One weird
 * trick for parallelizing convolutional neural networks" (Krizhevsky 2014) with torchvision's names:
 * 61,100,840 parameters, 0.71 GMAC, 56.52 % top-1.
 */
import {
  Conv2d,
  Dropout,
  init,
  Linear,
  LocalResponseNorm,
  MaxPool2d,
  ReLU,
  Sequential,
} from "@tessera-ml/nn";
import { adaptiveAvgPool2d } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export class AlexNet extends Classifier {
  features = new Sequential(
    new Conv2d(3, 64, 11, { stride: 4, padding: 2 }),
    new ReLU(),
    new MaxPool2d(3, { stride: 2 }),
    new Conv2d(64, 192, 5, { padding: 2 }),
    new ReLU(),
    new MaxPool2d(3, { stride: 2 }),
    new Conv2d(192, 384, 3, { padding: 1 }),
    new ReLU(),
    new Conv2d(384, 256, 3, { padding: 1 }),
    new ReLU(),
    new Conv2d(256, 256, 3, { padding: 1 }),
    new ReLU(),
    new MaxPool2d(3, { stride: 2 }),
  );
  classifier: Sequential;

  constructor({ classes = 1000 }: { classes?: number } = {}) {
    super();
    this.classifier = head(256 * 6 * 6, classes);
  }

  parts(): Part[] {
    return chain(this.features, [3, 6, 8, 10, 13], this.classifier);
  }
}

/** The paper's network, for images of 227x227 (the paper says 224, which does not divide evenly). */
export class AlexNetTwoTower extends Classifier {
  features = new Sequential(
    new Conv2d(3, 96, 11, { stride: 4 }), // [N, 96, 55, 55]
    new ReLU(),
    lrn(),
    new MaxPool2d(3, { stride: 2 }), // [N, 96, 27, 27]
    new Conv2d(96, 256, 5, { padding: 2, groups: 2 }),
    new ReLU(),
    lrn(),
    new MaxPool2d(3, { stride: 2 }), // [N, 256, 13, 13]
    new Conv2d(256, 384, 3, { padding: 1 }), // the towers meet
    new ReLU(),
    new Conv2d(384, 384, 3, { padding: 1, groups: 2 }),
    new ReLU(),
    new Conv2d(384, 256, 3, { padding: 1, groups: 2 }),
    new ReLU(),
    new MaxPool2d(3, { stride: 2 }), // [N, 256, 6, 6]
  );
  classifier: Sequential;

  constructor({ classes = 1000 }: { classes?: number } = {}) {
    super();
    this.classifier = head(256 * 6 * 6, classes);
    // Section 5: N(0, 0.01), and a bias of 1 in the layers where it keeps the first ReLUs active.
    const ones = new Set([
      "features.4.bias",
      "features.10.bias",
      "features.12.bias",
      "classifier.1.bias",
      "classifier.4.bias",
    ]);
    for (const [path, parameter] of this.parameters())
      if (path.endsWith("weight")) parameter.assign(init.normal(parameter.shape, { std: 0.01 }));
      else parameter.assign(init.constant(parameter.shape, ones.has(path) ? 1 : 0));
  }

  parts(): Part[] {
    return chain(this.features, [4, 8, 10, 12, 15], this.classifier);
  }
}

/** b = a / (2 + 1e-4 · Σ a²)^0.75 over 5 channels (section 3.3); our layer divides alpha by the 5. */
function lrn(): LocalResponseNorm {
  return new LocalResponseNorm(5, { alpha: 5e-4, beta: 0.75, k: 2 });
}

function head(inputs: number, classes: number): Sequential {
  return new Sequential(
    new Dropout(),
    new Linear(inputs, 4096),
    new ReLU(),
    new Dropout(),
    new Linear(4096, 4096),
    new ReLU(),
    new Linear(4096, classes),
  );
}

function chain(features: Sequential, ends: readonly number[], classifier: Sequential): Part[] {
  const layers = [...features];
  const parts = ends.map((end, i): Part => {
    const part = new Sequential(...layers.slice(ends[i - 1] ?? 0, end));
    return { name: `conv${i + 1}`, forward: (x) => part.forward(x) };
  });
  return [
    ...parts,
    { name: "classifier", forward: (x) => classifier.forward(adaptiveAvgPool2d(x, 6).flatten(1)) },
  ];
}
