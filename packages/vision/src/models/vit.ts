/**
 * An Image is Worth 16x16 Words (Dosovitskiy et al. 2020): the Vision Transformer.
 *
 * Patches are tokens; a learned token gathers what the classifier needs. Names are timm's. ViT-B/16:
 * 86,567,656 parameters, 17.6 GMAC, 81.07 % top-1 (torchvision's weights).
 */
import { Conv2d, Dropout, init, LayerNorm, Linear, Module, Sequential } from "@tessera-ml/nn";
import {
  concat,
  gelu,
  parameter,
  scaledDotProductAttention,
  type Tensor,
  unbind,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export interface ViTConfig {
  readonly imageSize?: number;
  readonly patchSize: number;
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio?: number;
  readonly dropout?: number;
  readonly eps?: number;
  readonly classes?: number;
}

class Attention extends Module {
  qkv: Linear;
  proj: Linear;
  readonly #heads: number;
  constructor(dim: number, heads: number) {
    super();
    this.qkv = new Linear(dim, 3 * dim);
    this.proj = new Linear(dim, dim);
    this.#heads = heads;
  }
  #project(x: Tensor): [Tensor, Tensor, Tensor] {
    const [batch, tokens, dim] = x.shape as [number, number, number];
    const qkv = this.qkv
      .forward(x)
      .reshape([batch, tokens, 3, this.#heads, dim / this.#heads])
      .permute([2, 0, 3, 1, 4]); // [3, B, h, T, d]
    return unbind(qkv) as [Tensor, Tensor, Tensor];
  }
  forward(x: Tensor): Tensor {
    const [q, k, v] = this.#project(x);
    const out = scaledDotProductAttention(q, k, v); // [B, h, T, d]
    return this.proj.forward(out.permute([0, 2, 1, 3]).reshape(x.shape));
  }
}

class Mlp extends Module {
  fc1: Linear;
  fc2: Linear;
  constructor(dim: number, hidden: number) {
    super();
    this.fc1 = new Linear(dim, hidden);
    this.fc2 = new Linear(hidden, dim);
  }
  forward(x: Tensor): Tensor {
    return this.fc2.forward(gelu(this.fc1.forward(x)));
  }
}

/** Attention, then a perceptron for each token, both after a norm and beside a shortcut. */
class Block extends Module {
  norm1: LayerNorm;
  attn: Attention;
  norm2: LayerNorm;
  mlp: Mlp;
  dropout: Dropout;
  constructor(dim: number, heads: number, hidden: number, dropout: number, eps: number) {
    super();
    this.norm1 = new LayerNorm(dim, { eps });
    this.attn = new Attention(dim, heads);
    this.norm2 = new LayerNorm(dim, { eps });
    this.mlp = new Mlp(dim, hidden);
    this.dropout = new Dropout(dropout);
  }
  forward(x: Tensor): Tensor {
    const y = x.add(this.dropout.forward(this.attn.forward(this.norm1.forward(x))));
    return y.add(this.dropout.forward(this.mlp.forward(this.norm2.forward(y))));
  }
}

/** Cuts an image into patches, each a vector. */
class PatchEmbed extends Module {
  proj: Conv2d;
  constructor(patch: number, dim: number) {
    super();
    this.proj = new Conv2d(3, dim, patch, { stride: patch });
  }
  forward(x: Tensor): Tensor {
    return this.proj.forward(x).flatten(2).transpose(1, 2); // [B, patches, D]
  }
}

export class VisionTransformer extends Classifier {
  cls_token: Variable;
  pos_embed: Variable;
  patch_embed: PatchEmbed;
  blocks: Sequential;
  norm: LayerNorm;
  head: Linear;
  /** Patches along a side. */
  readonly grid: number;

  constructor(config: ViTConfig) {
    super();
    const {
      imageSize = 224,
      patchSize,
      dim,
      depth,
      heads,
      mlpRatio = 4,
      dropout = 0,
      eps = 1e-6,
      classes = 1000,
    } = config;
    if (imageSize % patchSize !== 0)
      throw new Error(`ViT: an image of ${imageSize} has no whole number of patches of ${patchSize}`);
    this.grid = imageSize / patchSize;
    this.cls_token = parameter(zeros([1, 1, dim]));
    this.pos_embed = parameter(init.truncatedNormal([1, 1 + this.grid ** 2, dim], { std: 0.02 }));
    this.patch_embed = new PatchEmbed(patchSize, dim);
    this.blocks = new Sequential(
      ...Array.from({ length: depth }, () => new Block(dim, heads, dim * mlpRatio, dropout, eps)),
    );
    this.norm = new LayerNorm(dim, { eps });
    this.head = new Linear(dim, classes);
    for (const module of this.namedModules().values())
      if (module instanceof Linear) {
        module.weight.assign(init.truncatedNormal(module.weight.shape, { std: 0.02 }));
        module.bias?.assign(zeros(module.bias.shape));
      }
  }

  /** [N, 3, H, W] → tokens [N, 1 + patches, D]. */
  #embed(x: Tensor): Tensor {
    const patches = this.patch_embed.forward(x);
    const [batch, , dim] = patches.shape as [number, number, number];
    return concat([this.cls_token.expand([batch, 1, dim]), patches], 1).add(this.pos_embed);
  }

  parts(): Part[] {
    return [
      { name: "embed", forward: (x) => this.#embed(x) },
      ...this.#blocks().map(
        (block, i): Part => ({ name: `block${i + 1}`, forward: (x) => block.forward(x) }),
      ),
      { name: "classifier", forward: (x) => this.head.forward(this.norm.forward(x).select(1, 0)) },
    ];
  }

  #blocks(): Block[] {
    return [...this.blocks] as Block[];
  }
}

export const vitConfigs = {
  vit_tiny_patch16_224: { patchSize: 16, dim: 192, depth: 12, heads: 3 },
  vit_small_patch16_224: { patchSize: 16, dim: 384, depth: 12, heads: 6 },
  vit_base_patch16_224: { patchSize: 16, dim: 768, depth: 12, heads: 12 },
  vit_base_patch32_224: { patchSize: 32, dim: 768, depth: 12, heads: 12 },
  vit_large_patch16_224: { patchSize: 16, dim: 1024, depth: 24, heads: 16 },
  vit_large_patch32_224: { patchSize: 32, dim: 1024, depth: 24, heads: 16 },
} as const satisfies Record<string, ViTConfig>;
