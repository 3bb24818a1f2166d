/**
 * MobileNetV2 (Sandler et al. 2018) as in files converted from TensorFlow: batch norms folded into the
 * convolutions, TensorFlow's padding, and 1,001 classes, of which 0 is the background.
 *
 * Inputs are (x − 127.5) / 127.5. Names are timm's, without the norms. For loading weights see `../tflite/`.
 */
import { Linear, Module, Sequential } from "@tessera-ml/nn";
import { relu6, type Tensor } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";
import { V2_STAGES } from "./mobilenet.ts";
import { SameConv2d } from "./same-conv.ts";

class InvertedResidual extends Module {
  conv_pw: SameConv2d | undefined;
  conv_dw: SameConv2d;
  conv_pwl: SameConv2d;
  readonly #residual: boolean;
  constructor(inputs: number, outputs: number, stride: number, expansion: number) {
    super();
    const hidden = inputs * expansion;
    this.#residual = stride === 1 && inputs === outputs;
    this.conv_pw = expansion === 1 ? undefined : new SameConv2d(inputs, hidden, 1);
    this.conv_dw = new SameConv2d(hidden, hidden, 3, { stride, groups: hidden });
    this.conv_pwl = new SameConv2d(hidden, outputs, 1);
  }
  forward(x: Tensor): Tensor {
    let y = this.conv_pw ? relu6(this.conv_pw.forward(x)) : x;
    y = this.conv_pwl.forward(relu6(this.conv_dw.forward(y)));
    return this.#residual ? x.add(y) : y;
  }
}

export class MobileNetV2TF extends Classifier {
  conv_stem = new SameConv2d(3, 32, 3, { stride: 2 });
  blocks: Sequential;
  conv_head = new SameConv2d(320, 1280, 1);
  classifier: Linear;

  constructor({ classes = 1001 }: { classes?: number } = {}) {
    super();
    let inputs = 32;
    const stages = V2_STAGES.map(([expansion, outputs, count, first]) => {
      const blocks = Array.from({ length: count }, (_, i) => {
        const block = new InvertedResidual(inputs, outputs, i === 0 ? first : 1, expansion);
        inputs = outputs;
        return block;
      });
      return new Sequential(...blocks);
    });
    this.blocks = new Sequential(...stages);
    this.classifier = new Linear(1280, classes);
  }

  parts(): Part[] {
    const stages = [...this.blocks] as Sequential[];
    return [
      { name: "stem", forward: (x) => relu6(this.conv_stem.forward(x)) }, // [N, 32, H/2, W/2]
      ...stages.map((stage, i): Part => ({ name: `stage${i + 1}`, forward: (x) => stage.forward(x) })),
      { name: "head", forward: (x) => relu6(this.conv_head.forward(x)) }, // [N, 1280, H/32, W/32]
      { name: "classifier", forward: (x) => this.classifier.forward(x.mean([2, 3])) },
    ];
  }
}
