/**
 * Hiera: a Hierarchical Vision Transformer without the Bells-and-Whistles (Ryali et al. 2023), as SAM 2 uses it: with
 * windows of its own for each stage, global attention in three blocks, and positions that repeat in every window (Bolya
 * et al. 2023, "Window Attention is Bugged"). Maps are [B, H, W, C].
 */
import { Conv2d, init, LayerNorm, Linear, Module } from "@tessera-ml/nn";
import {
  gelu,
  parameter,
  resize,
  scaledDotProductAttention,
  type Tensor,
  type Variable,
} from "@tessera-ml/tensor";
import { Mlp } from "../mlp.ts";
import { partition, unpartition } from "../windows.ts";

export interface HieraConfig {
  /** Features of the first stage; each next one has twice as many, and twice as many heads. */
  readonly dim: number;
  readonly heads: number;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Side of the windows of each stage. The first block of a stage still uses those of the stage before. */
  readonly windows: readonly number[];
  /** Blocks that attend to the whole map, counted from the first. */
  readonly global: readonly number[];
  /** Side of the table of positions that is resized to the map. */
  readonly positions: number;
}

class PatchEmbed extends Module {
  proj: Conv2d;
  constructor(dim: number) {
    super();
    this.proj = new Conv2d(3, dim, 7, { stride: 4, padding: 3 });
  }
  /** [B, 3, H, W] → [B, H/4, W/4, C] */
  forward(x: Tensor): Tensor {
    return this.proj.forward(x).permute([0, 2, 3, 1]);
  }
}

/** The maxima of 2 x 2 cells: [B, H, W, C] → [B, H/2, W/2, C] */
function pool(x: Tensor): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  return x.reshape([batch, height / 2, 2, width / 2, 2, channels]).max([2, 4]);
}

/** Attention in a window. At the start of a stage the queries are pooled, so that a quarter of the tokens is left. */
class MultiScaleAttention extends Module {
  qkv: Linear;
  proj: Linear;
  readonly heads: number;
  readonly pooled: boolean;

  constructor(dim: number, dimOut: number, heads: number, pooled: boolean) {
    super();
    this.qkv = new Linear(dim, 3 * dimOut);
    this.proj = new Linear(dimOut, dimOut);
    this.heads = heads;
    this.pooled = pooled;
  }

  /** [B, H, W, C] → [B, H or H/2, W or W/2, D] */
  forward(x: Tensor): Tensor {
    const [query, keys, values] = this.qkv.forward(x).chunk(3, -1) as [Tensor, Tensor, Tensor];
    const queries = this.pooled ? pool(query) : query;
    const split = (map: Tensor) => {
      const [batch, height, width, dim] = map.shape as [number, number, number, number];
      return map.reshape([batch, height * width, this.heads, dim / this.heads]).permute([0, 2, 1, 3]);
    };
    const attended = scaledDotProductAttention(split(queries), split(keys), split(values)); // [B, h, T, d]
    return this.proj.forward(attended.permute([0, 2, 1, 3]).reshape(queries.shape));
  }
}

export class HieraBlock extends Module {
  norm1: LayerNorm;
  attn: MultiScaleAttention;
  norm2: LayerNorm;
  mlp: Mlp;
  /** Where the number of features changes. */
  proj: Linear | undefined;
  /** 0: the whole map. */
  readonly window: number;

  constructor(dim: number, dimOut: number, heads: number, window: number) {
    super();
    this.norm1 = new LayerNorm(dim, { eps: 1e-6 });
    this.attn = new MultiScaleAttention(dim, dimOut, heads, dim !== dimOut);
    this.norm2 = new LayerNorm(dimOut, { eps: 1e-6 });
    this.mlp = new Mlp([dimOut, 4 * dimOut, dimOut], gelu);
    if (dim !== dimOut) this.proj = new Linear(dim, dimOut);
    this.window = window;
  }

  forward(x: Tensor): Tensor {
    const normed = this.norm1.forward(x);
    const shortcut = this.proj ? pool(this.proj.forward(normed)) : x;
    const y = shortcut.add(this.#attend(normed, shortcut.shape.slice(1, 3) as [number, number]));
    return y.add(this.mlp.forward(this.norm2.forward(y)));
  }

  /** Padding is attended to like everything else, as in the authors' code. */
  #attend(x: Tensor, size: readonly [height: number, width: number]): Tensor {
    if (this.window === 0) return this.attn.forward(x);
    return unpartition(this.attn.forward(partition(x, this.window)), size);
  }
}

export class Hiera extends Module {
  pos_embed: Variable;
  pos_embed_window: Variable;
  patch_embed: PatchEmbed;
  blocks: HieraBlock[];
  readonly config: HieraConfig;

  constructor(config: HieraConfig) {
    super();
    this.config = config;
    const { dim, heads, depths, windows, global, positions } = config;
    const [first] = windows as [number];
    this.pos_embed = parameter(init.truncatedNormal([1, dim, positions, positions], { std: 0.02 }));
    this.pos_embed_window = parameter(init.truncatedNormal([1, dim, first, first], { std: 0.02 }));
    this.patch_embed = new PatchEmbed(dim);
    this.blocks = [];
    for (const [stage, depth] of depths.entries())
      for (let i = 0; i < depth; i++) {
        const starts = i === 0 && stage > 0;
        const window = global.includes(this.blocks.length)
          ? 0
          : (windows[starts ? stage - 1 : stage] as number);
        const width = dim * 2 ** stage;
        this.blocks.push(new HieraBlock(starts ? width / 2 : width, width, heads * 2 ** stage, window));
      }
  }

  /** Features of each stage. */
  get widths(): number[] {
    return this.config.depths.map((_, stage) => this.config.dim * 2 ** stage);
  }

  /** Patches with their positions: [B, 3, H, W] → [B, H/4, W/4, C] */
  embed(x: Tensor): Tensor {
    const patches = this.patch_embed.forward(x);
    const [, rows, columns] = patches.shape as [number, number, number];
    const window = this.config.windows[0] as number;
    if (rows % window !== 0 || columns % window !== 0)
      this.fail(`expected an image whose sides are multiples of ${4 * window}, got ${x}`);
    const wide = resize(this.pos_embed, { size: [rows, columns], mode: "bicubic" });
    const fine = this.pos_embed_window.tile([1, 1, rows / window, columns / window]);
    return patches.add(wide.add(fine).permute([0, 2, 3, 1]));
  }

  /** The output of each stage, [B, C, H/4, W/4] to [B, 8C, H/32, W/32]. */
  forward(x: Tensor): Tensor[] {
    const maps: Tensor[] = [];
    let map = this.embed(x);
    let left = 0;
    const ends = this.config.depths.map((depth) => (left += depth) - 1);
    for (const [i, block] of this.blocks.entries()) {
      map = block.forward(map);
      if (ends.includes(i)) maps.push(map.permute([0, 3, 1, 2]));
    }
    return maps;
  }
}
