/**
 * Our own small network, for phones and browsers: the first six stages of EfficientNet-Lite0 (2.4 M parameters, from
 * ImageNet) and the decoder of MiDaS with 48 channels everywhere (0.5 M), after the small network of Towards Robust
 * Monocular Depth Estimation (Ranftl et al. 2020) and Real-Time Single Image and Video Depth (Aleotti et al. 2021).
 *
 * The encoder's parameters are named as in timm's `tf_efficientnet_lite0`.
 */
import { Module, ReLU, Sequential } from "@tessera-ml/nn";
import { softplus, type Tensor } from "@tessera-ml/tensor";
import { LiteEncoder } from "@tessera-ml/vision/models";
import { conv3x3, type Four } from "./dpt-head.ts";
import { Decoder, double } from "./midas/decoder.ts";

export interface DepthLiteConfig {
  /** Channels of the decoder, default 48. */
  readonly features?: number;
  /** In metres: makes the network metric. Default: relative disparity. */
  readonly maxDepth?: number;
}

/** Channels of the encoder's maps, fine to coarse. */
const CHANNELS = [24, 40, 112, 192] as const;
export class DepthLite extends Module {
  encoder: LiteEncoder;
  decoder: Decoder;
  readonly maxDepth: number | undefined;

  constructor({ features = 48, maxDepth }: DepthLiteConfig = {}) {
    super();
    this.maxDepth = maxDepth;
    this.encoder = new LiteEncoder();
    this.decoder = new Decoder(
      {
        channels: CHANNELS,
        features: [features, features, features, features],
        fusion: "projected",
        alignOutput: false,
        unusedUnit: false,
      },
      new Sequential(conv3x3(features, 32), new ReLU(), conv3x3(32, 1), double(false)),
    );
  }

  /**
   * @param x [B, 3, H, W], preprocessed, sides multiples of 32
   * @returns [B, H, W]: inverse depth up to an unknown scale and shift, larger is nearer; with `maxDepth` metres
   * @throws if a side is no multiple of 32
   */
  forward(x: Tensor): Tensor {
    return this.estimate(this.features(x));
  }

  /** The encoder's four maps; see {@link LiteEncoder.forward}. */
  features(x: Tensor): Four<Tensor> {
    if (x.rank !== 4 || x.shape[1] !== 3 || x.shape.slice(2).some((side) => side % 32 !== 0))
      this.fail(`expected an image [B, 3, H, W] whose sides are multiples of 32, got ${x}`);
    return this.encoder.forward(x);
  }

  /** From the encoder's maps to depth, [B, H, W]. */
  estimate(maps: Four<Tensor>): Tensor {
    const y = this.decoder.forward(maps);
    return this.maxDepth === undefined ? softplus(y) : y.sigmoid().mul(this.maxDepth);
  }
}
