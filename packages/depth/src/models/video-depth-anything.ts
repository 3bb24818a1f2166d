/**
 * Video Depth Anything: Consistent Depth Estimation for Super-Long Videos (Chen et al. 2025): Depth Anything V2 with
 * four temporal modules in its head.
 *
 * Parameters are named as in `video_depth_anything_vits.pth` and its siblings. The metric networks
 * (`metric_video_depth_anything_vits.pth`) are the same; only their output is in metres.
 */
import { Module } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { type DepthAnythingConfig, depthAnythingConfigs } from "./depth-anything.ts";
import { DinoV2 } from "./dinov2.ts";
import { DPTHead, type DPTHeadConfig, extent, type Four, twice } from "./dpt-head.ts";
import { TemporalModule } from "./temporal.ts";

export interface VideoDepthAnythingConfig extends Omit<DepthAnythingConfig, "maxDepth"> {
  /** The longest clip, default 32 frames. */
  readonly frames?: number;
}

/** The head of Depth Anything, with temporal modules where maps are small. */
export class TemporalDPTHead extends DPTHead {
  motion_modules: Four<TemporalModule>;
  constructor(config: DPTHeadConfig, frames: number) {
    super(config);
    const { features, outChannels } = config;
    this.motion_modules = [
      new TemporalModule(outChannels[2], frames),
      new TemporalModule(outChannels[3], frames),
      new TemporalModule(features, frames),
      new TemporalModule(features, frames),
    ];
  }

  protected override fuse([layer1, layer2, layer3, layer4]: Four<Tensor>, frames: number): Tensor {
    const { scratch, motion_modules: motion } = this;
    const map1 = scratch.layer1_rn.forward(layer1); // [B · T, F, 4h, 4w]
    const map2 = scratch.layer2_rn.forward(layer2); // [B · T, F, 2h, 2w]
    const map3 = scratch.layer3_rn.forward(motion[0].forward(layer3, frames)); // [B · T, F, h, w]
    const map4 = scratch.layer4_rn.forward(motion[1].forward(layer4, frames)); // [B · T, F, ⌈h/2⌉, ⌈w/2⌉]
    const path4 = motion[2].forward(scratch.refinenet4.forward(map4, undefined, extent(map3)), frames);
    const path3 = motion[3].forward(scratch.refinenet3.forward(path4, map3, extent(map2)), frames);
    const path2 = scratch.refinenet2.forward(path3, map2, extent(map1));
    return scratch.refinenet1.forward(path2, map1, twice(map1));
  }
}

export class VideoDepthAnything extends Module {
  pretrained: DinoV2;
  head: TemporalDPTHead;
  readonly config: VideoDepthAnythingConfig;

  constructor(config: VideoDepthAnythingConfig) {
    super();
    const { encoder, features, outChannels, frames = 32 } = config;
    const { dim, patch } = encoder;
    this.config = config;
    this.pretrained = new DinoV2(encoder);
    const head = { dim, features, outChannels, ...(patch === undefined ? {} : { patch }) };
    this.head = new TemporalDPTHead(head, frames);
  }

  /**
   * @param x clips [B, T, 3, H, W], preprocessed, sides multiples of 14, T at most 32; or images [B, 3, H, W], each a
   *   clip of its own
   * @returns [B, T, H, W], or [B, H, W] of images: inverse depth, or metres with the weights of a metric network
   */
  forward(x: Tensor): Tensor {
    if (x.rank === 4) return this.forward(x.unsqueeze(1)).squeeze(1);
    if (x.rank !== 5) this.fail(`expected [B, T, 3, H, W], got ${x}`);
    const [batch, frames, , height, width] = x.shape as [number, number, number, number, number];
    const images = x.flatten(0, 1); // [B · T, 3, H, W]
    const tokens = this.pretrained.intermediateLayers(images, this.config.taps).map(({ patches }) => patches);
    const output = this.head.forward(tokens, this.pretrained.grid(images), frames); // [B · T, 1, H, W]
    return output.relu().reshape([batch, frames, height, width]);
  }
}

const {
  depth_anything_v2_vits: vits,
  depth_anything_v2_vitb: vitb,
  depth_anything_v2_vitl: vitl,
} = depthAnythingConfigs;

export const videoDepthAnythingConfigs = {
  video_depth_anything_vits: vits,
  video_depth_anything_vitb: vitb,
  video_depth_anything_vitl: vitl,
  metric_video_depth_anything_vits: vits,
  metric_video_depth_anything_vitb: vitb,
  metric_video_depth_anything_vitl: vitl,
} as const satisfies Record<string, VideoDepthAnythingConfig>;
