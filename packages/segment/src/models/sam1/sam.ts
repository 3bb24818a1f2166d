/** Segment Anything (Kirillov et al. 2023), and MobileSAM (Zhang et al. 2023), which has another image encoder. */
import { Module } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { type DecodedMasks, MaskDecoder } from "../mask-decoder.ts";
import { middleClicks, type Prompt, PromptEncoder } from "../prompt-encoder.ts";
import { SamEncoder, type SamEncoderConfig } from "./image-encoder.ts";
import { TinyViT, type TinyViTConfig } from "./tiny-vit.ts";

export interface SamConfig {
  readonly encoder: SamEncoderConfig | TinyViTConfig;
  /** Epsilon of the norms in the decoder's transformer, default 1e-5; transformers has 1e-6. */
  readonly decoderEps?: number;
}

export class Sam extends Module {
  image_encoder: SamEncoder | TinyViT;
  prompt_encoder: PromptEncoder;
  mask_decoder: MaskDecoder;

  constructor({ encoder, decoderEps = 1e-5 }: SamConfig) {
    super();
    this.image_encoder = "dims" in encoder ? new TinyViT(encoder) : new SamEncoder(encoder);
    this.prompt_encoder = new PromptEncoder({ image: this.image_encoder.image });
    this.mask_decoder = new MaskDecoder({ version: 1, eps: decoderEps });
  }

  /** Side of the square input, in pixels. */
  get image(): number {
    return this.image_encoder.image;
  }

  /** The map of preprocessed images, [B, 3, image, image] → [B, 256, image / 16, image / 16]. */
  encode(images: Tensor): Tensor {
    return this.image_encoder.forward(images);
  }

  /**
   * Masks for a batch of prompts on one image.
   *
   * @param embedding [1, 256, side, side]
   */
  decode(embedding: Tensor, prompt: Prompt): DecodedMasks {
    const encoded = this.prompt_encoder.forward(prompt);
    return this.mask_decoder.forward(embedding, this.prompt_encoder.densePositions(), encoded);
  }

  /** @param prompt default: a click in the middle */
  forward(images: Tensor, prompt: Prompt = middleClicks(images)): DecodedMasks {
    return this.decode(this.encode(images), prompt);
  }
}

export const samConfigs = {
  sam_vit_b: { encoder: { dim: 768, depth: 12, heads: 12, global: [2, 5, 8, 11] } },
  sam_vit_l: { encoder: { dim: 1024, depth: 24, heads: 16, global: [5, 11, 17, 23] } },
  sam_vit_h: { encoder: { dim: 1280, depth: 32, heads: 16, global: [7, 15, 23, 31] } },
  mobile_sam: {
    encoder: { dims: [64, 128, 160, 320], depths: [2, 2, 6, 2], heads: [4, 5, 10], windows: [7, 14, 7] },
  },
} as const satisfies Record<string, SamConfig>;
