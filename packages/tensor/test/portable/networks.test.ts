import {
  avgPool2d,
  batchNormTrain,
  concat,
  conv2d,
  convTranspose2d,
  gelu,
  layerNorm,
  linear,
  logSoftmax,
  maxPool2d,
  scaledDotProductAttention,
  silu,
  softmax,
  stack,
  type Tensor,
  zeros,
} from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

const norm = (x: Tensor, weight: Tensor, bias: Tensor) => batchNormTrain(x, { weight, bias }).output;

// Errors accumulate over the layers.
await check(
  "networks",
  {
    residual: (_, x, stem, w0, b0, conv1, w1, b1, conv2, w2, b2, shortcut, head, bias) => {
      const y = norm(conv2d(x, stem, { stride: 2, padding: 1 }), w0, b0).relu();
      const inner = norm(conv2d(y, conv1, { stride: 2, padding: 1 }), w1, b1).relu();
      const sum = norm(conv2d(inner, conv2, { padding: 1 }), w2, b2).add(conv2d(y, shortcut, { stride: 2 }));
      const pooled = maxPool2d(sum.relu(), 3, { stride: 2, padding: 1 });
      return logSoftmax(linear(pooled.mean([2, 3]), head, bias));
    },
    mixed: (_, x, conv1, bias1, depthwise, last, scale, up) => {
      const first = conv2d(x, conv1, { bias: bias1, padding: 1 });
      const joined = concat([first, silu(first.flip(3)), x], 1);
      const spread = conv2d(joined, depthwise, { groups: 48, padding: 1, paddingMode: "reflect" });
      const y = conv2d(spread, last, { padding: 1 }).mul(scale.reshape([-1, 1, 1]));
      const weights = softmax(y, 1).add(y.transpose(2, 3).tanh().transpose(2, 3));
      const mixed = weights.mul(avgPool2d(y, 3, { stride: 1, padding: 1 })).sub(y.max([2, 3], true));
      const z = convTranspose2d(mixed.index(null, [2, 14], [1], [null, -1]), up, { stride: 2 });
      return [z.square().add(0.1).sqrt().mean(1), mixed.square().sum([0, 2, 3])];
    },
    transformer: (_, x, norm1, bias1, qkv, out, norm2, bias2, up, down) => {
      const [batch, length, width] = x.shape as [number, number, number];
      const packed = linear(layerNorm(x, [width], { weight: norm1, bias: bias1 }), qkv);
      const heads = packed.reshape([batch, length, 3, 2, width / 2]).permute([2, 0, 3, 1, 4]);
      const [q, k, v] = [0, 1, 2].map((i) => heads.select(0, i)) as [Tensor, Tensor, Tensor];
      const seen = scaledDotProductAttention(q, k, v, { causal: true });
      const attended = x.add(linear(seen.transpose(1, 2).reshape(x.shape), out));
      const wide = gelu(linear(layerNorm(attended, [width], { weight: norm2, bias: bias2 }), up));
      return attended.add(linear(wide, down));
    },
    recurrent: (_, x, w, u, bias) => {
      let hidden = zeros([x.shape[0] as number, u.shape[1] as number]);
      let cell = hidden;
      const outputs: Tensor[] = [];
      for (let t = 0; t < (x.shape[1] as number); t++) {
        const gates = linear(x.select(1, t), w, bias).add(linear(hidden, u));
        const [i, f, g, o] = gates.chunk(4, 1) as [Tensor, Tensor, Tensor, Tensor];
        cell = f.sigmoid().mul(cell).add(i.sigmoid().mul(g.tanh()));
        hidden = o.sigmoid().mul(cell.tanh());
        outputs.push(hidden);
      }
      return stack(outputs, 1);
    },
  },
  { rtol: 5e-5, atol: 1e-5 },
);
