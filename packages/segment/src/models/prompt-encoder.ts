/**
 * The prompt encoder of Segment Anything (Kirillov et al. 2023, section 3 and appendix A), which SAM 2 keeps: points and
 * boxes become tokens, a mask becomes a map that is added to the image's.
 */
import { Conv2d, Embedding, init, LayerNorm2d, Module, Sequential } from "@tessera-ml/nn";
import { buffer, concat, fromArray, gelu, type Tensor, take, type Variable, where } from "@tessera-ml/tensor";

export interface PromptEncoderConfig {
  /** Side of the network's square input, in pixels. */
  readonly image: number;
  /** Default 256. */
  readonly dim?: number;
  /** Side of a cell of the image's map, in pixels; default 16. */
  readonly patch?: number;
  /** Hidden channels for masks, default 16. */
  readonly maskChannels?: number;
  /** Whether the embeddings of the kinds of points are one tensor, as for SAM 2 in transformers; default false. */
  readonly pointTable?: boolean;
}

/** What a point is. A box is two points, and a list is filled up with padding. */
export const LABEL = { padding: -1, negative: 0, positive: 1, topLeft: 2, bottomRight: 3 } as const;

export interface Points {
  /** [B, N, 2]: x, y in pixels of the network's input. */
  readonly coords: Tensor;
  /** [B, N], int32: see {@link LABEL}. */
  readonly labels: Tensor;
}

export interface Prompt {
  readonly points?: Points | undefined;
  /** Logits, [B, 1, 4 · side, 4 · side] for a map of side x side cells. */
  readonly mask?: Tensor | undefined;
}

/** A click in the middle of each of some images: what networks are asked where nobody asks, to see their layers. */
export function middleClicks(images: Tensor): Prompt {
  const [count, , height, width] = images.shape as [number, number, number, number];
  const clicks = Array.from({ length: count }, () => [width / 2, height / 2]).flat();
  return {
    points: {
      coords: fromArray(Float32Array.from(clicks), [count, 1, 2]),
      labels: fromArray(new Int32Array(count).fill(LABEL.positive), [count, 1]),
    },
  };
}

export interface EncodedPrompt {
  /** [B, N, D]; absent without points. */
  readonly sparse: Tensor | undefined;
  /** [B, D, side, side] of a mask, else [1, D, 1, 1]. */
  readonly dense: Tensor;
}

/** Random Fourier features of positions (Tancik et al. 2020). */
class RandomPositions extends Module {
  positional_encoding_gaussian_matrix: Variable;
  constructor(dim: number) {
    super();
    this.positional_encoding_gaussian_matrix = buffer(init.normal([2, dim / 2]));
  }
  /** Positions [..., 2] from 0 to 1: x, y → [..., D] */
  forward(positions: Tensor): Tensor {
    const phases = positions
      .mul(2)
      .sub(1)
      .matmul(this.positional_encoding_gaussian_matrix)
      .mul(2 * Math.PI);
    return concat([phases.sin(), phases.cos()], -1);
  }
}

export class PromptEncoder extends Module {
  pe_layer: RandomPositions;
  /** Negative, positive, top left, bottom right. */
  point_embeddings: Embedding[] | Embedding;
  not_a_point_embed: Embedding;
  mask_downscaling: Sequential;
  no_mask_embed: Embedding;
  readonly image: number;
  /** Cells along a side of the image's map. */
  readonly side: number;
  readonly dim: number;

  constructor(config: PromptEncoderConfig) {
    super();
    const { image, dim = 256, patch = 16, maskChannels = 16, pointTable = false } = config;
    if (image % patch !== 0) this.fail(`an image of ${image} is not a whole number of cells of ${patch}`);
    this.image = image;
    this.side = image / patch;
    this.dim = dim;
    this.pe_layer = new RandomPositions(dim);
    this.point_embeddings = pointTable
      ? new Embedding(4, dim)
      : Array.from({ length: 4 }, () => new Embedding(1, dim));
    this.not_a_point_embed = new Embedding(1, dim);
    const norm = (channels: number) => new LayerNorm2d(channels, { eps: 1e-6 });
    this.mask_downscaling = new Sequential(
      new Conv2d(1, maskChannels / 4, 2, { stride: 2 }),
      norm(maskChannels / 4),
      gelu,
      new Conv2d(maskChannels / 4, maskChannels, 2, { stride: 2 }),
      norm(maskChannels),
      gelu,
      new Conv2d(maskChannels, dim, 1),
    );
    this.no_mask_embed = new Embedding(1, dim);
  }

  forward({ points, mask }: Prompt): EncodedPrompt {
    return {
      sparse: points && this.tokens(points),
      dense: mask ? this.maskMap(mask) : this.no_mask_embed.weight.reshape([1, this.dim, 1, 1]),
    };
  }

  /** A token for each point: its position, plus what it is; padding has no position. [B, N, D] */
  tokens({ coords, labels }: Points): Tensor {
    if (coords.rank !== 3 || coords.shape[2] !== 2 || labels.shape.join() !== coords.shape.slice(0, 2).join())
      this.fail(`expected points [B, N, 2] and labels [B, N], got ${coords} and ${labels}`);
    // Pixels count from their centres.
    const positions = this.pe_layer.forward(coords.add(0.5).div(this.image));
    const kinds = concat([this.not_a_point_embed, this.point_embeddings].flat().map(({ weight }) => weight)); // [5, D]
    const kind = take(kinds, labels.add(1), 0);
    return where(labels.equal(LABEL.padding).unsqueeze(-1), kind, positions.add(kind));
  }

  /** [B, 1, 4 · side, 4 · side] → [B, D, side, side] */
  maskMap(mask: Tensor): Tensor {
    const side = 4 * this.side;
    if (mask.rank !== 4 || mask.shape.slice(1).join() !== [1, side, side].join())
      this.fail(`expected a mask [B, 1, ${side}, ${side}], got ${mask}`);
    return this.mask_downscaling.forward(mask);
  }

  /** Positions of the cells of the image's map, [1, D, side, side]. */
  densePositions(): Tensor {
    const { side } = this;
    const at = (i: number) => (i + 0.5) / side;
    const centres = Float32Array.from({ length: 2 * side ** 2 }, (_, i) => {
      const cell = Math.floor(i / 2);
      return at(i % 2 === 0 ? cell % side : Math.floor(cell / side));
    });
    return this.pe_layer.forward(fromArray(centres, [1, side, side, 2])).permute([0, 3, 1, 2]);
  }
}
