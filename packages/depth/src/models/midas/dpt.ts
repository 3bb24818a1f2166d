/**
 * Vision Transformers for Dense Prediction (Ranftl et al. 2021, "DPT") for depth, as in MiDaS 3.0 and MiDaS v3.1 - A
 * Model Zoo for Robust Monocular Relative Depth Estimation (Birkl et al. 2023): the outputs of four blocks of a
 * transformer become maps of four resolutions (`Reassemble`), which the decoder of MiDaS fuses.
 *
 * Parameters are named as in `dpt_large_384.pt` (344,055,465 parameters) and its siblings. The files also hold the
 * final norm and the classifier of the encoder, which are not used: blocks are tapped without the norm.
 */
import { Conv2d, ConvTranspose2d, GELU, Linear, Module, Sequential } from "@tessera-ml/nn";
import { concat, type Tensor } from "@tessera-ml/tensor";
import { conv3x3, type Four, type Grid } from "../dpt-head.ts";
import { type BeitConfig, BeitEncoder } from "./beit.ts";
import { Decoder } from "./decoder.ts";
import { type SwinV2Config, SwinV2Encoder } from "./swin-v2.ts";
import { ViTEncoder, type ViTEncoderConfig } from "./vit.ts";

interface TransformerConfig {
  /** Blocks whose outputs are used, from 0, as many as there are maps without the stages of a convolutional stem. */
  readonly taps: readonly number[];
}

export interface DPTConfig {
  readonly encoder:
    | ({ readonly kind: "vit" } & ViTEncoderConfig & TransformerConfig)
    | ({ readonly kind: "beit" } & BeitConfig & TransformerConfig)
    | ({ readonly kind: "swin2" } & SwinV2Config);
  /** Channels of the four maps before fusion, fine to coarse. */
  readonly channels: Four<number>;
  /** Channels of the fused maps, default 256. */
  readonly features?: number;
}

/** Adds what the class token knows to every patch: [B, 1 + N, D] → [B, N, D] ("project" in section 3). */
class ProjectReadout extends Module {
  project: Sequential;
  constructor(dim: number) {
    super();
    this.project = new Sequential(new Linear(2 * dim, dim), new GELU());
  }
  forward(x: Tensor): Tensor {
    const [batch, tokens, dim] = x.shape as [number, number, number];
    const patches = x.narrow(1, 1, tokens - 1);
    const readout = x.narrow(1, 0, 1).expand([batch, tokens - 1, dim]);
    return this.project.forward(concat([patches, readout], -1));
  }
}

/** Tokens [B, 1 + h · w, D] to a map [B, C, s · h, s · w], s being 4, 2, 1 or 1/2. Numbers are those of the files. */
class Reassemble extends Module {
  0: ProjectReadout;
  3: Conv2d;
  4: ConvTranspose2d | Conv2d | undefined;
  constructor(dim: number, channels: number, scale: number) {
    super();
    this[0] = new ProjectReadout(dim);
    this[3] = new Conv2d(dim, channels, 1);
    if (scale > 1) this[4] = new ConvTranspose2d(channels, channels, scale, { stride: scale });
    if (scale < 1) this[4] = conv3x3(channels, channels, { stride: 2 });
  }
  forward(x: Tensor, [rows, columns]: Grid): Tensor {
    const patches = this[0].forward(x); // [B, h · w, D]
    const [batch, , dim] = patches.shape as [number, number, number];
    const map = this[3].forward(patches.transpose(1, 2).reshape([batch, dim, rows, columns]));
    return this[4] ? this[4].forward(map) : map;
  }
}

const SCALES = [4, 2, 1, 0.5] as const;

/** A transformer whose tokens become four maps; the finest may be those of its convolutional stem. */
class TokenPyramid extends Module {
  model: ViTEncoder | BeitEncoder;
  act_postprocess1: Reassemble | undefined;
  act_postprocess2: Reassemble | undefined;
  act_postprocess3: Reassemble | undefined;
  act_postprocess4: Reassemble | undefined;
  readonly taps: readonly number[];

  constructor(model: ViTEncoder | BeitEncoder, dim: number, taps: readonly number[], channels: Four<number>) {
    super();
    this.model = model;
    this.taps = taps;
    const first = 4 - taps.length; // maps of the stem
    const make = (i: 0 | 1 | 2 | 3) => (i < first ? undefined : new Reassemble(dim, channels[i], SCALES[i]));
    this.act_postprocess1 = make(0);
    this.act_postprocess2 = make(1);
    this.act_postprocess3 = make(2);
    this.act_postprocess4 = make(3);
  }

  forward(x: Tensor): Four<Tensor> {
    const { maps, tokens, grid } = this.model.forward(x, this.taps);
    const first = 4 - tokens.length;
    const { act_postprocess1, act_postprocess2, act_postprocess3, act_postprocess4 } = this;
    return [act_postprocess1, act_postprocess2, act_postprocess3, act_postprocess4].map((reassemble, i) =>
      reassemble ? reassemble.forward(tokens[i - first] as Tensor, grid) : (maps[i] as Tensor),
    ) as unknown as Four<Tensor>;
  }
}

/** A hierarchical transformer has maps of four resolutions itself. */
class StagePyramid extends Module {
  model: SwinV2Encoder;
  constructor(model: SwinV2Encoder) {
    super();
    this.model = model;
  }
  forward(x: Tensor): Four<Tensor> {
    return this.model.forward(x);
  }
}

function pyramid({ encoder, channels }: DPTConfig): TokenPyramid | StagePyramid {
  if (encoder.kind === "swin2") return new StagePyramid(new SwinV2Encoder(encoder));
  const model = encoder.kind === "vit" ? new ViTEncoder(encoder) : new BeitEncoder(encoder);
  return new TokenPyramid(model, encoder.dim, encoder.taps, channels);
}

export class DPT extends Module {
  pretrained: TokenPyramid | StagePyramid;
  scratch: Decoder;
  readonly config: DPTConfig;

  constructor(config: DPTConfig) {
    super();
    const { channels, features: f = 256 } = config;
    this.config = config;
    this.pretrained = pyramid(config);
    this.scratch = new Decoder({ channels, features: [f, f, f, f], fusion: "projected", alignOutput: true });
  }

  /**
   * @param x [B, 3, H, W], preprocessed; sides multiples of 16, with Swin V2 those of the encoder
   * @returns [B, H, W]: inverse depth up to an unknown scale and shift, larger is nearer
   * @throws for other sizes
   */
  forward(x: Tensor): Tensor {
    return this.scratch.forward(this.pretrained.forward(x));
  }
}

const BASE = { dim: 768, depth: 12, heads: 12 } as const;
const LARGE = { dim: 1024, depth: 24, heads: 16 } as const;
const LARGE_TAPS = { taps: [5, 11, 17, 23] } as const;
const LARGE_CHANNELS = [256, 512, 1024, 1024] as const;
const BEIT_LARGE = { kind: "beit", ...LARGE, ...LARGE_TAPS, layerScale: 1e-5 } as const;
/** Trained on windows of 12 tokens, tuned on those of 24. */
const SWIN_384 = {
  kind: "swin2",
  depths: [2, 2, 18, 2],
  window: 24,
  pretrainedWindows: [12, 12, 12, 6],
  image: 384,
} as const;

export const dptConfigs = {
  dpt_large_384: {
    encoder: { kind: "vit", ...LARGE, ...LARGE_TAPS, image: 384 },
    channels: LARGE_CHANNELS,
  },
  dpt_hybrid_384: {
    encoder: { kind: "vit", ...BASE, taps: [8, 11], image: 384, stages: [3, 4, 9] },
    channels: [256, 512, 768, 768],
  },
  dpt_beit_large_512: { encoder: { ...BEIT_LARGE, image: 512 }, channels: LARGE_CHANNELS },
  dpt_beit_large_384: { encoder: { ...BEIT_LARGE, image: 384 }, channels: LARGE_CHANNELS },
  dpt_beit_base_384: {
    encoder: { kind: "beit", ...BASE, taps: [2, 5, 8, 11], image: 384 },
    channels: [96, 192, 384, 768],
  },
  dpt_swin2_large_384: {
    encoder: { ...SWIN_384, dim: 192, heads: [6, 12, 24, 48] },
    channels: [192, 384, 768, 1536],
  },
  dpt_swin2_base_384: {
    encoder: { ...SWIN_384, dim: 128, heads: [4, 8, 16, 32] },
    channels: [128, 256, 512, 1024],
  },
  dpt_swin2_tiny_256: {
    encoder: {
      ...{ kind: "swin2", dim: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24] },
      ...{ window: 16, image: 256 },
    },
    channels: [96, 192, 384, 768],
  },
} as const satisfies Record<string, DPTConfig>;
