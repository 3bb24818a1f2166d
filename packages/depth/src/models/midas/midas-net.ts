/**
 * Towards Robust Monocular Depth Estimation: Mixing Datasets for Zero-shot Cross-dataset Transfer (Ranftl et al. 2020,
 * "MiDaS"): version 2.1 and its small network. A convolutional encoder and a decoder that fuses its four stages.
 *
 * Parameters are named as in `midas_v21_384.pt` (105,362,945 parameters) and `midas_v21_small_256.pt` (21,320,545).
 */
import { type Layer, Module, ReLU, ReLU6, Sequential } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import {
  EfficientNetLite,
  type EfficientNetLiteConfig,
  efficientnetLiteConfigs,
  ResNet,
  type ResNetConfig,
  resnextConfigs,
} from "@tessera-ml/vision/models";
import type { Four } from "../dpt-head.ts";
import { Decoder, type DecoderConfig } from "./decoder.ts";

export interface MidasNetConfig extends DecoderConfig {
  readonly encoder:
    | ({ readonly kind: "resnet" } & ResNetConfig)
    | ({ readonly kind: "efficientnet-lite" } & EfficientNetLiteConfig);
}

/** The stages of a classifier, numbered as in the files; their strides are 4, 8, 16 and 32. */
class Encoder extends Module {
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  constructor(layers: Four<Sequential>) {
    super();
    [this.layer1, this.layer2, this.layer3, this.layer4] = layers;
  }
  /** [B, 3, H, W] → [B, c1, H/4, W/4] to [B, c4, H/32, W/32] */
  forward(x: Tensor): Four<Tensor> {
    const first = this.layer1.forward(x);
    const second = this.layer2.forward(first);
    const third = this.layer3.forward(second);
    return [first, second, third, this.layer4.forward(third)];
  }
}

function encoderOf(config: MidasNetConfig["encoder"]): Encoder {
  if (config.kind === "resnet") {
    const { conv1, bn1, pool, layer1, layer2, layer3, layer4 } = new ResNet(config);
    return new Encoder([new Sequential(conv1, bn1, new ReLU(), pool, layer1), layer2, layer3, layer4]);
  }
  const { conv_stem, bn1, blocks } = new EfficientNetLite(config);
  const [b0, b1, b2, b3, b4, b5, b6] = [...blocks] as [Layer, Layer, Layer, Layer, Layer, Layer, Layer];
  return new Encoder([
    new Sequential(conv_stem, bn1, new ReLU6(), b0, b1),
    new Sequential(b2),
    new Sequential(b3, b4),
    new Sequential(b5, b6),
  ]);
}

export class MidasNet extends Module {
  pretrained: Encoder;
  scratch: Decoder;
  readonly config: MidasNetConfig;

  constructor(config: MidasNetConfig) {
    super();
    this.config = config;
    this.pretrained = encoderOf(config.encoder);
    this.scratch = new Decoder(config);
  }

  /**
   * @param x [B, 3, H, W], preprocessed, sides multiples of 32
   * @returns [B, H, W]: inverse depth up to an unknown scale and shift, larger is nearer
   * @throws if a side is no multiple of 32
   */
  forward(x: Tensor): Tensor {
    if (x.rank !== 4 || x.shape[1] !== 3 || x.shape.slice(2).some((side) => side % 32 !== 0))
      this.fail(`expected an image [B, 3, H, W] whose sides are multiples of 32, got ${x}`);
    return this.scratch.forward(this.pretrained.forward(x));
  }
}

export const midasConfigs = {
  midas_v21_384: {
    encoder: { kind: "resnet", ...resnextConfigs.resnext101_32x8d },
    channels: [256, 512, 1024, 2048],
    features: [256, 256, 256, 256],
    fusion: "plain",
    alignOutput: false,
  },
  midas_v21_small_256: {
    encoder: { kind: "efficientnet-lite", ...efficientnetLiteConfigs.tf_efficientnet_lite3 },
    channels: [32, 48, 136, 384],
    features: [64, 128, 256, 512],
    fusion: "projected",
    alignOutput: false,
  },
} as const satisfies Record<string, MidasNetConfig>;
