/**
 * The mask decoder of Segment Anything (Kirillov et al. 2023, figure 14): tokens of the prompt and of the answer pass
 * through a two-way transformer; the inner product of each answer with the upscaled image is a mask. SAM 2 (Ravi et al.
 * 2024, figure 9) adds the encoder's finer maps and a score that says whether the object is in the picture.
 */
import { Conv2d, ConvTranspose2d, Embedding, LayerNorm2d, Module, Sequential } from "@tessera-ml/nn";
import { concat, gelu, stack, type Tensor } from "@tessera-ml/tensor";
import { LinMlp, Mlp } from "./mlp.ts";
import type { EncodedPrompt } from "./prompt-encoder.ts";
import { TwoWayTransformer } from "./two-way-transformer.ts";

export interface MaskDecoderConfig {
  /** 1: SAM. 2: SAM 2, with finer maps, an object score and IoUs through a sigmoid. */
  readonly version: 1 | 2;
  /** Default 256. */
  readonly dim?: number;
  /** Width of the transformer's feed-forward networks, default 2048. */
  readonly hidden?: number | undefined;
  /** Epsilon of the transformer's norms, default 1e-5; transformers gives SAM 1e-6. */
  readonly eps?: number;
}

export interface DecodedMasks {
  /** Logits, [B, 4, 4 · rows, 4 · columns]: one mask for when the prompt says all, then three guesses. */
  readonly masks: Tensor;
  /** Estimated IoU of each mask, [B, 4]. */
  readonly iou: Tensor;
  /** The token of each mask, [B, 4, D]. */
  readonly tokens: Tensor;
  /** Logit of whether the object is in the picture, [B, 1]; SAM 2 only. */
  readonly objectScore: Tensor | undefined;
}

/** The masks of an ambiguous prompt, and the one that stands for them. */
const MASKS = 4;
/** Of the network that estimates IoUs, whatever the width of tokens. */
const IOU_WIDTH = 256;

export class MaskDecoder extends Module {
  transformer: TwoWayTransformer;
  iou_token: Embedding;
  mask_tokens: Embedding;
  obj_score_token: Embedding | undefined;
  output_upscaling: Sequential;
  /** Finer maps, [B, 256, 4 · rows, 4 · columns] and half of that. */
  conv_s0: Conv2d | undefined;
  conv_s1: Conv2d | undefined;
  output_hypernetworks_mlps: Mlp[];
  iou_prediction_head: Mlp;
  pred_obj_score_head: Mlp | undefined;
  readonly dim: number;

  constructor({ version, dim = 256, hidden = 2048, eps = 1e-5 }: MaskDecoderConfig) {
    super();
    this.dim = dim;
    const relu = (x: Tensor) => x.relu();
    this.transformer = new TwoWayTransformer({
      dim,
      hidden,
      eps,
      mlp: (width, inner) =>
        version === 1 ? new LinMlp(width, inner, relu) : new Mlp([width, inner, width]),
    });
    this.iou_token = new Embedding(1, dim);
    this.mask_tokens = new Embedding(MASKS, dim);
    this.output_upscaling = new Sequential(
      new ConvTranspose2d(dim, dim / 4, 2, { stride: 2 }),
      new LayerNorm2d(dim / 4, { eps: 1e-6 }),
      gelu,
      new ConvTranspose2d(dim / 4, dim / 8, 2, { stride: 2 }),
      gelu,
    );
    this.output_hypernetworks_mlps = Array.from({ length: MASKS }, () => new Mlp([dim, dim, dim, dim / 8]));
    this.iou_prediction_head = new Mlp([dim, IOU_WIDTH, IOU_WIDTH, MASKS]);
    if (version === 1) return;
    this.obj_score_token = new Embedding(1, dim);
    this.conv_s0 = new Conv2d(dim, dim / 8, 1);
    this.conv_s1 = new Conv2d(dim, dim / 4, 1);
    this.pred_obj_score_head = new Mlp([dim, dim, dim, 1]);
  }

  /**
   * @param image [B or 1, D, rows, columns] @param positions of its cells, [1, D, rows, columns]
   * @param finer for SAM 2: after `conv_s0` [B or 1, D/8, 4 · rows, 4 · columns], after `conv_s1` [B or 1, D/4, 2 · rows, …]
   */
  forward(
    image: Tensor,
    positions: Tensor,
    { sparse, dense }: EncodedPrompt,
    finer?: readonly [s0: Tensor, s1: Tensor],
  ): DecodedMasks {
    const { dim } = this;
    const [batch, rows, columns] = [sparse?.shape[0] ?? dense.shape[0], image.shape[2], image.shape[3]] as [
      number,
      number,
      number,
    ];
    const own = [this.obj_score_token, this.iou_token, this.mask_tokens].filter(
      (token) => token !== undefined,
    );
    const answers = concat(own.map(({ weight }) => weight)); // [5 or 6, D]
    const count = answers.shape[0] as number;
    const repeated = answers.unsqueeze(0).expand([batch, count, dim]);
    const source = image.add(dense).expand([batch, dim, rows, columns]);
    const out = this.transformer.forward(
      source,
      positions,
      sparse ? concat([repeated, sparse], 1) : repeated,
    );

    const upscaled = this.#upscale(out.image, finer).flatten(2); // [B, D/8, 16 · cells]
    const tokens = out.tokens.narrow(1, count - MASKS, MASKS); // [B, 4, D]
    const weights = this.output_hypernetworks_mlps.map((mlp, i) => mlp.forward(tokens.select(1, i)));
    const masks = stack(weights, 1)
      .matmul(upscaled)
      .reshape([batch, MASKS, 4 * rows, 4 * columns]);
    const iou = this.iou_prediction_head.forward(out.tokens.select(1, count - MASKS - 1));
    const objectScore = this.pred_obj_score_head?.forward(out.tokens.select(1, 0));
    return { masks, iou: objectScore ? iou.sigmoid() : iou, tokens, objectScore };
  }

  /** [B, D, rows, columns] → [B, D/8, 4 · rows, 4 · columns] */
  #upscale(image: Tensor, finer?: readonly [s0: Tensor, s1: Tensor]): Tensor {
    if (!finer) return this.output_upscaling.forward(image);
    const [first, norm, , second] = [...this.output_upscaling] as (Module & { forward(x: Tensor): Tensor })[];
    const half = gelu(norm!.forward(first!.forward(image).add(finer[1])));
    return gelu(second!.forward(half).add(finer[0]));
  }
}
