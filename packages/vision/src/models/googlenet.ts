/**
 * Going Deeper with Convolutions (Szegedy et al. 2014): GoogLeNet.
 *
 * An inception module looks at its input at several scales in parallel; 1x1 convolutions before the larger
 * ones keep them cheap. Names are torchvision's and so, by default, are its departures from the paper: batch
 * norm (eps 0.001), and 3x3 in place of 5x5, as the published weights require. 6,624,904 parameters without
 * the auxiliary heads, 13,004,888 with; 1.5 GMAC; 69.78 % top-1. `paper: true` builds the paper's network:
 * biases instead of batch norm and true 5x5, 6,998,552 parameters.
 */
import { BatchNorm2d, Conv2d, Dropout, init, Linear, MaxPool2d, Module, Sequential } from "@tessera-ml/nn";
import { adaptiveAvgPool2d, avgPool2d, concat, type Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export interface GoogLeNetConfig {
  readonly classes?: number;
  /** Two auxiliary heads for training (their losses are added with weight 0.3). */
  readonly auxLogits?: boolean;
  /** Takes ImageNet-normalised images and renormalises them the way the published weights were trained. */
  readonly transformInput?: boolean;
  /** The paper's network instead of torchvision's. */
  readonly paper?: boolean;
}

interface Style {
  readonly paper: boolean;
}

/** Convolution, batch norm (or, as in the paper, a bias) and ReLU. */
class BasicConv2d extends Module {
  conv: Conv2d;
  bn: BatchNorm2d | undefined;
  constructor(
    inputs: number,
    outputs: number,
    kernel: number,
    options: { stride?: number; padding?: number },
    { paper }: Style,
  ) {
    super();
    this.conv = new Conv2d(inputs, outputs, kernel, { ...options, bias: paper });
    this.bn = paper ? undefined : new BatchNorm2d(outputs, { eps: 0.001 });
  }
  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return (this.bn ? this.bn.forward(y) : y).relu();
  }
}

/** Widths of an inception module: 1x1; reduction and 3x3; reduction and 5x5; pooled branch. */
type Widths = readonly [
  one: number,
  reduce3: number,
  three: number,
  reduce5: number,
  five: number,
  pool: number,
];

/** Table 1 of the paper. */
const INCEPTIONS = {
  inception3a: [192, [64, 96, 128, 16, 32, 32]],
  inception3b: [256, [128, 128, 192, 32, 96, 64]],
  inception4a: [480, [192, 96, 208, 16, 48, 64]],
  inception4b: [512, [160, 112, 224, 24, 64, 64]],
  inception4c: [512, [128, 128, 256, 24, 64, 64]],
  inception4d: [512, [112, 144, 288, 32, 64, 64]],
  inception4e: [528, [256, 160, 320, 32, 128, 128]],
  inception5a: [832, [256, 160, 320, 32, 128, 128]],
  inception5b: [832, [384, 192, 384, 48, 128, 128]],
} as const satisfies Record<string, readonly [number, Widths]>;

export class Inception extends Module {
  branch1: BasicConv2d;
  branch2: Sequential;
  branch3: Sequential;
  branch4: Sequential;
  constructor([inputs, [one, reduce3, three, reduce5, five, pool]]: readonly [number, Widths], style: Style) {
    super();
    const [wide, padding] = style.paper ? [5, 2] : [3, 1];
    this.branch1 = new BasicConv2d(inputs, one, 1, {}, style);
    this.branch2 = new Sequential(
      new BasicConv2d(inputs, reduce3, 1, {}, style),
      new BasicConv2d(reduce3, three, 3, { padding: 1 }, style),
    );
    this.branch3 = new Sequential(
      new BasicConv2d(inputs, reduce5, 1, {}, style),
      new BasicConv2d(reduce5, five, wide, { padding }, style),
    );
    this.branch4 = new Sequential(
      new MaxPool2d(3, { stride: 1, padding: 1, ceilMode: true }),
      new BasicConv2d(inputs, pool, 1, {}, style),
    );
  }
  forward(x: Tensor): Tensor {
    const branches = [this.branch1, this.branch2, this.branch3, this.branch4];
    return concat(
      branches.map((branch) => branch.forward(x)),
      1,
    ); // [N, 1x1 + 3x3 + 5x5 + pool, H, W]
  }
}

/** An auxiliary head: shortens the gradient's path to the lower layers. */
class InceptionAux extends Module {
  conv: BasicConv2d;
  fc1 = new Linear(2048, 1024);
  fc2: Linear;
  dropout = new Dropout(0.7);
  readonly #paper: boolean;
  constructor(inputs: number, classes: number, style: Style) {
    super();
    this.conv = new BasicConv2d(inputs, 128, 1, {}, style);
    this.fc2 = new Linear(1024, classes);
    this.#paper = style.paper;
  }
  forward(x: Tensor): Tensor {
    const pooled = this.#paper ? avgPool2d(x, 5, { stride: 3 }) : adaptiveAvgPool2d(x, 4); // [N, C, 4, 4]
    const y = this.fc1.forward(this.conv.forward(pooled).flatten(1)).relu();
    return this.fc2.forward(this.dropout.forward(y));
  }
}

export class GoogLeNet extends Classifier {
  conv1: BasicConv2d;
  conv2: BasicConv2d;
  conv3: BasicConv2d;
  inception3a: Inception;
  inception3b: Inception;
  inception4a: Inception;
  inception4b: Inception;
  inception4c: Inception;
  inception4d: Inception;
  inception4e: Inception;
  inception5a: Inception;
  inception5b: Inception;
  aux1: InceptionAux | undefined;
  aux2: InceptionAux | undefined;
  fc: Linear;
  pool3 = new MaxPool2d(3, { stride: 2, ceilMode: true });
  pool2 = new MaxPool2d(2, { stride: 2, ceilMode: true });
  dropout: Dropout;
  readonly #transformInput: boolean;
  readonly #paper: boolean;

  constructor(config: GoogLeNetConfig = {}) {
    super();
    const { classes = 1000, auxLogits = false, transformInput = false, paper = false } = config;
    const style = { paper };
    this.#transformInput = transformInput;
    this.#paper = paper;
    this.conv1 = new BasicConv2d(3, 64, 7, { stride: 2, padding: 3 }, style);
    this.conv2 = new BasicConv2d(64, 64, 1, {}, style);
    this.conv3 = new BasicConv2d(64, 192, 3, { padding: 1 }, style);
    const inception = (name: keyof typeof INCEPTIONS) => new Inception(INCEPTIONS[name], style);
    this.inception3a = inception("inception3a");
    this.inception3b = inception("inception3b");
    this.inception4a = inception("inception4a");
    this.inception4b = inception("inception4b");
    this.inception4c = inception("inception4c");
    this.inception4d = inception("inception4d");
    this.inception4e = inception("inception4e");
    this.inception5a = inception("inception5a");
    this.inception5b = inception("inception5b");
    this.aux1 = auxLogits ? new InceptionAux(512, classes, style) : undefined;
    this.aux2 = auxLogits ? new InceptionAux(528, classes, style) : undefined;
    this.dropout = new Dropout(paper ? 0.4 : 0.2);
    this.fc = new Linear(1024, classes);
    for (const [path, parameter] of this.parameters())
      if (path.endsWith("weight") && parameter.rank > 1)
        parameter.assign(init.truncatedNormal(parameter.shape, { std: 0.01 }));
  }

  parts(): Part[] {
    const paper = this.#paper;
    const last = paper ? this.pool3 : this.pool2;
    return [
      {
        name: "stem",
        forward: (x) => {
          const y = this.pool3.forward(this.conv1.forward(this.#transformInput ? transform(x) : x)); // [N, 64, 56, 56]
          return this.pool3.forward(this.conv3.forward(this.conv2.forward(y))); // [N, 192, 28, 28]
        },
      },
      { name: "inception3a", forward: (x) => this.inception3a.forward(x) },
      { name: "inception3b", forward: (x) => this.pool3.forward(this.inception3b.forward(x)) }, // [N, 480, 14, 14]
      { name: "inception4a", forward: (x) => this.inception4a.forward(x) },
      { name: "inception4b", forward: (x) => this.inception4b.forward(x) },
      { name: "inception4c", forward: (x) => this.inception4c.forward(x) },
      { name: "inception4d", forward: (x) => this.inception4d.forward(x) },
      { name: "inception4e", forward: (x) => last.forward(this.inception4e.forward(x)) }, // [N, 832, 7, 7]
      { name: "inception5a", forward: (x) => this.inception5a.forward(x) },
      { name: "inception5b", forward: (x) => this.inception5b.forward(x) }, // [N, 1024, 7, 7]
      { name: "classifier", forward: (x) => this.fc.forward(this.dropout.forward(x.mean([2, 3]))) },
    ];
  }

  /** Logits of the classifier and of both auxiliary heads, for training. */
  forwardWithAux(x: Tensor): { logits: Tensor; aux: readonly Tensor[] } {
    const aux: Tensor[] = [];
    let y = x;
    for (const stage of this.parts()) {
      y = stage.forward(y);
      if (stage.name === "inception4a" && this.aux1) aux.push(this.aux1.forward(y));
      if (stage.name === "inception4d" && this.aux2) aux.push(this.aux2.forward(y));
    }
    return { logits: y, aux };
  }
}

/** From ImageNet's mean and standard deviation to 0.5 and 0.5, per channel. */
function transform(x: Tensor): Tensor {
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ] as const;
  const planes = mean.map((m, c) =>
    x
      .narrow(1, c, 1)
      .mul((std[c] as number) / 0.5)
      .add((m - 0.5) / 0.5),
  );
  return concat(planes, 1);
}
