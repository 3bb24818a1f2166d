/**
 * Swin Transformer: Hierarchical Vision Transformer using Shifted Windows (Liu et al. 2021).
 *
 * Attention within 7x7 windows, shifted by 3 in every second block so that neighbouring windows interact; groups of
 * 2x2 tokens are merged between stages. Names are torchvision's. Swin-T: 28,288,354 parameters, 4.49 GMAC,
 * 81.47 % top-1.
 */
import { Attention, Conv2d, DropPath, init, LayerNorm, Linear, Module, Sequential } from "@tessera-ml/nn";
import {
  buffer,
  concat,
  fromArray,
  gelu,
  parameter,
  type Tensor,
  take,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export interface SwinConfig {
  readonly dim: number;
  readonly depths: readonly [number, number, number, number];
  readonly heads: readonly [number, number, number, number];
  /** Maximum stochastic depth rate. */
  readonly dropPath?: number;
  /** Whether checkpoints include the relative position index: torchvision's do, timm's no longer do. */
  readonly keepIndex?: boolean;
  readonly classes?: number;
}

const WINDOW = 7;
const TOKENS = WINDOW ** 2;

/** For each pair of tokens in a window, the row of the bias table for their offset. */
function relativePositions(): BigInt64Array<ArrayBuffer> {
  const side = 2 * WINDOW - 1;
  return BigInt64Array.from({ length: TOKENS ** 2 }, (_, pair) => {
    const [a, b] = [Math.floor(pair / TOKENS), pair % TOKENS];
    const down = Math.floor(a / WINDOW) - Math.floor(b / WINDOW) + WINDOW - 1;
    const right = (a % WINDOW) - (b % WINDOW) + WINDOW - 1;
    return BigInt(down * side + right);
  });
}

/** Shift of the windows along an extent: none if a single window covers it. */
function shiftOf(shift: number, extent: number): number {
  return extent <= WINDOW ? 0 : shift;
}

/**
 * Masks pairs of tokens that share a window only because of the cyclic shift: −100 for such pairs, [windows, 1, T, T]
 * (section 3.2, "cyclic shift").
 */
function strangers(height: number, width: number, down: number, right: number): Tensor {
  const region = (at: number, extent: number, shift: number): number =>
    at < extent - WINDOW ? 0 : at < extent - shift || shift === 0 ? 1 : 2;
  const across = width / WINDOW;
  const windows = (height / WINDOW) * across;
  const regions = Array.from({ length: windows }, (_, window) =>
    Array.from({ length: TOKENS }, (_, token) => {
      const y = Math.floor(window / across) * WINDOW + Math.floor(token / WINDOW);
      const x = (window % across) * WINDOW + (token % WINDOW);
      return 3 * region(y, height, down) + region(x, width, right);
    }),
  );
  const mask = regions.flatMap((window) => window.flatMap((a) => window.map((b) => (a === b ? 0 : -100))));
  return fromArray(Float32Array.from(mask), [windows, 1, TOKENS, TOKENS]);
}

class WindowAttention extends Attention {
  relative_position_bias_table: Variable;
  relative_position_index: Variable;
  readonly #shift: number;
  constructor(dim: number, heads: number, shift: number, keepIndex: boolean) {
    super(dim, heads);
    this.relative_position_bias_table = parameter(
      init.truncatedNormal([(2 * WINDOW - 1) ** 2, heads], { std: 0.02 }),
    );
    this.relative_position_index = buffer(fromArray(relativePositions(), [TOKENS ** 2]), {
      persistent: keepIndex,
    });
    this.#shift = shift;
  }

  protected override positionBias(): Tensor {
    return take(this.relative_position_bias_table, this.relative_position_index)
      .reshape([TOKENS, TOKENS, this.heads])
      .permute([2, 0, 1])
      .unsqueeze(0); // [1, h, T, T]
  }

  /** [N, H, W, C] → [N, H, W, C] */
  override forward(x: Tensor): Tensor {
    const [batch, height, width, dim] = x.shape as [number, number, number, number];
    const [bottom, side] = [height, width].map((extent) => (WINDOW - (extent % WINDOW)) % WINDOW) as [
      number,
      number,
    ];
    const [tall, wide] = [height + bottom, width + side];
    const [down, right] = [shiftOf(this.#shift, tall), shiftOf(this.#shift, wide)];
    let y = x;
    if (bottom + side > 0)
      y = y.pad([
        [0, 0],
        [0, bottom],
        [0, side],
        [0, 0],
      ]);
    if (down > 0) y = y.roll(-down, 1);
    if (right > 0) y = y.roll(-right, 2);
    const [rows, columns] = [tall / WINDOW, wide / WINDOW];
    const windows = y
      .reshape([batch, rows, WINDOW, columns, WINDOW, dim])
      .permute([0, 1, 3, 2, 4, 5])
      .reshape([batch * rows * columns, TOKENS, dim]);

    const mask = down + right > 0 ? strangers(tall, wide, down, right).tile([batch, 1, 1, 1]) : undefined;
    y = super
      .forward(windows, { mask })
      .reshape([batch, rows, columns, WINDOW, WINDOW, dim])
      .permute([0, 1, 3, 2, 4, 5])
      .reshape([batch, tall, wide, dim]);
    if (down > 0) y = y.roll(down, 1);
    if (right > 0) y = y.roll(right, 2);
    return bottom + side > 0 ? y.narrow(1, 0, height).narrow(2, 0, width) : y;
  }
}

class Block extends Module {
  norm1: LayerNorm;
  attn: WindowAttention;
  norm2: LayerNorm;
  /** Linear, GELU, an unused dropout, linear; the indices are torchvision's. */
  mlp: Readonly<Record<"0" | "3", Linear>>;
  drop: DropPath;
  constructor(dim: number, attn: WindowAttention, dropPath: number) {
    super();
    this.norm1 = new LayerNorm(dim);
    this.attn = attn;
    this.norm2 = new LayerNorm(dim);
    this.mlp = { "0": new Linear(dim, 4 * dim), "3": new Linear(4 * dim, dim) };
    this.drop = new DropPath(dropPath);
  }
  forward(x: Tensor): Tensor {
    const y = x.add(this.drop.forward(this.attn.forward(this.norm1.forward(x))));
    const hidden = gelu(this.mlp["0"].forward(this.norm2.forward(y)));
    return y.add(this.drop.forward(this.mlp["3"].forward(hidden)));
  }
}

/** Merges 2x2 tokens into one of twice the width. */
class PatchMerging extends Module {
  norm: LayerNorm;
  reduction: Linear;
  constructor(dim: number) {
    super();
    this.norm = new LayerNorm(4 * dim);
    this.reduction = new Linear(4 * dim, 2 * dim, { bias: false });
  }
  /** [N, H, W, C] → [N, ⌈H/2⌉, ⌈W/2⌉, 2C] */
  forward(x: Tensor): Tensor {
    const [, height, width] = x.shape as [number, number, number];
    const even = x.pad([
      [0, 0],
      [0, height % 2],
      [0, width % 2],
      [0, 0],
    ]);
    const corner = (down: 0 | 1, right: 0 | 1) => even.index(null, [down, null, 2], [right, null, 2]);
    const joined = concat([corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)], -1);
    return this.reduction.forward(this.norm.forward(joined));
  }
}

/** Patches of 4x4; channels last from here on. */
class Stem extends Module {
  0: Conv2d;
  2: LayerNorm;
  constructor(dim: number) {
    super();
    this[0] = new Conv2d(3, dim, 4, { stride: 4 });
    this[2] = new LayerNorm(dim);
  }
  forward(x: Tensor): Tensor {
    return this[2].forward(this[0].forward(x).permute([0, 2, 3, 1])); // [N, H/4, W/4, C]
  }
}

export class SwinTransformer extends Classifier {
  /** The stem, then stages alternating with patch merging. */
  features: Sequential;
  norm: LayerNorm;
  head: Linear;

  constructor({ dim, depths, heads, dropPath = 0, keepIndex = true, classes = 1000 }: SwinConfig) {
    super();
    const total = depths.reduce((sum, depth) => sum + depth, 0);
    let seen = 0;
    const layers: (Stem | Sequential | PatchMerging)[] = [new Stem(dim)];
    depths.forEach((depth, stage) => {
      const width = dim * 2 ** stage;
      if (stage > 0) layers.push(new PatchMerging(width / 2));
      const blocks = Array.from({ length: depth }, (_, i) => {
        const rate = (dropPath * seen++) / Math.max(1, total - 1);
        const shift = i % 2 === 0 ? 0 : Math.floor(WINDOW / 2);
        return new Block(width, new WindowAttention(width, heads[stage] as number, shift, keepIndex), rate);
      });
      layers.push(new Sequential(...blocks));
    });
    this.features = new Sequential(...layers);
    this.norm = new LayerNorm(8 * dim);
    this.head = new Linear(8 * dim, classes);
    for (const module of this.namedModules().values())
      if (module instanceof Linear) {
        module.weight.assign(init.truncatedNormal(module.weight.shape, { std: 0.02 }));
        module.bias?.assign(zeros(module.bias.shape));
      }
  }

  parts(): Part[] {
    const layers = [...this.features] as (Stem | Sequential | PatchMerging)[];
    return [
      ...[0, 1, 2, 3].map((stage): Part => {
        const [before, blocks] = layers.slice(2 * stage) as [Stem | PatchMerging, Sequential];
        return { name: `stage${stage + 1}`, forward: (x) => blocks.forward(before.forward(x)) }; // [N, H/2ˢ⁺², W/2ˢ⁺², 2ˢ·C]
      }),
      { name: "classifier", forward: (x) => this.head.forward(this.norm.forward(x).mean([1, 2])) },
    ];
  }
}

export const swinConfigs = {
  swin_t: { dim: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24] },
  swin_s: { dim: 96, depths: [2, 2, 18, 2], heads: [3, 6, 12, 24] },
  swin_b: { dim: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32] },
} as const satisfies Record<string, SwinConfig>;
