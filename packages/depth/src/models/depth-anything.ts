/**
 * Depth Anything: Unleashing the Power of Large-Scale Unlabeled Data (Yang et al. 2024) and Depth Anything V2 (Yang
 * et al. 2024): DINOv2 with the head of DPT.
 *
 * The relative models predict inverse depth up to an unknown scale and shift: larger is nearer. The metric models
 * predict depth in metres. V1 and V2 have the same parameters and differ only in the blocks whose outputs they use: the
 * weights of one load into the other, but give wrong maps.
 *
 * Parameters are named as in `depth_anything_v2_vits.pth` and its siblings. Small: 24,785,089 parameters, 57.6 GMAC
 * at 518 x 518.
 */
import { Module } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { DinoV2, type DinoV2Config, dinov2Configs } from "./dinov2.ts";
import { DPTHead, type Four, type Grid } from "./dpt-head.ts";

export interface DepthAnythingConfig {
  readonly encoder: DinoV2Config;
  /** Channels of the head. */
  readonly features: number;
  readonly outChannels: Four<number>;
  /** The blocks whose outputs the head uses, from 0. */
  readonly taps: Four<number>;
  /** Metric models: the largest depth in metres, which is not stored in files. */
  readonly maxDepth?: number;
}

export class DepthAnything extends Module {
  pretrained: DinoV2;
  depth_head: DPTHead;
  readonly config: DepthAnythingConfig;

  constructor(config: DepthAnythingConfig) {
    super();
    const { encoder, features, outChannels } = config;
    const { dim, patch } = encoder;
    this.config = config;
    this.pretrained = new DinoV2(encoder);
    this.depth_head = new DPTHead({ dim, features, outChannels, ...(patch === undefined ? {} : { patch }) });
  }

  /**
   * @param x [B, 3, H, W], preprocessed, sides multiples of 14
   * @returns [B, H, W]: inverse depth, or metres with `maxDepth`
   */
  forward(x: Tensor): Tensor {
    const tokens = this.pretrained.intermediateLayers(x, this.config.taps).map(({ patches }) => patches);
    return this.estimate(tokens, this.pretrained.grid(x));
  }

  /** From the tapped tokens, four of [B, rows · columns, D], to depth, [B, H, W]. */
  estimate(tokens: readonly Tensor[], grid: Grid): Tensor {
    const { maxDepth } = this.config;
    const output = this.depth_head.forward(tokens, grid).squeeze(1);
    return maxDepth === undefined ? output.relu() : output.sigmoid().mul(maxDepth);
  }
}

/** What the sizes of V1 and V2 have in common. */
export const depthAnythingSizes = {
  vits: { encoder: dinov2Configs.dinov2_vits14, features: 64, outChannels: [48, 96, 192, 384] },
  vitb: { encoder: dinov2Configs.dinov2_vitb14, features: 128, outChannels: [96, 192, 384, 768] },
  vitl: { encoder: dinov2Configs.dinov2_vitl14, features: 256, outChannels: [256, 512, 1024, 1024] },
  vitg: { encoder: dinov2Configs.dinov2_vitg14, features: 384, outChannels: [1536, 1536, 1536, 1536] },
} as const satisfies Record<string, Omit<DepthAnythingConfig, "taps">>;

/** V1 uses the last four blocks. */
const V1 = { vits: [8, 9, 10, 11], vitb: [8, 9, 10, 11], vitl: [20, 21, 22, 23] } as const;
/** V2 uses blocks at about a quarter, a half, three quarters and the end. */
export const V2_TAPS = {
  vits: [2, 5, 8, 11],
  vitb: [2, 5, 8, 11],
  vitl: [4, 11, 17, 23],
  vitg: [9, 19, 29, 39],
} as const;

const v2 = {
  vits: { ...depthAnythingSizes.vits, taps: V2_TAPS.vits },
  vitb: { ...depthAnythingSizes.vitb, taps: V2_TAPS.vitb },
  vitl: { ...depthAnythingSizes.vitl, taps: V2_TAPS.vitl },
  vitg: { ...depthAnythingSizes.vitg, taps: V2_TAPS.vitg },
} as const;
const INDOOR = { maxDepth: 20 } as const;
const OUTDOOR = { maxDepth: 80 } as const;

export const depthAnythingConfigs = {
  depth_anything_vits14: { ...depthAnythingSizes.vits, taps: V1.vits },
  depth_anything_vitb14: { ...depthAnythingSizes.vitb, taps: V1.vitb },
  depth_anything_vitl14: { ...depthAnythingSizes.vitl, taps: V1.vitl },
  depth_anything_v2_vits: v2.vits,
  depth_anything_v2_vitb: v2.vitb,
  depth_anything_v2_vitl: v2.vitl,
  depth_anything_v2_vitg: v2.vitg,
  depth_anything_v2_metric_hypersim_vits: { ...v2.vits, ...INDOOR },
  depth_anything_v2_metric_hypersim_vitb: { ...v2.vitb, ...INDOOR },
  depth_anything_v2_metric_hypersim_vitl: { ...v2.vitl, ...INDOOR },
  depth_anything_v2_metric_vkitti_vits: { ...v2.vits, ...OUTDOOR },
  depth_anything_v2_metric_vkitti_vitb: { ...v2.vitb, ...OUTDOOR },
  depth_anything_v2_metric_vkitti_vitl: { ...v2.vitl, ...OUTDOOR },
} as const satisfies Record<string, DepthAnythingConfig>;

/**
 * The same network with positions resized as in transformers, to reproduce the maps of its pipelines. The parameters
 * are the same; the maps differ slightly unless the input is 518 x 518.
 */
export function asInTransformers(config: DepthAnythingConfig): DepthAnythingConfig {
  return { ...config, encoder: { ...config.encoder, interpolateOffset: 0 } };
}
