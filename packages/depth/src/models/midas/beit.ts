/**
 * BEiT: BERT Pre-Training of Image Transformers (Bao et al. 2021) as an encoder of DPT: a Vision Transformer whose
 * attention has a learned bias for each relative position. For images of other sizes, the tables of biases are resized
 * bilinearly. Parameters are named as in timm.
 */
import { Attention, LayerNorm, Linear, Mlp, Module, PatchEmbed } from "@tessera-ml/nn";
import {
  concat,
  fromArray,
  full,
  parameter,
  resize,
  type Tensor,
  take,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import type { Grid } from "../dpt-head.ts";
import { projectQkv } from "./qkv.ts";
import { type EncoderOutputs, gridOf, outputsOf, type ViTEncoderConfig } from "./vit.ts";

export type BeitConfig = Omit<ViTEncoderConfig, "stages"> & {
  /** Initial factor of the residual branches. */
  readonly layerScale?: number;
};

/** For each pair of tokens, the row of the table of biases; three rows at the end are for the class token. */
export function relativePositionIndex([rows, columns]: Grid): Int32Array<ArrayBuffer> {
  const count = 1 + rows * columns;
  const [fromClass, toClass, ofClass] = [0, 1, 2].map((i) => (2 * rows - 1) * (2 * columns - 1) + i) as [
    number,
    number,
    number,
  ];
  return Int32Array.from({ length: count ** 2 }, (_, pair) => {
    const [query, key] = [Math.floor(pair / count), pair % count];
    if (query === 0) return key === 0 ? ofClass : fromClass;
    if (key === 0) return toClass;
    const down = Math.floor((query - 1) / columns) - Math.floor((key - 1) / columns) + rows - 1;
    const right = ((query - 1) % columns) - ((key - 1) % columns) + columns - 1;
    return down * (2 * columns - 1) + right;
  });
}

class BeitAttention extends Attention {
  q_bias: Variable;
  v_bias: Variable;
  relative_position_bias_table: Variable;
  readonly side: number;
  constructor(dim: number, heads: number, side: number) {
    super(dim, heads, { qkvBias: false });
    this.side = side;
    this.q_bias = parameter(zeros([dim]));
    this.v_bias = parameter(zeros([dim]));
    this.relative_position_bias_table = parameter(zeros([(2 * side - 1) ** 2 + 3, heads]));
  }

  protected override project(x: Tensor): [q: Tensor, k: Tensor, v: Tensor] {
    return projectQkv(x, this);
  }

  /** The bias of each pair of tokens, [1, h, T, T]. */
  bias([rows, columns]: Grid, index: Tensor): Tensor {
    const { relative_position_bias_table: table, side, heads } = this;
    const count = 1 + rows * columns;
    const pairs = (2 * side - 1) ** 2;
    const stored = table
      .narrow(0, 0, pairs)
      .transpose(0, 1)
      .reshape([1, heads, 2 * side - 1, 2 * side - 1]);
    const size = [2 * rows - 1, 2 * columns - 1];
    const resized = rows === side && columns === side ? stored : resize(stored, { size, mode: "bilinear" }); // [1, h, 2·rows − 1, 2·columns − 1]
    const rowsOfTable = concat([resized.reshape([heads, -1]).transpose(0, 1), table.narrow(0, pairs, 3)], 0);
    return take(rowsOfTable, index, 0, { unchecked: true })
      .reshape([count, count, heads])
      .permute([2, 0, 1])
      .unsqueeze(0);
  }
}

class BeitBlock extends Module {
  gamma_1: Variable;
  gamma_2: Variable;
  norm1: LayerNorm;
  attn: BeitAttention;
  norm2: LayerNorm;
  mlp: Mlp;
  constructor(config: BeitConfig & { readonly side: number }) {
    super();
    const { dim, heads, side, eps = 1e-6, layerScale = 0.1 } = config;
    this.gamma_1 = parameter(full([dim], layerScale));
    this.gamma_2 = parameter(full([dim], layerScale));
    this.norm1 = new LayerNorm(dim, { eps });
    this.attn = new BeitAttention(dim, heads, side);
    this.norm2 = new LayerNorm(dim, { eps });
    this.mlp = new Mlp(dim, 4 * dim);
  }
  forward(x: Tensor, grid: Grid, index: Tensor): Tensor {
    const mask = this.attn.bias(grid, index);
    const y = x.add(this.attn.forward(this.norm1.forward(x), { mask }).mul(this.gamma_1));
    return y.add(this.mlp.forward(this.norm2.forward(y)).mul(this.gamma_2));
  }
}

export class BeitEncoder extends Module {
  cls_token: Variable;
  patch_embed: PatchEmbed;
  blocks: BeitBlock[];
  /** Unused, as is the classifier: DPT takes the outputs of the blocks as they are. */
  fc_norm: LayerNorm;
  head: Linear | undefined;
  readonly patch: number;

  constructor(config: BeitConfig) {
    super();
    const { dim, depth, patch = 16, image, eps = 1e-6, classes = 1000 } = config;
    this.patch = patch;
    this.cls_token = parameter(zeros([1, 1, dim]));
    this.patch_embed = new PatchEmbed(patch, dim);
    this.blocks = Array.from({ length: depth }, () => new BeitBlock({ ...config, side: image / patch }));
    this.fc_norm = new LayerNorm(dim, { eps });
    if (classes > 0) this.head = new Linear(dim, classes);
  }

  /** [B, 3, H, W] → the input of the first block, [B, 1 + rows · columns, D]. */
  embed(x: Tensor): { tokens: Tensor; grid: Grid } {
    const grid = gridOf(x, this.patch);
    const patches = this.patch_embed.forward(x);
    const [batch, , dim] = patches.shape as [number, number, number];
    return { grid, tokens: concat([this.cls_token.expand([batch, 1, dim]), patches], 1) };
  }

  /** @param taps indices of the blocks whose outputs are returned */
  forward(x: Tensor, taps: readonly number[]): EncoderOutputs {
    const { tokens, grid } = this.embed(x);
    const index = relativePositionIndex(grid);
    const pairs = fromArray(index, [index.length]);
    const run = (block: BeitBlock, y: Tensor) => block.forward(y, grid, pairs);
    return { maps: [], grid, tokens: outputsOf(this.blocks, taps, tokens, run) };
  }
}
