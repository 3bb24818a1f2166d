/**
 * Depth Anything 3: Recovering the Visual Space from Any Views (Lin et al. 2025), its two networks for single images:
 * DA3Mono-Large and DA3Metric-Large. They predict depth, not its inverse, and where the sky is.
 *
 * Parameters are named as in the original code; files of Hugging Face put `model.` in front.
 */
import { Module, type Sequential } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { type DepthAnythingConfig, depthAnythingConfigs } from "./depth-anything.ts";
import { DinoV2 } from "./dinov2.ts";
import { DPTHead, type DPTHeadConfig, type Grid, outputConvolutions, Scratch } from "./dpt-head.ts";

export type DepthAnything3Config = Omit<DepthAnythingConfig, "maxDepth">;

export interface DepthAndSky {
  /** [B, H, W], larger is farther. DA3Metric: metres = depth · focal length in pixels / 300. */
  readonly depth: Tensor;
  /** [B, H, W], from 0; sky where it is 0.3 or more. */
  readonly sky: Tensor;
}

class SkyScratch extends Scratch {
  sky_output_conv2: Sequential;
  constructor(config: DPTHeadConfig) {
    super(config);
    this.sky_output_conv2 = outputConvolutions(config.features / 2);
  }
}

/** The head of Depth Anything with a second output. */
class SkyDPTHead extends DPTHead<SkyScratch> {
  constructor(config: DPTHeadConfig) {
    super(config, new SkyScratch(config));
  }
  both(tokens: readonly Tensor[], grid: Grid): DepthAndSky {
    const shared = this.neck(tokens, grid, 1); // [B, F/2, 14h, 14w]
    return {
      depth: this.scratch.output_conv2.forward(shared).squeeze(1).exp(),
      sky: this.scratch.sky_output_conv2.forward(shared).squeeze(1).relu(),
    };
  }
}

export class DepthAnything3Mono extends Module {
  backbone: { readonly pretrained: DinoV2 };
  head: SkyDPTHead;
  readonly config: DepthAnything3Config;

  constructor(config: DepthAnything3Config) {
    super();
    const { encoder, features, outChannels } = config;
    const { dim, patch } = encoder;
    this.config = config;
    this.backbone = { pretrained: new DinoV2(encoder) };
    const head = { dim, features, outChannels, ...(patch === undefined ? {} : { patch }) };
    this.head = new SkyDPTHead({ ...head, unusedUnit: false });
  }

  /** @param x [B, 3, H, W], preprocessed, sides multiples of 14 */
  forward(x: Tensor): DepthAndSky {
    const { pretrained } = this.backbone;
    const tokens = pretrained.intermediateLayers(x, this.config.taps).map(({ patches }) => patches);
    return this.head.both(tokens, pretrained.grid(x));
  }
}

/** The encoder of Depth Anything 3 differs from DINOv2 in the epsilon of the final norm. */
export function withDepthAnything3Encoder(config: DepthAnythingConfig): DepthAnything3Config {
  return { ...config, encoder: { ...config.encoder, normEps: 1e-5, maskToken: false } };
}

const LARGE = withDepthAnything3Encoder(depthAnythingConfigs.depth_anything_v2_vitl);

export const depthAnything3Configs = {
  da3mono_large: LARGE,
  da3metric_large: LARGE,
} as const satisfies Record<string, DepthAnything3Config>;
