/**
 * Swin Transformer V2: Scaling Up Capacity and Resolution (Liu et al. 2021) as an encoder of DPT. Attention compares
 * directions (the cosine of queries and keys), positions are biased by a small network of their log-spaced distance,
 * and norms come after the branches. Parameters are named as in timm.
 */
import { Conv2d, LayerNorm, Linear, Mlp, Module, ReLU, Sequential } from "@tessera-ml/nn";
import {
  buffer,
  fromArray,
  full,
  parameter,
  scaledDotProductAttention,
  type Tensor,
  take,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import type { Four } from "../dpt-head.ts";
import { projectQkv } from "./qkv.ts";

export interface SwinV2Config {
  /** Features of a token in the first stage; each stage doubles them. */
  readonly dim: number;
  readonly depths: Four<number>;
  readonly heads: Four<number>;
  /** Side of a window, in tokens. */
  readonly window: number;
  /** Windows of each stage in pre-training, by which distances are scaled; default: those of the network. */
  readonly pretrainedWindows?: Four<number>;
  /** Side of the images: the network takes no other. */
  readonly image: number;
  /** Side of a patch, default 4. */
  readonly patch?: number;
  /** Classes of the unused classifier, default 1000; 0 for none. */
  readonly classes?: number;
}

/** The windows of a stage whose map has `side` x `side` tokens: one window if it fits, else alternately shifted ones. */
interface Windows {
  readonly side: number;
  readonly window: number;
  readonly shift: number;
}

/** Signed log₂(1 + |8d|) / 3 of the distance d in windows: [(2w − 1)², 2], down and right (equation 4). */
function logDistances(window: number, pretrained: number): Tensor {
  const side = 2 * window - 1;
  const at = (i: number) => {
    const distance = Math.fround((8 * (i - window + 1)) / (pretrained - 1));
    return (Math.sign(distance) * Math.log2(Math.abs(distance) + 1)) / 3;
  };
  const values = Float32Array.from({ length: 2 * side ** 2 }, (_, i) => {
    const pair = Math.floor(i / 2);
    return at(i % 2 === 0 ? Math.floor(pair / side) : pair % side);
  });
  return fromArray(values, [side ** 2, 2]);
}

/** For each pair of a window's tokens, the row of their distance. */
function distanceIndex(window: number): Tensor {
  const count = window ** 2;
  const index = Int32Array.from({ length: count ** 2 }, (_, pair) => {
    const [query, key] = [Math.floor(pair / count), pair % count];
    const down = Math.floor(query / window) - Math.floor(key / window) + window - 1;
    const right = (query % window) - (key % window) + window - 1;
    return down * (2 * window - 1) + right;
  });
  return fromArray(index, [count ** 2]);
}

/** −100 for tokens of a window that are not neighbours in the image, because they were shifted in: [windows, T, T]. */
function shiftMask({ side, window, shift }: Windows): Tensor {
  const region = (at: number) => (at < side - window ? 0 : at < side - shift ? 1 : 2);
  const across = side / window;
  const mask: number[] = [];
  for (let i = 0; i < across ** 2; i++) {
    const regions = Array.from({ length: window ** 2 }, (_, token) => {
      const row = Math.floor(i / across) * window + Math.floor(token / window);
      const column = (i % across) * window + (token % window);
      return 3 * region(row) + region(column);
    });
    for (const a of regions) for (const b of regions) mask.push(a === b ? 0 : -100);
  }
  return fromArray(Float32Array.from(mask), [across ** 2, window ** 2, window ** 2]);
}

const unit = (x: Tensor): Tensor => x.div(x.square().sum(-1, true).sqrt().maximum(1e-12));

class WindowAttention extends Module {
  logit_scale: Variable;
  cpb_mlp: Sequential;
  qkv: Linear;
  q_bias: Variable;
  v_bias: Variable;
  proj: Linear;
  readonly heads: number;
  readonly window: number;
  readonly pretrained: number;

  constructor(dim: number, heads: number, window: number, pretrained: number) {
    super();
    this.heads = heads;
    this.window = window;
    this.pretrained = pretrained;
    this.logit_scale = parameter(full([heads, 1, 1], Math.log(10)));
    this.cpb_mlp = new Sequential(new Linear(2, 512), new ReLU(), new Linear(512, heads, { bias: false }));
    this.qkv = new Linear(dim, 3 * dim, { bias: false });
    this.q_bias = parameter(zeros([dim]));
    this.v_bias = parameter(zeros([dim]));
    this.proj = new Linear(dim, dim);
  }

  /** The bias of each pair of tokens, 16 · sigmoid of the network's output: [1, h, T, T]. */
  positionBias(): Tensor {
    const { window, pretrained, heads } = this;
    const table = this.cpb_mlp.forward(logDistances(window, pretrained)); // [(2w − 1)², h]
    return take(table, distanceIndex(window), 0, { unchecked: true })
      .reshape([window ** 2, window ** 2, heads])
      .permute([2, 0, 1])
      .unsqueeze(0)
      .sigmoid()
      .mul(16);
  }

  /** @param x [B · windows, T, D] @param mask [windows, T, T] */
  forward(x: Tensor, mask?: Tensor): Tensor {
    const [q, k, v] = projectQkv(x, this); // [B · windows, h, T, d]
    const scale = this.logit_scale.clamp(undefined, Math.log(100)).exp(); // [h, 1, 1]
    const positions = this.positionBias();
    const added = mask
      ? positions.add(mask.unsqueeze(1)).tile([(x.shape[0] as number) / (mask.shape[0] as number), 1, 1, 1])
      : positions;
    const attended = scaledDotProductAttention(unit(q).mul(scale), unit(k), v, { mask: added, scale: 1 });
    return this.proj.forward(attended.permute([0, 2, 1, 3]).reshape(x.shape));
  }
}

class Block extends Module {
  attn: WindowAttention;
  norm1: LayerNorm;
  mlp: Mlp;
  norm2: LayerNorm;
  attn_mask: Variable | undefined;
  readonly windows: Windows;
  constructor(dim: number, heads: number, windows: Windows, pretrained: number) {
    super();
    this.windows = windows;
    this.attn = new WindowAttention(dim, heads, windows.window, pretrained);
    this.norm1 = new LayerNorm(dim);
    this.mlp = new Mlp(dim, 4 * dim);
    this.norm2 = new LayerNorm(dim);
    if (windows.shift > 0) this.attn_mask = buffer(shiftMask(windows));
  }

  /** [B, side · side, D] → [B, side · side, D] */
  forward(x: Tensor): Tensor {
    const y = x.add(this.norm1.forward(this.#attend(x)));
    return y.add(this.norm2.forward(this.mlp.forward(y)));
  }

  #attend(x: Tensor): Tensor {
    const { side, window, shift } = this.windows;
    const [batch, , dim] = x.shape as [number, number, number];
    const across = side / window;
    const map = x.reshape([batch, side, side, dim]);
    const shifted = shift > 0 ? map.roll(-shift, 1).roll(-shift, 2) : map;
    const windows = shifted
      .reshape([batch, across, window, across, window, dim])
      .permute([0, 1, 3, 2, 4, 5])
      .reshape([batch * across ** 2, window ** 2, dim]);
    const attended = this.attn
      .forward(windows, this.attn_mask)
      .reshape([batch, across, across, window, window, dim])
      .permute([0, 1, 3, 2, 4, 5])
      .reshape([batch, side, side, dim]);
    return (shift > 0 ? attended.roll(shift, 1).roll(shift, 2) : attended).reshape(x.shape);
  }
}

/** 2 x 2 tokens become one of twice the width: [B, side · side, D] → [B, side · side / 4, 2D]. */
class PatchMerging extends Module {
  reduction: Linear;
  norm: LayerNorm;
  readonly side: number;
  constructor(dim: number, side: number) {
    super();
    this.side = side;
    this.reduction = new Linear(4 * dim, 2 * dim, { bias: false });
    this.norm = new LayerNorm(2 * dim);
  }
  forward(x: Tensor): Tensor {
    const [batch, , dim] = x.shape as [number, number, number];
    const joined = x
      .reshape([batch, this.side / 2, 2, this.side / 2, 2, dim])
      // Top left, bottom left, top right, bottom right.
      .permute([0, 1, 3, 4, 2, 5])
      .reshape([batch, (this.side / 2) ** 2, 4 * dim]);
    return this.norm.forward(this.reduction.forward(joined));
  }
}

class Stage extends Module {
  blocks: Block[];
  downsample: PatchMerging | undefined;
  constructor(blocks: Block[], downsample: PatchMerging | undefined) {
    super();
    this.blocks = blocks;
    this.downsample = downsample;
  }
}

class NormedPatchEmbed extends Module {
  proj: Conv2d;
  norm: LayerNorm;
  constructor(patch: number, dim: number) {
    super();
    this.proj = new Conv2d(3, dim, patch, { stride: patch });
    this.norm = new LayerNorm(dim);
  }
  forward(x: Tensor): Tensor {
    return this.norm.forward(this.proj.forward(x).flatten(2).transpose(1, 2));
  }
}

export class SwinV2Encoder extends Module {
  patch_embed: NormedPatchEmbed;
  layers: Stage[];
  /** Unused, as is the classifier. */
  norm: LayerNorm;
  head: Linear | undefined;
  readonly image: number;

  constructor(config: SwinV2Config) {
    super();
    const { dim, depths, heads, window, pretrainedWindows, image, patch = 4, classes = 1000 } = config;
    this.image = image;
    this.patch_embed = new NormedPatchEmbed(patch, dim);
    this.layers = depths.map((depth, stage) => {
      const side = image / patch / 2 ** stage;
      const own = Math.min(window, side);
      if (side % own !== 0)
        this.fail(`an image of ${image} gives stage ${stage} ${side} tokens a side, no multiple of ${own}`);
      const width = dim * 2 ** stage;
      const blocks = Array.from({ length: depth }, (_, i) => {
        const shift = i % 2 === 0 || side <= window ? 0 : Math.floor(window / 2);
        const windows = { side, window: own, shift };
        return new Block(width, heads[stage] as number, windows, pretrainedWindows?.[stage] ?? own);
      });
      return new Stage(blocks, stage < depths.length - 1 ? new PatchMerging(width, side) : undefined);
    });
    this.norm = new LayerNorm(8 * dim);
    if (classes > 0) this.head = new Linear(8 * dim, classes);
  }

  /**
   * @param x [B, 3, image, image]
   * @returns the outputs of the four stages, [B, D, image/4, image/4] to [B, 8D, image/32, image/32]
   * @throws if the image has another size
   */
  forward(x: Tensor): Four<Tensor> {
    const { image } = this;
    if (x.rank !== 4 || x.shape[2] !== image || x.shape[3] !== image)
      this.fail(`expected images of ${image} x ${image}, the only size of this network, got ${x}`);
    let y = this.patch_embed.forward(x); // [B, side · side, D]
    return this.layers.map(({ blocks, downsample }) => {
      const output = blocks.reduce((z, block) => block.forward(z), y);
      const [batch, count, dim] = output.shape as [number, number, number];
      const side = Math.sqrt(count);
      if (downsample) y = downsample.forward(output);
      return output.transpose(1, 2).reshape([batch, dim, side, side]);
    }) as unknown as Four<Tensor>;
  }
}
