/**
 * An Image is Worth 16x16 Words (Dosovitskiy et al. 2020): the Vision Transformer.
 *
 * Patches are tokens; the classifier reads a learned class token. Names are timm's. ViT-B/16: 86,567,656
 * parameters, 17.6 GMAC, 81.07 % top-1 (torchvision's weights).
 */
import { init, LayerNorm, Linear, PatchEmbed, Sequential, ViTBlock } from "@tessera-ml/nn";
import { concat, parameter, type Tensor, type Variable, zeros } from "@tessera-ml/tensor";
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
      throw new Error(
        `ViT: expected an image size that is a multiple of the patch size ${patchSize}, got ${imageSize}`,
      );
    this.grid = imageSize / patchSize;
    this.cls_token = parameter(zeros([1, 1, dim]));
    this.pos_embed = parameter(init.truncatedNormal([1, 1 + this.grid ** 2, dim], { std: 0.02 }));
    this.patch_embed = new PatchEmbed(patchSize, dim);
    this.blocks = new Sequential(
      ...Array.from(
        { length: depth },
        () => new ViTBlock(dim, heads, { hidden: dim * mlpRatio, branchDropout: dropout, eps }),
      ),
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
      ...([...this.blocks] as ViTBlock[]).map(
        (block, i): Part => ({ name: `block${i + 1}`, forward: (x) => block.forward(x) }),
      ),
      { name: "classifier", forward: (x) => this.head.forward(this.norm.forward(x).select(1, 0)) },
    ];
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
