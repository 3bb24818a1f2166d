/**
 * TinyViT: Fast Pretraining Distillation for Small Vision Transformers (Wu et al. 2022), as MobileSAM's image encoder
 * (Faster Segment Anything, Zhang et al. 2023): inverted bottlenecks, then three stages of window attention. The last stage
 * keeps the resolution of the third, so that the map has a sixteenth of the image's side.
 */
import { BatchNorm2d, Conv2d, LayerNorm, Linear, Module, Sequential } from "@tessera-ml/nn";
import {
  fromArray,
  gelu,
  parameter,
  scaledDotProductAttention,
  type Tensor,
  take,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { partition, unpartition } from "../windows.ts";
import { neck } from "./image-encoder.ts";

type Four<T> = readonly [T, T, T, T];

export interface TinyViTConfig {
  readonly dims: Four<number>;
  readonly depths: Four<number>;
  /** Of the last three stages; the first has no attention. */
  readonly heads: readonly [number, number, number];
  readonly windows: readonly [number, number, number];
  /** Side of the square input, default 1024. */
  readonly image?: number;
  /** Classes of the unused classifier, default 1000. */
  readonly classes?: number;
}

interface ConvOptions {
  readonly kernel?: 1 | 3;
  readonly stride?: number;
  readonly groups?: number;
}

/** A convolution and batch norm. */
class ConvNorm extends Module {
  c: Conv2d;
  bn: BatchNorm2d;
  constructor(from: number, to: number, { kernel = 1, stride = 1, groups = 1 }: ConvOptions = {}) {
    super();
    this.c = new Conv2d(from, to, kernel, { stride, padding: (kernel - 1) / 2, groups, bias: false });
    this.bn = new BatchNorm2d(to);
  }
  forward(x: Tensor): Tensor {
    return this.bn.forward(this.c.forward(x));
  }
}

class PatchEmbed extends Module {
  seq: Sequential;
  constructor(dim: number) {
    super();
    const halve = { kernel: 3, stride: 2 } as const;
    this.seq = new Sequential(new ConvNorm(3, dim / 2, halve), gelu, new ConvNorm(dim / 2, dim, halve));
  }
  /** [B, 3, H, W] → [B, D, H / 4, W / 4] */
  forward(x: Tensor): Tensor {
    return this.seq.forward(x);
  }
}

/** An inverted bottleneck (Sandler et al. 2018) with a GELU after the sum too. */
class MBConv extends Module {
  conv1: ConvNorm;
  conv2: ConvNorm;
  conv3: ConvNorm;
  constructor(dim: number) {
    super();
    this.conv1 = new ConvNorm(dim, 4 * dim);
    this.conv2 = new ConvNorm(4 * dim, 4 * dim, { kernel: 3, groups: 4 * dim });
    this.conv3 = new ConvNorm(4 * dim, dim);
  }
  forward(x: Tensor): Tensor {
    const y = gelu(this.conv2.forward(gelu(this.conv1.forward(x))));
    return gelu(this.conv3.forward(y).add(x));
  }
}

/** [B, D, H, W] → [B, E, H / stride, W / stride] */
class PatchMerging extends Module {
  conv1: ConvNorm;
  conv2: ConvNorm;
  conv3: ConvNorm;
  constructor(from: number, to: number, stride: number) {
    super();
    this.conv1 = new ConvNorm(from, to);
    this.conv2 = new ConvNorm(to, to, { kernel: 3, stride, groups: to });
    this.conv3 = new ConvNorm(to, to);
  }
  forward(x: Tensor): Tensor {
    return this.conv3.forward(gelu(this.conv2.forward(gelu(this.conv1.forward(x)))));
  }
}

class WindowAttention extends Module {
  norm: LayerNorm;
  /** Output: the queries, keys and values of one head after those of another. */
  qkv: Linear;
  proj: Linear;
  /** For each distance, [heads, window²]: |dy| · window + |dx|. */
  attention_biases: Variable;
  readonly heads: number;

  constructor(dim: number, heads: number, window: number) {
    super();
    this.heads = heads;
    this.norm = new LayerNorm(dim);
    this.qkv = new Linear(dim, 3 * dim);
    this.proj = new Linear(dim, dim);
    this.attention_biases = parameter(zeros([heads, window ** 2]));
  }

  /** Windows [B, window, window, D] → the same shape. */
  forward(x: Tensor): Tensor {
    const { heads } = this;
    const [batch, window, , dim] = x.shape as [number, number, number, number];
    const [count, width] = [window ** 2, dim / heads];
    // Padding is zero before the norm, whose bias it becomes.
    const joined = this.qkv.forward(this.norm.forward(x)).reshape([batch, count, heads, 3 * width]);
    const [q, k, v] = joined.permute([0, 2, 1, 3]).chunk(3, -1) as [Tensor, Tensor, Tensor]; // [B, h, T, d]
    const attended = scaledDotProductAttention(q, k, v, { mask: this.#biases(window) });
    return this.proj.forward(attended.permute([0, 2, 1, 3]).reshape(x.shape));
  }

  /** [1, h, T, T] */
  #biases(window: number): Tensor {
    const count = window ** 2;
    const index = Int32Array.from({ length: count ** 2 }, (_, pair) => {
      const [query, key] = [Math.floor(pair / count), pair % count];
      const down = Math.abs(Math.floor(query / window) - Math.floor(key / window));
      return down * window + Math.abs((query % window) - (key % window));
    });
    return take(this.attention_biases, fromArray(index, [count, count]), 1, { unchecked: true }).unsqueeze(0);
  }
}

class NormMlp extends Module {
  norm: LayerNorm;
  fc1: Linear;
  fc2: Linear;
  constructor(dim: number) {
    super();
    this.norm = new LayerNorm(dim);
    this.fc1 = new Linear(dim, 4 * dim);
    this.fc2 = new Linear(4 * dim, dim);
  }
  forward(x: Tensor): Tensor {
    return this.fc2.forward(gelu(this.fc1.forward(this.norm.forward(x))));
  }
}

class Block extends Module {
  attn: WindowAttention;
  mlp: NormMlp;
  local_conv: ConvNorm;
  readonly window: number;
  constructor(dim: number, heads: number, window: number) {
    super();
    this.window = window;
    this.attn = new WindowAttention(dim, heads, window);
    this.mlp = new NormMlp(dim);
    this.local_conv = new ConvNorm(dim, dim, { kernel: 3, groups: dim });
  }

  /** [B, D, H, W] → [B, D, H, W] */
  forward(x: Tensor): Tensor {
    const [, , height, width] = x.shape as [number, number, number, number];
    const rows = x.permute([0, 2, 3, 1]);
    const attended = unpartition(this.attn.forward(partition(rows, this.window)), [height, width]);
    const mixed = this.local_conv.forward(rows.add(attended).permute([0, 3, 1, 2])).permute([0, 2, 3, 1]);
    return mixed.add(this.mlp.forward(mixed)).permute([0, 3, 1, 2]);
  }
}

class Stage extends Module {
  blocks: (MBConv | Block)[];
  downsample: PatchMerging | undefined;
  constructor(blocks: (MBConv | Block)[], downsample: PatchMerging | undefined) {
    super();
    this.blocks = blocks;
    this.downsample = downsample;
  }
  forward(x: Tensor): Tensor {
    const y = this.blocks.reduce((map, block) => block.forward(map), x);
    return this.downsample ? this.downsample.forward(y) : y;
  }
}

export class TinyViT extends Module {
  patch_embed: PatchEmbed;
  layers: Stage[];
  /** Unused, as is the classifier; both are in the published file. */
  norm_head: LayerNorm;
  head: Linear;
  neck: Sequential;
  readonly image: number;

  constructor({ dims, depths, heads, windows, image = 1024, classes = 1000 }: TinyViTConfig) {
    super();
    this.image = image;
    this.patch_embed = new PatchEmbed(dims[0]);
    this.layers = depths.map((depth, stage) => {
      const dim = dims[stage] as number;
      const block = () =>
        stage === 0
          ? new MBConv(dim)
          : new Block(dim, heads[stage - 1] as number, windows[stage - 1] as number);
      const next = dims[stage + 1];
      const merging = next === undefined ? undefined : new PatchMerging(dim, next, stage === 2 ? 1 : 2);
      return new Stage(Array.from({ length: depth }, block), merging);
    });
    this.norm_head = new LayerNorm(dims[3]);
    this.head = new Linear(dims[3], classes);
    this.neck = neck(dims[3], 256);
  }

  /** [B, 3, image, image] → [B, 256, image / 16, image / 16] */
  forward(x: Tensor): Tensor {
    const { image } = this;
    if (x.rank !== 4 || x.shape.slice(1).join() !== [3, image, image].join())
      this.fail(`expected an image [B, 3, ${image}, ${image}], got ${x}`);
    return this.neck.forward(this.layers.reduce((y, stage) => stage.forward(y), this.patch_embed.forward(x)));
  }
}
