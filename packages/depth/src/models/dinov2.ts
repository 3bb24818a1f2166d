/**
 * DINOv2: Learning Robust Visual Features without Supervision (Oquab et al. 2023), the encoder of Depth Anything;
 * with registers, Vision Transformers Need Registers (Darcet et al. 2023).
 *
 * Parameters are named as in `dinov2_vits14_pretrain.pth` and its siblings.
 */
import {
  init,
  interpolatePositions,
  LayerNorm,
  Module,
  PatchEmbed,
  SwiGLU,
  swigluHidden,
  ViTBlock,
} from "@tessera-ml/nn";
import { concat, parameter, type Tensor, type Variable, zeros } from "@tessera-ml/tensor";

export interface DinoV2Config {
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  /** Default `mlp`. */
  readonly ffn?: "mlp" | "swiglu";
  /** Width of the hidden layer; default 4 · dim, of a SwiGLU two thirds of that. */
  readonly hidden?: number;
  /** Side of a patch, default 14. */
  readonly patch?: number;
  /** Side of the square images whose positions are stored, default 518. */
  readonly image?: number;
  /** Number of register tokens, default 0. */
  readonly registers?: number;
  /**
   * How positions are resized for other images: by the scale factor (rows + 0.1) / 37 as in the original code
   * (default 0.1), or by the size as with registers and in transformers (0).
   */
  readonly interpolateOffset?: number;
  /** Whether to antialias when shrinking positions; default false. With registers: true. */
  readonly interpolateAntialias?: boolean;
  /** Whether there is a token for masked patches, used only in pre-training; default true. */
  readonly maskToken?: boolean;
  /** Epsilon of the final norm, default 1e-6. */
  readonly normEps?: number;
}

/** Normalized outputs of a block. */
export interface Features {
  /** Patches in row-major order, [B, rows · columns, D]. */
  readonly patches: Tensor;
  /** The class token, [B, D]. */
  readonly cls: Tensor;
  /** [B, registers, D] */
  readonly registers: Tensor;
}

export class DinoV2 extends Module {
  cls_token: Variable;
  pos_embed: Variable;
  register_tokens: Variable | undefined;
  mask_token: Variable | undefined;
  patch_embed: PatchEmbed;
  blocks: ViTBlock[];
  norm: LayerNorm;
  readonly config: DinoV2Config;

  constructor(config: DinoV2Config) {
    super();
    const { dim, depth, heads, ffn = "mlp", patch = 14, image = 518, registers = 0 } = config;
    const {
      hidden = ffn === "swiglu" ? swigluHidden(4 * dim) : 4 * dim,
      maskToken = true,
      normEps = 1e-6,
    } = config;
    if (image % patch !== 0) this.fail(`an image of ${image} is not a whole number of patches of ${patch}`);
    this.config = config;
    this.cls_token = parameter(zeros([1, 1, dim]));
    this.pos_embed = parameter(init.truncatedNormal([1, 1 + (image / patch) ** 2, dim], { std: 0.02 }));
    if (registers > 0) this.register_tokens = parameter(zeros([1, registers, dim]));
    if (maskToken) this.mask_token = parameter(zeros([1, dim]));
    this.patch_embed = new PatchEmbed(patch, dim);
    this.blocks = Array.from({ length: depth }, () =>
      ffn === "swiglu"
        ? new ViTBlock(dim, heads, { layerScale: 1, mlp: new SwiGLU(dim, hidden) })
        : new ViTBlock(dim, heads, { layerScale: 1, hidden }),
    );
    this.norm = new LayerNorm(dim, { eps: normEps });
  }

  /** Positions of the class token and of a grid of patches, [1, 1 + rows · columns, D]. */
  positions(grid: readonly [rows: number, columns: number]): Tensor {
    const { interpolateOffset: offset = 0.1, interpolateAntialias: antialias = false } = this.config;
    return interpolatePositions(this.pos_embed, grid, { antialias, ...(offset > 0 ? { offset } : {}) });
  }

  /** Rows and columns of patches of an image [B, 3, H, W]. */
  grid(x: Tensor): readonly [rows: number, columns: number] {
    const [, , height, width] = x.shape as [number, number, number, number];
    return [height / this.patch_embed.patch, width / this.patch_embed.patch];
  }

  /** Images [B, 3, H, W] to tokens [B, 1 + registers + rows · columns, D]: class, registers, patches. */
  embed(x: Tensor): Tensor {
    const patches = this.patch_embed.forward(x); // [B, rows · columns, D]
    const [batch, count, dim] = patches.shape as [number, number, number];
    const repeated = (token: Tensor) => token.expand([batch, token.shape[1] as number, dim]);
    const tokens = concat([repeated(this.cls_token), patches], 1).add(this.positions(this.grid(x)));
    if (!this.register_tokens) return tokens;
    // Registers have no positions.
    return concat([tokens.narrow(1, 0, 1), repeated(this.register_tokens), tokens.narrow(1, 1, count)], 1);
  }

  /**
   * The outputs of some blocks, each through the final norm.
   *
   * @param x [B, 3, H, W], sides multiples of the patch
   * @param taps indices of blocks, ascending
   */
  intermediateLayers(x: Tensor, taps: readonly number[]): Features[] {
    const { blocks } = this;
    for (const [i, tap] of taps.entries())
      if (!(tap in blocks) || tap <= (taps[i - 1] ?? -1))
        this.fail(`expected ascending indices of ${blocks.length} blocks, got [${taps.join(", ")}]`);
    const found: Features[] = [];
    let tokens = this.embed(x);
    for (const [i, block] of blocks.slice(0, (taps.at(-1) ?? -1) + 1).entries()) {
      tokens = block.forward(tokens);
      if (taps.includes(i)) found.push(this.#split(this.norm.forward(tokens)));
    }
    return found;
  }

  /** The output of the last block. */
  forward(x: Tensor): Features {
    return this.intermediateLayers(x, [this.blocks.length - 1])[0] as Features;
  }

  #split(tokens: Tensor): Features {
    const { registers = 0 } = this.config;
    return {
      cls: tokens.select(1, 0),
      registers: tokens.narrow(1, 1, registers),
      patches: tokens.narrow(1, 1 + registers, (tokens.shape[1] as number) - 1 - registers),
    };
  }
}

const SMALL = { dim: 384, depth: 12, heads: 6 } as const;
const BASE = { dim: 768, depth: 12, heads: 12 } as const;
const LARGE = { dim: 1024, depth: 24, heads: 16 } as const;
const GIANT = { dim: 1536, depth: 40, heads: 24, ffn: "swiglu" } as const;
const REGISTERS = { registers: 4, interpolateOffset: 0, interpolateAntialias: true } as const;

export const dinov2Configs = {
  dinov2_vits14: SMALL,
  dinov2_vitb14: BASE,
  dinov2_vitl14: LARGE,
  dinov2_vitg14: GIANT,
  dinov2_vits14_reg: { ...SMALL, ...REGISTERS },
  dinov2_vitb14_reg: { ...BASE, ...REGISTERS },
  dinov2_vitl14_reg: { ...LARGE, ...REGISTERS },
  dinov2_vitg14_reg: { ...GIANT, ...REGISTERS },
} as const satisfies Record<string, DinoV2Config>;
