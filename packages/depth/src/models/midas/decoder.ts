/**
 * The decoder of MiDaS and DPT, from RefineNet (Lin et al. 2017): maps of four resolutions are fused from coarse to
 * fine. It is called `scratch` in the files.
 */
import { Conv2d, Module, ReLU, Sequential, Upsample } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import {
  conv3x3,
  enlarge,
  extent,
  FeatureFusionBlock,
  type Four,
  ResidualConvUnit,
  twice,
} from "../dpt-head.ts";

export interface DecoderConfig {
  /** Channels of the encoder's maps, fine to coarse. */
  readonly channels: Four<number>;
  /** Channels of the maps that are fused, fine to coarse. */
  readonly features: Four<number>;
  /**
   * - `plain`: MiDaS v2.1, where the skip connections of the residual units add relu(x)
   * - `projected`: its successors, with a 1x1 convolution after each fusion, where they add x
   */
  readonly fusion: "plain" | "projected";
  /** Whether the last enlargement aligns corners, as those of the fusions do. */
  readonly alignOutput: boolean;
  /** Whether the coarsest fusion has the (unused) unit for a second input, as in the files; default true. */
  readonly unusedUnit?: boolean;
}

/**
 * y + conv(relu(conv(y))) with y = relu(x): the first activation of the original code works in place, so that the skip
 * connection adds its result.
 */
class RectifiedConvUnit extends ResidualConvUnit {
  override forward(x: Tensor): Tensor {
    return super.forward(x.relu());
  }
}

/** The fusion of MiDaS v2.1, without a convolution after the enlargement. */
class PlainFusionBlock extends Module {
  resConfUnit1: RectifiedConvUnit;
  resConfUnit2: RectifiedConvUnit;
  constructor(features: number) {
    super();
    this.resConfUnit1 = new RectifiedConvUnit(features);
    this.resConfUnit2 = new RectifiedConvUnit(features);
  }
  /** Path [B, F, h, w] and map [B, F, h, w] to [B, F, ...size]. */
  forward(path: Tensor, map: Tensor | undefined, size: readonly number[]): Tensor {
    const sum = map ? path.add(this.resConfUnit1.forward(map)) : path;
    return enlarge(this.resConfUnit2.forward(sum), size);
  }
}

/** Bilinear enlargement to twice the size. */
export function double(alignCorners: boolean): Upsample {
  return new Upsample({ scale: 2, mode: "bilinear", alignCorners });
}

export class Decoder extends Module {
  layer1_rn: Conv2d;
  layer2_rn: Conv2d;
  layer3_rn: Conv2d;
  layer4_rn: Conv2d;
  refinenet1: FeatureFusionBlock | PlainFusionBlock;
  refinenet2: FeatureFusionBlock | PlainFusionBlock;
  refinenet3: FeatureFusionBlock | PlainFusionBlock;
  refinenet4: FeatureFusionBlock | PlainFusionBlock;
  output_conv: Sequential;

  /** @param output from the finest path, [B, f1, H/2, W/2], to [B, 1, H, W]; default that of MiDaS */
  constructor(
    { channels: [c1, c2, c3, c4], features, fusion, alignOutput, unusedUnit = true }: DecoderConfig,
    output?: Sequential,
  ) {
    super();
    const [f1, f2, f3, f4] = features;
    this.layer1_rn = conv3x3(c1, f1, { bias: false });
    this.layer2_rn = conv3x3(c2, f2, { bias: false });
    this.layer3_rn = conv3x3(c3, f3, { bias: false });
    this.layer4_rn = conv3x3(c4, f4, { bias: false });
    const block = (from: number, to: number, twoInputs = true) =>
      fusion === "plain" ? new PlainFusionBlock(from) : new FeatureFusionBlock(from, twoInputs, to);
    this.refinenet1 = block(f1, f1);
    this.refinenet2 = block(f2, f1);
    this.refinenet3 = block(f3, f2);
    this.refinenet4 = block(f4, f3, unusedUnit);
    this.output_conv =
      output ??
      new Sequential(
        conv3x3(f1, f1 / 2),
        double(alignOutput),
        conv3x3(f1 / 2, 32),
        new ReLU(),
        new Conv2d(32, 1, 1),
        new ReLU(),
      );
  }

  /**
   * Maps of an encoder, [B, c1, H/4, W/4], [B, c2, H/8, W/8], [B, c3, H/16, W/16] and [B, c4, H/32, W/32], to inverse
   * depth up to an unknown scale and shift, [B, H, W].
   */
  forward([layer1, layer2, layer3, layer4]: Four<Tensor>): Tensor {
    const map1 = this.layer1_rn.forward(layer1); // [B, f1, H/4, W/4]
    const map2 = this.layer2_rn.forward(layer2); // [B, f2, H/8, W/8]
    const map3 = this.layer3_rn.forward(layer3); // [B, f3, H/16, W/16]
    const map4 = this.layer4_rn.forward(layer4); // [B, f4, H/32, W/32]
    const path4 = this.refinenet4.forward(map4, undefined, extent(map3)); // [B, f3, H/16, W/16]
    const path3 = this.refinenet3.forward(path4, map3, extent(map2)); // [B, f2, H/8, W/8]
    const path2 = this.refinenet2.forward(path3, map2, extent(map1)); // [B, f1, H/4, W/4]
    const path1 = this.refinenet1.forward(path2, map1, twice(map1)); // [B, f1, H/2, W/2]
    return this.output_conv.forward(path1).squeeze(1);
  }
}
