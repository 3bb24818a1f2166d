/**
 * The image encoder of Segment Anything (Kirillov et al. 2023): a Vision Transformer adapted to large images as in
 * Exploring Plain Vision Transformer Backbones for Object Detection (Li et al. 2022). Most blocks attend within windows,
 * four to the whole image, and scores have relative positions, split into rows and columns (Li et al. 2021, MViTv2).
 */
import { Conv2d, LayerNorm, LayerNorm2d, Linear, Module, Sequential } from "@tessera-ml/nn";
import {
  concat,
  fromArray,
  oneHot,
  parameter,
  scaledDotProductAttention,
  type Tensor,
  take,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { LinMlp } from "../mlp.ts";
import { partition, unpartition } from "../windows.ts";

export interface SamEncoderConfig {
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  /** Indices of the blocks that attend to the whole image. */
  readonly global: readonly number[];
  /** Side of the square input, default 1024. */
  readonly image?: number;
  /** Default 16. */
  readonly patch?: number;
  /** Side of a window in patches, default 14. */
  readonly window?: number;
  /** Channels of the result, default 256. */
  readonly out?: number;
}

/** For each pair of positions along a side, the row q − k + side − 1 of a table of distances: [side, side, d]. */
function distances(table: Tensor, side: number): Tensor {
  const rows = Int32Array.from({ length: side ** 2 }, (_, i) => Math.floor(i / side) - (i % side) + side - 1);
  return take(table, fromArray(rows, [side, side]), 0, { unchecked: true });
}

class RelativeAttention extends Module {
  qkv: Linear;
  proj: Linear;
  /** Of vertical distances, [2 · side − 1, d]. */
  rel_pos_h: Variable;
  /** Of horizontal distances. */
  rel_pos_w: Variable;
  readonly heads: number;

  constructor(dim: number, heads: number, side: number) {
    super();
    this.heads = heads;
    this.qkv = new Linear(dim, 3 * dim);
    this.proj = new Linear(dim, dim);
    this.rel_pos_h = parameter(zeros([2 * side - 1, dim / heads]));
    this.rel_pos_w = parameter(zeros([2 * side - 1, dim / heads]));
  }

  /** [B, side, side, D] → [B, side, side, D] */
  forward(x: Tensor): Tensor {
    const { heads } = this;
    const [batch, side, , dim] = x.shape as [number, number, number, number];
    const [count, width] = [side ** 2, dim / heads];
    const split = (part: Tensor) => part.reshape([batch, count, heads, width]).permute([0, 2, 1, 3]); // [B, h, T, d]
    const [q, k, v] = this.qkv.forward(x).chunk(3, -1).map(split) as [Tensor, Tensor, Tensor];

    // A query's terms for each row and column of keys: [B, h, T, side] each.
    const grid = q.reshape([batch, heads, side, side, width]);
    const toRows = grid.matmul(distances(this.rel_pos_h, side).transpose());
    const toColumns = grid
      .transpose(2, 3)
      .matmul(distances(this.rel_pos_w, side).transpose())
      .transpose(2, 3);
    const terms = [toRows, toColumns].map((part) => part.reshape([batch, heads, count, side]));

    // As further features of queries, with the row and column of each key, one-hot, as further features of keys: the scores
    // need no bias, and fused attention never holds all of them.
    const at = (coordinate: (i: number) => number) =>
      oneHot(
        fromArray(
          Int32Array.from({ length: count }, (_, i) => coordinate(i)),
          [count],
        ),
        side,
      );
    const places = concat([at((i) => Math.floor(i / side)), at((i) => i % side)], 1); // [T, 2 · side]
    const queries = concat([q.mul(width ** -0.5), ...terms], -1);
    const keys = concat([k, places.expand([batch, heads, count, 2 * side])], -1);
    const attended = scaledDotProductAttention(queries, keys, v, { scale: 1 });
    return this.proj.forward(attended.permute([0, 2, 1, 3]).reshape(x.shape));
  }
}

class Block extends Module {
  norm1: LayerNorm;
  attn: RelativeAttention;
  norm2: LayerNorm;
  mlp: LinMlp;
  /** Side of a window; 0 for the whole image. */
  readonly window: number;

  constructor(dim: number, heads: number, side: number, window: number) {
    super();
    this.window = window;
    this.norm1 = new LayerNorm(dim, { eps: 1e-6 });
    this.attn = new RelativeAttention(dim, heads, window || side);
    this.norm2 = new LayerNorm(dim, { eps: 1e-6 });
    this.mlp = new LinMlp(dim, 4 * dim);
  }

  /** [B, side, side, D] → [B, side, side, D] */
  forward(x: Tensor): Tensor {
    const { window } = this;
    const [, height, width] = x.shape as [number, number, number];
    const normed = this.norm1.forward(x);
    // Padded tokens are not masked: they take part as keys.
    const attended =
      window === 0
        ? this.attn.forward(normed)
        : unpartition(this.attn.forward(partition(normed, window)), [height, width]);
    const y = x.add(attended);
    return y.add(this.mlp.forward(this.norm2.forward(y)));
  }
}

class PatchEmbed extends Module {
  proj: Conv2d;
  constructor(patch: number, dim: number) {
    super();
    this.proj = new Conv2d(3, dim, patch, { stride: patch });
  }
  /** [B, 3, H, W] → [B, rows, columns, D] */
  forward(x: Tensor): Tensor {
    return this.proj.forward(x).permute([0, 2, 3, 1]);
  }
}

/** From D to `out` channels: 1 x 1, norm, 3 x 3, norm. [B, D, rows, columns] → [B, out, rows, columns] */
export function neck(dim: number, out: number): Sequential {
  return new Sequential(
    new Conv2d(dim, out, 1, { bias: false }),
    new LayerNorm2d(out, { eps: 1e-6 }),
    new Conv2d(out, out, 3, { padding: 1, bias: false }),
    new LayerNorm2d(out, { eps: 1e-6 }),
  );
}

export class SamEncoder extends Module {
  patch_embed: PatchEmbed;
  /** [1, side, side, D] */
  pos_embed: Variable;
  blocks: Block[];
  neck: Sequential;
  readonly image: number;

  constructor(config: SamEncoderConfig) {
    super();
    const { dim, depth, heads, global, image = 1024, patch = 16, window = 14, out = 256 } = config;
    if (image % patch !== 0) this.fail(`an image of ${image} is not a whole number of patches of ${patch}`);
    this.image = image;
    const side = image / patch;
    this.patch_embed = new PatchEmbed(patch, dim);
    this.pos_embed = parameter(zeros([1, side, side, dim]));
    this.blocks = Array.from(
      { length: depth },
      (_, i) => new Block(dim, heads, side, global.includes(i) ? 0 : window),
    );
    this.neck = neck(dim, out);
  }

  /** [B, 3, image, image] → [B, 256, image / 16, image / 16] */
  forward(x: Tensor): Tensor {
    const { image } = this;
    if (x.rank !== 4 || x.shape.slice(1).join() !== [3, image, image].join())
      this.fail(`expected an image [B, 3, ${image}, ${image}], got ${x}`);
    let y = this.patch_embed.forward(x).add(this.pos_embed); // [B, side, side, D]
    for (const block of this.blocks) y = block.forward(y);
    return this.neck.forward(y.permute([0, 3, 1, 2]));
  }
}
