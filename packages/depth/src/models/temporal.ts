/**
 * The temporal module of Video Depth Anything, which is AnimateDiff's (Guo et al. 2023): each place of a feature map
 * attends to the same place in the other frames of the clip.
 */
import { GroupNorm, LayerNorm, Linear, Module } from "@tessera-ml/nn";
import {
  buffer,
  fromArray,
  gelu,
  scaledDotProductAttention,
  type Tensor,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";

const HEADS = 8;

/** Sinusoids added to the frames, [1, frames, D]: sines at even, cosines at odd channels. */
class PositionalEncoding extends Module {
  pe: Variable;
  constructor(dim: number, frames: number) {
    super();
    const values = Float32Array.from({ length: frames * dim }, (_, i) => {
      const [frame, channel] = [Math.floor(i / dim), i % dim];
      const angle = frame * Math.exp((channel - (channel % 2)) * (-Math.log(10_000) / dim));
      return channel % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    this.pe = buffer(fromArray(values, [1, frames, dim]));
  }
  /** [N, T, D] → [N, T, D] */
  forward(x: Tensor): Tensor {
    const [frames, most] = [x.shape[1] as number, this.pe.shape[1] as number];
    if (frames > most) this.fail(`expected at most ${most} frames, got ${frames}`);
    return x.add(this.pe.narrow(1, 0, frames));
  }
}

class TemporalAttention extends Module {
  to_q: Linear;
  to_k: Linear;
  to_v: Linear;
  to_out: readonly [Linear];
  pos_encoder: PositionalEncoding;
  constructor(dim: number, frames: number) {
    super();
    this.to_q = new Linear(dim, dim, { bias: false });
    this.to_k = new Linear(dim, dim, { bias: false });
    this.to_v = new Linear(dim, dim, { bias: false });
    this.to_out = [new Linear(dim, dim)];
    this.pos_encoder = new PositionalEncoding(dim, frames);
  }
  /** [N, T, D] → [N, T, D] */
  forward(x: Tensor): Tensor {
    const [batch, frames, dim] = x.shape as [number, number, number];
    const placed = this.pos_encoder.forward(x);
    const heads = (y: Tensor) => y.reshape([batch, frames, HEADS, dim / HEADS]).permute([0, 2, 1, 3]); // [N, 8, T, d]
    const attended = scaledDotProductAttention(
      heads(this.to_q.forward(placed)),
      heads(this.to_k.forward(placed)),
      heads(this.to_v.forward(placed)),
    );
    return this.to_out[0].forward(attended.permute([0, 2, 1, 3]).reshape(x.shape));
  }
}

/** x · gelu(gate), both by one matrix (Shazeer 2020, "GLU Variants Improve Transformer"). */
class GEGLU extends Module {
  proj: Linear;
  constructor(dim: number, hidden: number) {
    super();
    this.proj = new Linear(dim, 2 * hidden);
  }
  forward(x: Tensor): Tensor {
    const [value, gate] = this.proj.forward(x).chunk(2, -1) as [Tensor, Tensor];
    return value.mul(gelu(gate));
  }
}

class FeedForward extends Module {
  net: { readonly "0": GEGLU; readonly "2": Linear };
  constructor(dim: number) {
    super();
    this.net = { "0": new GEGLU(dim, 4 * dim), "2": new Linear(4 * dim, dim) };
  }
  forward(x: Tensor): Tensor {
    return this.net["2"].forward(this.net["0"].forward(x));
  }
}

/** Two attentions and a feed-forward layer, each added to its input. */
class TemporalTransformerBlock extends Module {
  attention_blocks: TemporalAttention[];
  norms: LayerNorm[];
  ff: FeedForward;
  ff_norm: LayerNorm;
  constructor(dim: number, frames: number) {
    super();
    this.attention_blocks = [0, 1].map(() => new TemporalAttention(dim, frames));
    this.norms = [0, 1].map(() => new LayerNorm(dim));
    this.ff = new FeedForward(dim);
    this.ff_norm = new LayerNorm(dim);
  }
  /** [N, T, D] → [N, T, D] */
  forward(x: Tensor): Tensor {
    const y = this.attention_blocks.reduce(
      (sum, attention, i) => sum.add(attention.forward(this.norms[i]!.forward(sum))),
      x,
    );
    return y.add(this.ff.forward(this.ff_norm.forward(y)));
  }
}

class TemporalTransformer extends Module {
  norm: GroupNorm;
  proj_in: Linear;
  transformer_blocks: TemporalTransformerBlock[];
  proj_out: Linear;
  constructor(dim: number, frames: number) {
    super();
    this.norm = new GroupNorm(32, dim, { eps: 1e-6 });
    this.proj_in = new Linear(dim, dim);
    this.transformer_blocks = [new TemporalTransformerBlock(dim, frames)];
    this.proj_out = new Linear(dim, dim);
    // So that training starts with the single-image network.
    for (const variable of this.proj_out.parameters().values()) variable.assign(zeros(variable.shape));
  }
  /** [B · T, C, H, W] → [B · T, C, H, W] */
  forward(x: Tensor, frames: number): Tensor {
    const [images, dim, height, width] = x.shape as [number, number, number, number];
    const clips = images / frames;
    const places = this.norm
      .forward(x)
      .reshape([clips, frames, dim, height * width])
      .permute([0, 3, 1, 2])
      .reshape([clips * height * width, frames, dim]); // [B · H · W, T, C]
    const related = this.transformer_blocks.reduce(
      (y, block) => block.forward(y),
      this.proj_in.forward(places),
    );
    return this.proj_out
      .forward(related)
      .reshape([clips, height * width, frames, dim])
      .permute([0, 2, 3, 1])
      .reshape(x.shape)
      .add(x);
  }
}

/** Relates the frames of clips: [B · T, C, H, W] → [B · T, C, H, W]. C must be a multiple of 32. */
export class TemporalModule extends Module {
  temporal_transformer: TemporalTransformer;
  /** @param maxFrames the longest clip */
  constructor(channels: number, maxFrames: number) {
    super();
    this.temporal_transformer = new TemporalTransformer(channels, maxFrames);
  }
  /** @param frames T, the length of each clip */
  forward(x: Tensor, frames: number): Tensor {
    return this.temporal_transformer.forward(x, frames);
  }
}
