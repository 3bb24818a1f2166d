/** EfficientNet-Lite0 as the encoder of dense networks: its maps at four scales. */
import { type BatchNorm2d, Module, Sequential } from "@tessera-ml/nn";
import { relu6, type Tensor } from "@tessera-ml/tensor";
import { EfficientNetLite } from "./efficientnet-lite.ts";

/** Stages that are kept; the seventh would add a fifth of the parameters and little else. */
const STAGES = 6;

/** EfficientNet-Lite0 without its last stage and classifier: 2.4 M parameters. */
export class LiteEncoder extends Module {
  conv_stem: EfficientNetLite["conv_stem"];
  bn1: BatchNorm2d;
  blocks: Sequential;
  /** Channels of the maps, fine to coarse. */
  readonly widths: readonly [number, number, number, number] = [24, 40, 112, 192];

  /** @param classifier gives its layers away */
  constructor(classifier = new EfficientNetLite()) {
    super();
    this.conv_stem = classifier.conv_stem;
    this.bn1 = classifier.bn1;
    this.blocks = new Sequential(...[...classifier.blocks].slice(0, STAGES));
  }

  /** [B, 3, H, W] → [B, 24, H/4, W/4], [B, 40, H/8, W/8], [B, 112, H/16, W/16], [B, 192, H/32, W/32] */
  forward(x: Tensor): [Tensor, Tensor, Tensor, Tensor] {
    const [quarter, eighth] = this.early(x);
    return [quarter, eighth, ...this.late(eighth)];
  }

  /** The first half of the stages, where edges and textures are seen: the maps of strides 4 and 8. */
  early(x: Tensor): [Tensor, Tensor] {
    const [first, second, third] = this.#stages(0, 3);
    const y = relu6(this.bn1.forward(this.conv_stem.forward(x))); // [B, 32, H/2, W/2]
    const quarter = second!.forward(first!.forward(y));
    return [quarter, third!.forward(quarter)];
  }

  /** The second half, from the map of stride 8: the maps of strides 16 and 32. */
  late(eighth: Tensor): [Tensor, Tensor] {
    const [fourth, fifth, sixth] = this.#stages(3, STAGES);
    const sixteenth = fifth!.forward(fourth!.forward(eighth));
    return [sixteenth, sixth!.forward(sixteenth)];
  }

  #stages(first: number, end: number): Sequential[] {
    return [...this.blocks].slice(first, end) as Sequential[];
  }
}
