/**
 * The Vision Transformers of DPT (Ranftl et al. 2021): ViT, and the hybrid whose tokens are the output of a ResNet. For
 * images of other sizes, positions are resized bilinearly. Parameters are named as in timm.
 */
import {
  Conv2d,
  GroupNorm,
  init,
  interpolatePositions,
  LayerNorm,
  Linear,
  Module,
  PatchEmbed,
  ViTBlock,
} from "@tessera-ml/nn";
import { concat, maxPool2d, parameter, type Tensor, type Variable, zeros } from "@tessera-ml/tensor";
import { SameConv2d, samePadding } from "@tessera-ml/vision/models";
import type { Grid } from "../dpt-head.ts";

export interface ViTEncoderConfig {
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  /** Side of a patch, default 16. */
  readonly patch?: number;
  /** Side of the square images whose positions are stored. */
  readonly image: number;
  /** Blocks in the stages of the ResNet in front of the transformer; its stride is 16. Default: none. */
  readonly stages?: readonly [number, number, number];
  /** Epsilon of the layer norms, default 1e-6. */
  readonly eps?: number;
  /** Classes of the unused classifier, default 1000; 0 for none. */
  readonly classes?: number;
}

/** What an encoder computes for DPT. */
export interface EncoderOutputs {
  /** Maps of a convolutional stem, fine to coarse. */
  readonly maps: readonly Tensor[];
  /** The outputs of blocks, [B, 1 + rows · columns, D]: the class token, then patches in row-major order. */
  readonly tokens: readonly Tensor[];
  readonly grid: Grid;
}

export class ViTEncoder extends Module {
  cls_token: Variable;
  pos_embed: Variable;
  patch_embed: PatchEmbed | HybridEmbed;
  blocks: ViTBlock[];
  /** Unused, as is the classifier: DPT takes the outputs of the blocks as they are. */
  norm: LayerNorm;
  head: Linear | undefined;
  readonly patch: number;

  constructor(config: ViTEncoderConfig) {
    super();
    const { dim, depth, heads, patch = 16, image, stages, eps = 1e-6, classes = 1000 } = config;
    this.patch = patch;
    this.cls_token = parameter(zeros([1, 1, dim]));
    this.pos_embed = parameter(init.truncatedNormal([1, 1 + (image / patch) ** 2, dim], { std: 0.02 }));
    this.patch_embed = stages ? new HybridEmbed(stages, dim) : new PatchEmbed(patch, dim);
    this.blocks = Array.from({ length: depth }, () => new ViTBlock(dim, heads, { eps }));
    this.norm = new LayerNorm(dim, { eps });
    if (classes > 0) this.head = new Linear(dim, classes);
  }

  /** [B, 3, H, W] → the input of the first block, and the maps of the stem. */
  embed(x: Tensor): { tokens: Tensor; maps: readonly Tensor[]; grid: Grid } {
    const grid = gridOf(x, this.patch);
    const maps = this.patch_embed instanceof HybridEmbed ? this.patch_embed.backbone.forward(x) : [];
    const patches =
      this.patch_embed instanceof HybridEmbed
        ? this.patch_embed.project(maps.at(-1) as Tensor)
        : this.patch_embed.forward(x); // [B, rows · columns, D]
    const [batch, , dim] = patches.shape as [number, number, number];
    const tokens = concat([this.cls_token.expand([batch, 1, dim]), patches], 1);
    const positions = interpolatePositions(this.pos_embed, grid, { antialias: false, mode: "bilinear" });
    return { tokens: tokens.add(positions), maps, grid };
  }

  /** @param taps indices of the blocks whose outputs are returned */
  forward(x: Tensor, taps: readonly number[]): EncoderOutputs {
    const { tokens, maps, grid } = this.embed(x);
    return { maps, grid, tokens: outputsOf(this.blocks, taps, tokens, (block, y) => block.forward(y)) };
  }
}

/**
 * Rows and columns of patches of an image [B, 3, H, W].
 *
 * @throws if a side is no multiple of the patch
 */
export function gridOf(x: Tensor, patch: number): Grid {
  const [height = 0, width = 0] = x.shape.slice(2);
  if (x.rank !== 4 || height % patch !== 0 || width % patch !== 0)
    throw new Error(`DPT: expected an image [B, 3, H, W] whose sides are multiples of ${patch}, got ${x}`);
  return [height / patch, width / patch];
}

/** Applies blocks in sequence up to the last tap, and returns the outputs of the taps. */
export function outputsOf<B>(
  blocks: readonly B[],
  taps: readonly number[],
  x: Tensor,
  run: (block: B, x: Tensor) => Tensor,
): Tensor[] {
  const found: Tensor[] = [];
  let y = x;
  for (const [i, block] of blocks.entries()) {
    y = run(block, y);
    if (taps.includes(i)) found.push(y);
  }
  return found;
}

/** Tokens from the output of a ResNet. */
export class HybridEmbed extends Module {
  backbone: ResNetV2;
  proj: Conv2d;
  constructor(stages: readonly [number, number, number], dim: number) {
    super();
    this.backbone = new ResNetV2(stages);
    this.proj = new Conv2d(1024, dim, 1);
  }
  /** [B, 1024, h, w] → [B, h · w, D] */
  project(map: Tensor): Tensor {
    return this.proj.forward(map).flatten(2).transpose(1, 2);
  }
}

/**
 * A convolution with standardized weights: zero mean and unit variance per output channel (Qiao et al. 2019). "Same"
 * padding, no bias.
 */
class StdConv2d extends SameConv2d {
  constructor(inputs: number, outputs: number, kernel: number, stride = 1) {
    super(inputs, outputs, kernel, { stride, bias: false });
  }
  override forward(x: Tensor): Tensor {
    const { weight } = this;
    const centred = weight.sub(weight.mean([1, 2, 3], true));
    const variance = centred.square().mean([1, 2, 3], true);
    return this.convolve(x, centred.div(variance.add(1e-8).sqrt()));
  }
}

const groupNorm = (channels: number) => new GroupNorm(32, channels);

class Downsample extends Module {
  conv: StdConv2d;
  norm: GroupNorm;
  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.conv = new StdConv2d(inputs, outputs, 1, stride);
    this.norm = groupNorm(outputs);
  }
  forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x));
  }
}

class Bottleneck extends Module {
  downsample: Downsample | undefined;
  conv1: StdConv2d;
  norm1: GroupNorm;
  conv2: StdConv2d;
  norm2: GroupNorm;
  conv3: StdConv2d;
  norm3: GroupNorm;
  constructor(inputs: number, outputs: number, stride: number) {
    super();
    const inner = outputs / 4;
    if (inputs !== outputs) this.downsample = new Downsample(inputs, outputs, stride);
    this.conv1 = new StdConv2d(inputs, inner, 1);
    this.norm1 = groupNorm(inner);
    this.conv2 = new StdConv2d(inner, inner, 3, stride);
    this.norm2 = groupNorm(inner);
    this.conv3 = new StdConv2d(inner, outputs, 1);
    this.norm3 = groupNorm(outputs);
  }
  forward(x: Tensor): Tensor {
    let y = this.norm1.forward(this.conv1.forward(x)).relu();
    y = this.norm2.forward(this.conv2.forward(y)).relu();
    y = this.norm3.forward(this.conv3.forward(y));
    return y.add(this.downsample ? this.downsample.forward(x) : x).relu();
  }
}

class Stem extends Module {
  conv: StdConv2d;
  norm: GroupNorm;
  constructor() {
    super();
    this.conv = new StdConv2d(3, 64, 7, 2);
    this.norm = groupNorm(64);
  }
  /** [B, 3, H, W] → [B, 64, H/4, W/4] */
  forward(x: Tensor): Tensor {
    const y = this.norm.forward(this.conv.forward(x)).relu();
    return maxPool2d(y, 3, { stride: 2, padding: samePadding(y, 3, 2) });
  }
}

class Stage extends Module {
  blocks: Bottleneck[];
  constructor(inputs: number, outputs: number, stride: number, count: number) {
    super();
    this.blocks = Array.from({ length: count }, (_, i) =>
      i === 0 ? new Bottleneck(inputs, outputs, stride) : new Bottleneck(outputs, outputs, 1),
    );
  }
  forward(x: Tensor): Tensor {
    return this.blocks.reduce((y, block) => block.forward(y), x);
  }
}

/** The ResNet of Big Transfer (Kolesnikov et al. 2019) in its form for hybrids: group norm after each convolution. */
class ResNetV2 extends Module {
  stem: Stem;
  stages: Stage[];
  constructor([first, second, third]: readonly [number, number, number]) {
    super();
    this.stem = new Stem();
    this.stages = [
      new Stage(64, 256, 1, first),
      new Stage(256, 512, 2, second),
      new Stage(512, 1024, 2, third),
    ];
  }
  /** [B, 3, H, W] → [B, 256, H/4, W/4], [B, 512, H/8, W/8], [B, 1024, H/16, W/16] */
  forward(x: Tensor): Tensor[] {
    const maps: Tensor[] = [];
    let y = this.stem.forward(x);
    for (const stage of this.stages) maps.push((y = stage.forward(y)));
    return maps;
  }
}
