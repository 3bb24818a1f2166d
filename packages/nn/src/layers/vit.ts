/** The building blocks of Vision Transformers (Dosovitskiy et al. 2020), with the parameter names of timm and DINOv2. */
import { full, parameter, type Tensor, type Variable } from "@tessera-ml/tensor";
import { Module } from "../module.ts";
import type { AttendOptions } from "./attention.ts";
import { Conv2d } from "./conv.ts";
import { Dropout, DropPath } from "./dropout.ts";
import { Mlp, type MlpOptions } from "./mlp.ts";
import { LayerNorm } from "./norm.ts";
import { Attention, type SelfAttentionOptions } from "./self-attention.ts";

export interface PatchEmbedOptions {
  /** Channels of the image; default 3. */
  readonly channels?: number;
  /** Default: the side of a patch. Smaller for overlapping patches. */
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
}

/** Cuts images [B, C, H, W] into patches and projects each to a token: [B, rows · columns, dim]. */
export class PatchEmbed extends Module {
  readonly proj: Conv2d;
  /** Side of a patch. */
  readonly patch: number;
  /** Whether the patches are adjacent. */
  readonly tiled: boolean;

  constructor(patch: number, dim: number, options: PatchEmbedOptions = {}) {
    super();
    const { channels = 3, stride = patch, padding = 0, bias = true } = options;
    this.patch = patch;
    this.tiled = stride === patch && padding === 0;
    this.proj = new Conv2d(channels, dim, patch, { stride, padding, bias });
  }

  /** @throws if the sides of the image are no multiples of the patch, unless patches overlap or are padded */
  forward(x: Tensor): Tensor {
    const { patch, proj, tiled } = this;
    const [, , height, width] = x.shape as [number, number, number, number];
    if (tiled && (height % patch !== 0 || width % patch !== 0))
      this.fail(`expected an image whose sides are multiples of ${patch}, got ${x}`);
    return proj.forward(x).flatten(2).transpose(1, 2);
  }
}

/** Multiplies each channel (last axis) by a learned factor (Touvron et al. 2021, "Going deeper with Image Transformers"). */
export class LayerScale extends Module {
  readonly gamma: Variable;
  constructor(dim: number, initial = 1e-5) {
    super();
    this.gamma = parameter(full([dim], initial));
  }
  forward(x: Tensor): Tensor {
    return x.mul(this.gamma);
  }
}

export interface ViTBlockOptions extends SelfAttentionOptions, MlpOptions {
  /** Width of the hidden layer; default 4 · dim. */
  readonly hidden?: number;
  /** Epsilon of the layer norms; default 1e-6. */
  readonly eps?: number;
  /** Initial factor of the layer scales; if absent, there are none. */
  readonly layerScale?: number;
  /** Probability of dropping an entry of a branch in training. */
  readonly branchDropout?: number;
  /** Probability of skipping a branch for a sample in training. */
  readonly dropPath?: number;
  /** Replaces `Attention`; its options are ignored. */
  readonly attn?: Module & { forward(x: Tensor, options?: AttendOptions): Tensor };
  /** Replaces `Mlp`, for example by a `SwiGLU`; its options are ignored. */
  readonly mlp?: Module & { forward(x: Tensor): Tensor };
}

/**
 * A pre-norm transformer block: x + ls1(attn(norm1(x))), then y + ls2(mlp(norm2(y))). [B, T, D] → [B, T, D].
 *
 * @example
 * new ViTBlock(768, 12); // timm's ViT-B, MAE
 * new ViTBlock(384, 6, { layerScale: 1e-5 }); // DINOv2 ViT-S
 * new ViTBlock(1536, 24, { layerScale: 1e-5, mlp: new SwiGLU(1536, swigluHidden(6144)) }); // DINOv2 ViT-g
 */
export class ViTBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attn: Module & { forward(x: Tensor, options?: AttendOptions): Tensor };
  readonly ls1: LayerScale | undefined;
  readonly norm2: LayerNorm;
  readonly mlp: Module & { forward(x: Tensor): Tensor };
  readonly ls2: LayerScale | undefined;
  readonly drop: Dropout;
  readonly dropPath: DropPath;

  constructor(dim: number, heads: number, options: ViTBlockOptions = {}) {
    super();
    const { hidden = 4 * dim, eps = 1e-6, layerScale, branchDropout = 0, dropPath = 0 } = options;
    const scale = () => (layerScale === undefined ? undefined : new LayerScale(dim, layerScale));
    this.norm1 = new LayerNorm(dim, { eps });
    this.attn = options.attn ?? new Attention(dim, heads, options);
    this.ls1 = scale();
    this.norm2 = new LayerNorm(dim, { eps });
    this.mlp = options.mlp ?? new Mlp(dim, hidden, options);
    this.ls2 = scale();
    this.drop = new Dropout(branchDropout);
    this.dropPath = new DropPath(dropPath);
  }

  forward(x: Tensor, options: AttendOptions = {}): Tensor {
    const y = this.#add(x, this.attn.forward(this.norm1.forward(x), options), this.ls1);
    return this.#add(y, this.mlp.forward(this.norm2.forward(y)), this.ls2);
  }

  #add(x: Tensor, branch: Tensor, scale: LayerScale | undefined): Tensor {
    const dropped = this.drop.forward(branch);
    return x.add(this.dropPath.forward(scale ? scale.forward(dropped) : dropped));
  }
}
