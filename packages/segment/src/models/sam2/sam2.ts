/**
 * SAM 2: Segment Anything in Images and Videos (Ravi et al. 2024). A frame of a video is segmented like an image, except
 * that its map first attends to memories of other frames.
 */
import { Conv2d, init, Linear, Module } from "@tessera-ml/nn";
import {
  concat,
  oneHot,
  parameter,
  resize,
  type Tensor,
  take,
  type Variable,
  where,
} from "@tessera-ml/tensor";
import { type DecodedMasks, MaskDecoder } from "../mask-decoder.ts";
import { Mlp } from "../mlp.ts";
import { type EncodedPrompt, middleClicks, type Prompt, PromptEncoder } from "../prompt-encoder.ts";
import type { HieraConfig } from "./hiera.ts";
import { ImageEncoder, type TrunkConfig } from "./image-encoder.ts";
import { MemoryAttention, type MemoryTokens } from "./memory-attention.ts";
import { RECENT } from "./memory-bank.ts";
import { MemoryEncoder } from "./memory-encoder.ts";
import { sinePositions, sineTimes } from "./positions.ts";

export interface Sam2Config {
  readonly encoder: TrunkConfig;
  /** 2.1 tells pointers their time, and marks memories of frames without the object. */
  readonly version: "2.0" | "2.1";
  /** Side of the square input, in pixels: a multiple of 32, default 1024. */
  readonly image?: number;
  /** Channels of maps and tokens, default 256. */
  readonly dim?: number;
  /** Channels of memories, default 64. */
  readonly memory?: number;
  /** Width of feed-forward networks, default 2048. */
  readonly hidden?: number;
  /** Layers of memory attention, default 4. */
  readonly attentionLayers?: number;
  /** Blocks that fuse a mask with the map of its frame, default 2. */
  readonly fuserLayers?: number;
  /** See the prompt encoder; default false. */
  readonly pointTable?: boolean;
}

/** An encoded image. */
export interface ImageFeatures {
  /** Before any memory, [B, D, side/16, side/16]. */
  readonly map: Tensor;
  /** For the mask decoder: [B, D/8, side/4, side/4] and [B, D/4, side/8, side/8]. */
  readonly finer: readonly [s0: Tensor, s1: Tensor];
}

/** What a frame attends to. */
export interface Memories {
  /** [B, K, E, rows, columns] */
  readonly features: Tensor;
  /** Indices into the table of temporal codes, [B, K], int32. */
  readonly codes: Tensor;
  readonly pointers?:
    | {
        /** [B, P, D] */
        readonly values: Tensor;
        /** In units of the farthest pointer, [B, P]. */
        readonly times: Tensor;
      }
    | undefined;
  /** 1 for memories, then pointers, that stand for nothing, else 0, [B, K + P]; default: all stand for something. */
  readonly padding?: Tensor | undefined;
}

/** Masks of a prompt, in the order of estimated likelihood only by `iou`. */
export interface ChosenMasks {
  /** Logits, [B, M, side/4, side/4]. */
  readonly masks: Tensor;
  /** Estimated IoU, [B, M]. */
  readonly iou: Tensor;
}

/** An object on a frame. */
export interface Segmented extends ChosenMasks {
  /** The mask with the highest estimate, [B, 1, side/4, side/4]; {@link NO_OBJECT} everywhere if the object is absent. */
  readonly best: Tensor;
  /** [B, D] */
  readonly pointer: Tensor;
  /** Logit of whether the object is in the picture, [B, 1]. */
  readonly objectScore: Tensor;
  /** What the decoder says of it: another value only where the prompt is a mask, which says it all. [B, 1] */
  readonly decoderScore: Tensor;
}

/** The logit of masks of absent objects. */
export const NO_OBJECT = -1024;
/** Masks enter the memory, and mask prompts leave it, as logits of ±10. */
export const CERTAIN = 10;

export class Sam2 extends Module {
  image_encoder: ImageEncoder;
  /** Mask prompts on video frames, to a quarter. */
  mask_downsample: Conv2d;
  memory_attention: MemoryAttention;
  memory_encoder: MemoryEncoder;
  sam_prompt_encoder: PromptEncoder;
  sam_mask_decoder: MaskDecoder;
  obj_ptr_proj: Mlp;
  obj_ptr_tpos_proj: Linear | undefined;
  maskmem_tpos_enc: Variable;
  no_mem_embed: Variable;
  /** In the published files, and never used. */
  no_mem_pos_enc: Variable;
  no_obj_ptr: Variable;
  no_obj_embed_spatial: Variable | undefined;
  /** Side of the square input, in pixels. */
  readonly image: number;
  readonly dim: number;
  readonly memory: number;

  constructor(config: Sam2Config) {
    super();
    const { encoder, version, image = 1024, dim = 256, memory = 64, pointTable = false } = config;
    const { hidden, attentionLayers: depth, fuserLayers } = config;
    if (!Number.isInteger(dim / memory))
      this.fail(`expected ${dim} channels to be a multiple of the ${memory} channels of memories`);
    if (!Number.isInteger(image / 32) || image <= 0)
      this.fail(`expected an image whose side is a multiple of 32, got ${image}`);
    this.image = image;
    this.dim = dim;
    this.memory = memory;
    const vector = (shape: readonly number[]) => parameter(init.truncatedNormal(shape, { std: 0.02 }));
    this.image_encoder = new ImageEncoder(encoder, dim);
    this.mask_downsample = new Conv2d(1, 1, 4, { stride: 4 });
    this.memory_attention = new MemoryAttention(dim, memory, { depth, hidden });
    this.memory_encoder = new MemoryEncoder(dim, memory, { depth: fuserLayers });
    this.sam_prompt_encoder = new PromptEncoder({ image, dim, pointTable });
    this.sam_mask_decoder = new MaskDecoder({ version: 2, dim, hidden });
    this.obj_ptr_proj = new Mlp([dim, dim, dim, dim]);
    this.maskmem_tpos_enc = vector([RECENT + 1, 1, 1, memory]);
    this.no_mem_embed = vector([1, 1, dim]);
    this.no_mem_pos_enc = vector([1, 1, dim]);
    this.no_obj_ptr = vector([1, dim]);
    if (version === "2.0") return;
    this.obj_ptr_tpos_proj = new Linear(dim, memory);
    this.no_obj_embed_spatial = vector([1, memory]);
  }

  /** Preprocessed images, [B, 3, side, side]. */
  encode(images: Tensor): ImageFeatures {
    return this.finishEncoding(this.image_encoder.trunk.forward(images));
  }

  /** From the maps of the encoder's trunk, of strides 4, 8, 16 and 32. */
  finishEncoding(maps: readonly Tensor[]): ImageFeatures {
    const [s0, s1, map] = this.image_encoder.neck.forward(maps) as [Tensor, Tensor, Tensor, Tensor];
    const { conv_s0, conv_s1 } = this.sam_mask_decoder as Required<MaskDecoder>;
    return { map, finer: [(conv_s0 as Conv2d).forward(s0), (conv_s1 as Conv2d).forward(s1)] };
  }

  /** The map of an image, or of a frame that is the first of its object. */
  withoutMemory(map: Tensor): Tensor {
    return map.add(this.no_mem_embed.reshape([1, this.dim, 1, 1]));
  }

  /**
   * The map of a frame after it has attended to its memories: [B or 1, D, rows, columns] → [B, D, rows, columns]
   *
   * @param options.pooled see {@link MemoryAttention.forward}
   */
  attend(map: Tensor, memories: Memories, options: { readonly pooled?: boolean } = {}): Tensor {
    const [, dim, rows, columns] = map.shape as [number, number, number, number];
    const positions = sinePositions(dim, rows, columns);
    return this.memory_attention.forward(map, positions, this.memoryTokens(memories), options);
  }

  /** Every cell of a memory is a token; a pointer is several. */
  memoryTokens({ features, codes, pointers, padding }: Memories): MemoryTokens {
    const [batch, count, memory, rows, columns] = features.shape as [number, number, number, number, number];
    const cells = rows * columns;
    const places = sinePositions(memory, rows, columns).flatten(2).transpose(1, 2); // [1, cells, E]
    const times = take(this.maskmem_tpos_enc.reshape([RECENT + 1, memory]), codes); // [B, K, E]
    const values = features
      .flatten(3)
      .transpose(2, 3)
      .reshape([batch, count * cells, memory]);
    const positions = times
      .unsqueeze(2)
      .add(places)
      .reshape([batch, count * cells, memory]);
    const parts = this.dim / memory;
    const cellsOf = padding?.narrow(1, 0, count).repeatInterleave(cells, 1);
    if (!pointers) return { values, positions, pointers: 0, padding: cellsOf };
    const known = pointers.values.shape[1] as number;
    const total = known * parts;
    const partsOf = padding?.narrow(1, count, known).repeatInterleave(parts, 1);
    return {
      values: concat([values, pointers.values.reshape([batch, total, memory])], 1),
      positions: concat([positions, this.pointerTimes(pointers.times).repeatInterleave(parts, 1)], 1),
      pointers: total,
      padding: cellsOf && partsOf && concat([cellsOf, partsOf], 1),
    };
  }

  /** [B, P] → [B, P, E] */
  pointerTimes(times: Tensor): Tensor {
    const sines = sineTimes(times, this.dim);
    return this.obj_ptr_tpos_proj?.forward(sines) ?? sines.narrow(-1, 0, this.memory).mul(0);
  }

  /**
   * All four masks of a prompt.
   *
   * @param map with or without memories, [B or 1, D, rows, columns]
   */
  decode(map: Tensor, finer: ImageFeatures["finer"], prompt: Prompt): DecodedMasks {
    const encoded = this.sam_prompt_encoder.forward(prompt);
    return this.decodeEncoded(map, finer, encoded);
  }

  decodeEncoded(map: Tensor, finer: ImageFeatures["finer"], prompt: EncodedPrompt): DecodedMasks {
    return this.sam_mask_decoder.forward(map, this.sam_prompt_encoder.densePositions(), prompt, finer);
  }

  /** The object that a prompt means on a video frame, and a pointer to it. */
  segment(map: Tensor, finer: ImageFeatures["finer"], prompt: Prompt, multimask: boolean): Segmented {
    const decoded = this.decode(map, finer, prompt);
    const { masks, iou } = chooseMasks(decoded, multimask, !this.training);
    const objectScore = decoded.objectScore as Tensor;
    const present = objectScore.greater(0); // [B, 1]
    const shown = where(present.unsqueeze(-1).unsqueeze(-1), masks, NO_OBJECT);
    const first = iou.argmax(1);
    const best = multimask ? pick(shown, first) : shown;
    // The token of the single mask stands for the object even where one of the three replaces its mask.
    const token = multimask
      ? pick(decoded.tokens.narrow(1, 1, 3), first).squeeze(1)
      : decoded.tokens.select(1, 0);
    return {
      masks: shown,
      iou,
      best,
      objectScore,
      decoderScore: objectScore,
      pointer: this.#orNoPointer(this.obj_ptr_proj.forward(token), present),
    };
  }

  /**
   * A mask as the object on a frame: logits of ±10, and a pointer that the decoder finds.
   *
   * @param map without memories, nor what marks their absence
   * @param mask 0 or 1, [B, 1, side, side]
   */
  segmentMask(map: Tensor, finer: ImageFeatures["finer"], mask: Tensor, points: Prompt["points"]): Segmented {
    const half = this.image / 4;
    const decoded = this.segment(map, finer, { points, mask: this.mask_downsample.forward(mask) }, false);
    const best = resize(mask.mul(2 * CERTAIN).sub(CERTAIN), {
      size: half,
      mode: "bilinear",
      antialias: true,
    });
    const present = mask.flatten(1).max(1, true).greater(0);
    return {
      ...decoded,
      best,
      pointer: this.#orNoPointer(decoded.pointer, present),
      objectScore: where(present, CERTAIN, -CERTAIN),
    };
  }

  #orNoPointer(pointer: Tensor, present: Tensor): Tensor {
    return where(present, pointer, this.no_obj_ptr);
  }

  /**
   * The memory of a frame, before it is rounded to bfloat16: [B, E, rows, columns].
   *
   * @param map before any memory, [B or 1, D, rows, columns]
   * @param masks logits, [B, 1, side/4, side/4] or in the size of the input
   * @param prompted whether the object has a prompt on the frame: its mask is then taken as certain
   */
  remember(map: Tensor, masks: Tensor, objectScore: Tensor, prompted: boolean): Tensor {
    const fine = this.restore(masks);
    const likely = prompted && !this.training ? fine.greater(0).astype("float32") : fine.sigmoid();
    const memory = this.memory_encoder.forward(map, likely.mul(2 * CERTAIN).sub(CERTAIN));
    if (!this.no_obj_embed_spatial) return memory;
    const absent = objectScore.lessEqual(0).astype("float32"); // [B, 1]
    return memory.add(absent.mul(this.no_obj_embed_spatial).unsqueeze(-1).unsqueeze(-1));
  }

  /** Logits in the size of the input, or another one: [B, M, h, w] → [B, M, side, side] */
  restore(masks: Tensor, side = this.image): Tensor {
    return masks.shape[2] === side ? masks : resize(masks, { size: side, mode: "bilinear" });
  }

  /** All masks of prompts on images. @param prompt default: a click in the middle */
  forward(images: Tensor, prompt: Prompt = middleClicks(images)): DecodedMasks {
    const { map, finer } = this.encode(images);
    return this.decode(this.withoutMemory(map), finer, prompt);
  }
}

/** Logits nearer to 0 than this are uncertain. */
const UNCERTAIN = 0.05;
const STABLE = 0.98;

/** How much of a mask stays when the threshold moves: [B, M, H, W] → [B, M] */
export function stability(masks: Tensor): Tensor {
  const area = (threshold: number) => masks.greater(threshold).astype("float32").sum([-2, -1]);
  const [least, most] = [area(UNCERTAIN), area(-UNCERTAIN)];
  return where(most.greater(0), least.div(most.maximum(1)), 1);
}

/**
 * Three guesses, or one mask: that of the first token if it is stable (or `dynamic` is false), else the likeliest guess
 * (appendix D.3).
 */
export function chooseMasks({ masks, iou }: DecodedMasks, multimask: boolean, dynamic = true): ChosenMasks {
  const guesses = { masks: masks.narrow(1, 1, 3), iou: iou.narrow(1, 1, 3) };
  if (multimask) return guesses;
  const single = { masks: masks.narrow(1, 0, 1), iou: iou.narrow(1, 0, 1) };
  if (!dynamic) return single;
  const likeliest = guesses.iou.argmax(1); // [B]
  const stable = stability(single.masks).greaterEqual(STABLE); // [B, 1]
  return {
    masks: where(stable.unsqueeze(-1).unsqueeze(-1), single.masks, pick(guesses.masks, likeliest)),
    iou: where(stable, single.iou, pick(guesses.iou.unsqueeze(-1), likeliest).squeeze(-1)),
  };
}

/** One of several entries for each row: [B, M, ...] by [B] → [B, 1, ...] */
function pick(entries: Tensor, index: Tensor): Tensor {
  const [batch, count, ...rest] = entries.shape as [number, number, ...number[]];
  return oneHot(index, count)
    .unsqueeze(1) // [B, 1, M]
    .matmul(entries.reshape([batch, count, rest.reduce((a, b) => a * b, 1)]))
    .reshape([batch, 1, ...rest]);
}

const SMALL_WINDOWS = { windows: [8, 4, 14, 7], positions: 7 } as const;

/** Encoders by size. */
export const hieraConfigs = {
  tiny: { dim: 96, heads: 1, depths: [1, 2, 7, 2], global: [5, 7, 9], ...SMALL_WINDOWS },
  small: { dim: 96, heads: 1, depths: [1, 2, 11, 2], global: [7, 10, 13], ...SMALL_WINDOWS },
  base_plus: {
    dim: 112,
    heads: 2,
    depths: [2, 3, 16, 3],
    global: [12, 16, 20],
    ...SMALL_WINDOWS,
    positions: 14,
  },
  large: {
    dim: 144,
    heads: 2,
    depths: [2, 6, 36, 4],
    global: [23, 33, 43],
    windows: [8, 4, 16, 8],
    positions: 7,
  },
} as const satisfies Record<string, HieraConfig>;

export const sam2Configs = {
  sam2_hiera_tiny: { encoder: hieraConfigs.tiny, version: "2.0" },
  sam2_hiera_small: { encoder: hieraConfigs.small, version: "2.0" },
  sam2_hiera_base_plus: { encoder: hieraConfigs.base_plus, version: "2.0" },
  sam2_hiera_large: { encoder: hieraConfigs.large, version: "2.0" },
  "sam2.1_hiera_tiny": { encoder: hieraConfigs.tiny, version: "2.1" },
  "sam2.1_hiera_small": { encoder: hieraConfigs.small, version: "2.1" },
  "sam2.1_hiera_base_plus": { encoder: hieraConfigs.base_plus, version: "2.1" },
  "sam2.1_hiera_large": { encoder: hieraConfigs.large, version: "2.1" },
} as const satisfies Record<string, Sam2Config>;

/** Our own small network, which learns on two cores and answers in a browser. */
export const sam2Lite = {
  encoder: "efficientnet_lite0",
  version: "2.1",
  image: 256,
  dim: 128,
  memory: 64,
  hidden: 256,
  attentionLayers: 2,
  fuserLayers: 1,
} as const satisfies Sam2Config;
