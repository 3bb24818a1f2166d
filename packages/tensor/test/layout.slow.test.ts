/**
 * Networks trained in the HWNC layout on the CPU (`graph/layout.ts`) against the same graphs in NCHW: every
 * operator that supports the layout, and those that force a value back to NCHW.
 */
import { describe, expect, test } from "vitest";
import { hwncPays } from "../src/graph/layout.ts";
import { lower } from "../src/graph/lower.ts";
import * as t from "../src/index.ts";
import { backend, compile, grad, Tensor } from "../src/index.ts";
import { uniform } from "./support/uniform.ts";

const random = (name: string, shape: readonly number[], scale = 1): Tensor => {
  const values = uniform(
    name,
    shape.reduce((a, b) => a * b, 1),
  ).map((value) => value * scale);
  return Tensor.fromArray(new Float32Array(values), shape);
};

/** Makes the parameters of a network, in the order it asks for them. */
type Make = (...shape: number[]) => Tensor;
type Network = (x: Tensor, make: Make) => Tensor;

/** A network's output and the gradients of a loss on it, computed in HWNC and in NCHW. */
async function bothWays(network: Network, x: Tensor): Promise<[Float32Array[], Float32Array[]]> {
  const parameters: Tensor[] = [];
  network(x, (...shape) => {
    const fan = shape.slice(1).reduce((a, b) => a * b, 1);
    const parameter = random(
      `parameter ${parameters.length}`,
      shape,
      shape.length > 1 ? Math.sqrt(3 / fan) : 1,
    );
    parameters.push(parameter);
    return parameter;
  });
  const forward = (image: Tensor, ...given: Tensor[]) => {
    let next = 0;
    return network(image, () => given[next++] as Tensor);
  };
  const loss = (...given: [Tensor, ...Tensor[]]) => {
    const y = forward(...given);
    return y.mul(random("cotangent", y.shape)).sum();
  };
  const wrt = [x, ...parameters].map((_, i) => i);
  const step = compile((image: Tensor, ...given: Tensor[]) => [
    forward(image, ...given),
    ...grad(loss, wrt)(image, ...given),
  ]);
  const { plan } = step.trace(x, ...parameters);
  expect(hwncPays(plan.graph.steps.map(({ node }) => node))).toBe(true);
  const quick = await Promise.all(step(x, ...parameters).map((result) => result.data()));

  const device = await backend();
  const { model, inputs, outputs } = lower(plan.graph, { device: "cpu", portable: true });
  const feeds = await Promise.all(
    [...plan.graph.leaves].map(async ([name, leaf]) => {
      const source = step.trace(x, ...parameters).sources.get(name);
      const stored = typeof source === "number" ? [x, ...parameters][source]?.value.stored : leaf.stored;
      return (stored as NonNullable<typeof stored>).on(device);
    }),
  );
  const executable = await device.load(model, { inputs, outputs });
  const plain = await Promise.all((await executable.run(feeds)).map((array) => array.read()));
  executable.release();
  step.release();
  return [quick, plain] as [Float32Array[], Float32Array[]];
}

async function expectSame(network: Network, x: Tensor): Promise<void> {
  const [quick, plain] = await bothWays(network, x);
  expect(quick.length).toBe(plain.length);
  const extremes = plain.map((values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
  plain.forEach((values, k) => {
    // A gradient that cancels out is pure rounding error, so it is measured against the other results.
    const largest = Math.max(extremes[k] as number, 0.01 * Math.max(...extremes));
    const worst = values.reduce(
      (most, value, i) => Math.max(most, Math.abs((quick[k]?.[i] as number) - value)),
      0,
    );
    // Negated, so that it also catches NaN.
    if (!(worst < 1e-4 * largest))
      throw new Error(
        `result ${k} of ${plain.length}: off by ${worst} where the largest entry is ${largest}`,
      );
  });
}

const convBn = (
  x: Tensor,
  make: Make,
  filters: number,
  options: t.ConvOptions & { kernel?: number } = {},
) => {
  const { kernel = 3, ...rest } = options;
  const y = t.conv2d(x, make(filters, x.shape[1] as number, kernel, kernel), {
    padding: Math.floor(kernel / 2),
    ...rest,
  });
  return t.batchNormTrain(y, { weight: make(filters).add(1), bias: make(filters) }).output;
};
/**
 * Replaces the papers' ReLU. At its kink rounding decides the sign, rounding differs between processors, and a
 * single flipped entry changes every gradient. ReLU has a test of its own.
 */
const bend = (x: Tensor): Tensor => t.silu(x);
/** The residual block of He et al. 2016. */
const residual = (x: Tensor, make: Make, filters: number, stride: number) => {
  const inner = convBn(bend(convBn(x, make, filters, { stride })), make, filters);
  const short = stride === 1 ? x : convBn(x, make, filters, { kernel: 1, stride, padding: 0 });
  return bend(inner.add(short));
};
const head = (x: Tensor, make: Make) => t.linear(x.mean([2, 3]), make(5, x.shape[1] as number), make(5));

describe("whole networks", () => {
  const networks: Record<string, [readonly number[], Network]> = {
    "residual blocks with strided shortcuts": [
      [3, 3, 16, 16],
      (x, make) => {
        const y = bend(convBn(x, make, 16));
        return t.logSoftmax(
          head(residual(residual(residual(y, make, 16, 1), make, 32, 2), make, 48, 2), make),
        );
      },
    ],
    "a non-square image with odd extents": [
      [2, 16, 13, 23],
      (x, make) => head(residual(residual(x, make, 16, 1), make, 24, 2), make),
    ],
    "channel counts that are not multiples of four, biases": [
      [2, 18, 9, 11],
      (x, make) => {
        const y = bend(t.conv2d(x, make(22, 18, 3, 3), { padding: 1, bias: make(22) }));
        return head(bend(t.conv2d(y, make(30, 22, 3, 3), { bias: make(30) })), make);
      },
    ],
    "5x5 and 7x7 kernels, a three-channel image": [
      [2, 3, 20, 18],
      (x, make) => {
        const y = bend(convBn(x, make, 20, { kernel: 7, stride: 2 }));
        return head(residual(bend(convBn(y, make, 20, { kernel: 5 })), make, 32, 2), make);
      },
    ],
    "dense blocks: concatenated channels, 1x1 convolutions, average pooling": [
      [2, 16, 12, 20],
      (x, make) => {
        const a = bend(convBn(x, make, 16));
        const b = bend(convBn(t.concat([x, a], 1), make, 20));
        const c = bend(convBn(t.concat([x, a, b], 1), make, 24, { kernel: 1, padding: 0 }));
        return head(bend(convBn(t.avgPool2d(c, 2), make, 32)), make);
      },
    ],
    "max pooling, tiled and overlapping, with odd extents": [
      [2, 16, 15, 19],
      (x, make) => {
        const y = t.maxPool2d(bend(convBn(x, make, 16)), 2);
        const z = t.maxPool2d(bend(convBn(y, make, 32)), 3, { stride: 2, padding: 1 });
        return head(bend(convBn(z, make, 32)), make);
      },
    ],
    "average pooling, tiled and overlapping, with odd extents": [
      [2, 16, 17, 23],
      (x, make) => {
        const y = t.avgPool2d(bend(convBn(x, make, 16)), [2, 3]); // 8x7 of 17x23
        const z = t.avgPool2d(bend(convBn(y, make, 32)), 3, { stride: 2, padding: 1 });
        return head(bend(convBn(z, make, 32)), make);
      },
    ],
    "a batch of one, padding 2, stride 2 without padding": [
      [1, 16, 14, 10],
      (x, make) =>
        head(
          bend(convBn(bend(convBn(x, make, 24, { padding: 2 })), make, 32, { stride: 2, padding: 0 })),
          make,
        ),
    ],
    "padding on one side only": [
      [2, 16, 8, 8],
      (x, make) => {
        const y = bend(
          convBn(x, make, 24, {
            stride: 2,
            padding: [
              [0, 1],
              [0, 1],
            ],
          }),
        );
        return head(
          bend(
            convBn(y, make, 24, {
              padding: [
                [2, 0],
                [0, 2],
              ],
            }),
          ),
          make,
        );
      },
    ],
    "strides that differ by axis, stride 3": [
      [2, 16, 15, 12],
      (x, make) => {
        const y = bend(convBn(bend(convBn(x, make, 16, { stride: [1, 2] })), make, 24, { stride: [2, 1] }));
        return head(convBn(bend(convBn(y, make, 24)), make, 24, { stride: 3 }), make);
      },
    ],
    "3x1, 1x5 and strided 5x5 kernels": [
      [2, 16, 12, 14],
      (x, make) => {
        const tall = t.conv2d(x, make(16, 16, 3, 1), { padding: [1, 0] });
        const wide = t.conv2d(tall, make(16, 16, 1, 5), { padding: [0, 2] });
        const y = bend(convBn(bend(convBn(wide, make, 32)), make, 32));
        return head(bend(convBn(y, make, 24, { kernel: 5, stride: 2 })), make);
      },
    ],
    "a shared weight": [
      [2, 16, 8, 8],
      (x, make) => {
        const w = make(16, 16, 3, 3);
        const once = (y: Tensor) => t.conv2d(y, w, { padding: 1 }).tanh();
        return once(once(x)).add(x);
      },
    ],
    "an encoder and decoder": [
      [2, 16, 8, 8],
      (x, make) => {
        const down = bend(convBn(x, make, 32, { stride: 2 }));
        const up = t.convTranspose2d(down, make(32, 16, 2, 2), { stride: 2, bias: make(16) });
        const wide = t.resize(down, { scale: 2, mode: "bilinear" });
        return convBn(t.concat([up, wide, x], 1), make, 16).sigmoid();
      },
    ],
  };
  for (const [name, [shape, network]] of Object.entries(networks))
    test(name, () => expectSame(network, random("image", shape)));
});

describe("one operator between two convolutions", () => {
  const [N, C, H, W] = [2, 16, 6, 8];
  const middles: Record<string, Network> = {
    relu: (x) => x.relu(),
    "tanh and sigmoid": (x) => x.tanh().mul(x.sigmoid()),
    "leaky relu": (x) => t.leakyRelu(x, 0.1),
    "gelu and silu": (x) => t.gelu(x).add(t.silu(x)),
    "hard swish, relu6": (x) => t.hardswish(x).add(t.relu6(x.mul(3))),
    "exp, log, sqrt, reciprocal": (x) => x.exp().add(1).log().sqrt().add(1).reciprocal(),
    "abs, sign, square, neg": (x) => x.abs().sub(x.square()).mul(x.sign()).neg(),
    "powers and divisions": (x) => x.abs().add(0.5).pow(1.7).div(x.square().add(1)),
    "remainder, floor and round": (x) => x.remainder(0.7).add(x.mul(3).floor().mul(0.1)).add(x.round()),
    "maximum and minimum": (x) => x.maximum(0.1).minimum(x.flip(0)),
    clamp: (x) => x.clamp(-0.3, 0.4).add(x.clamp(0)),
    "where, comparison, logic": (x) =>
      t.where(x.greater(0.1).logicalOr(x.less(-0.2)).logicalNot(), x.mul(2), x.sub(1)),
    "erf, log1p, expm1, softplus": (x) => x.erf().add(x.abs().log1p()).add(x.expm1()).add(t.softplus(x)),
    prelu: (x, make) => t.prelu(x, make(C)),
    "per-channel factors, as a vector and with extra axes": (x, make) =>
      x
        .mul(make(C).reshape([C, 1, 1]))
        .add(make(C).reshape([1, C, 1, 1]))
        .mul(make(1, C, 1, 1)),
    "factors per image, pixel, row, column and position": (x, make) =>
      x
        .mul(make(N, 1, 1, 1))
        .add(make(H, W))
        .mul(make(1, 1, H, 1))
        .add(make(W))
        .mul(make(1, C, H, W)),
    "factors per image and channel": (x, make) =>
      x.mul(make(N, C, 1, 1)).add(make(N, C).reshape([N, C, 1, 1])),
    "scalars of every rank": (x, make) =>
      x
        .mul(make(1))
        .add(make(1, 1))
        .mul(make(1, 1, 1, 1))
        .sub(make()),
    "an operand of higher rank": (x, make) => x.add(make(3, 1, 1, 1, 1)).mean(0),
    "squeeze and excitation": (x, make) => {
      const squeezed = t.conv2d(x.mean([2, 3], true), make(4, C, 1, 1), { bias: make(4) }).relu();
      return x.mul(t.conv2d(squeezed, make(C, 4, 1, 1)).sigmoid());
    },
    "sums over every choice of axes": (x) =>
      [[0], [1], [2], [3], [0, 1], [0, 2, 3], [2, 3], [1, 2, 3], [0, 1, 2, 3]].reduce(
        (sum, axes) => sum.add(x.mul(x).sum(axes, true).mul(0.01)).add(x.mean(axes, true)),
        x,
      ),
    "reductions that drop the axes": (x) =>
      x
        .add(x.sum([0, 2, 3]).reshape([C, 1, 1]).mul(0.01))
        .add(x.mean([2, 3]).reshape([N, C, 1, 1]))
        .add(x.mean(1).unsqueeze(1)),
    "extremes and variance": (x) =>
      x
        .sub(x.max([2, 3], true))
        .mul(x.min(1, true))
        .add(x.variance([0, 2, 3], { keepDims: true })),
    "softmax over channels and pixels": (x) =>
      t.softmax(x, 1).add(t.logSoftmax(x.reshape([N, C, H * W]), 2).reshape([N, C, H, W])),
    "log-sum-exp and norm": (x) => x.sub(x.logSumExp(1, true)).div(x.norm([2, 3], { keepDims: true })),
    "batch norm with given statistics": (x, make) =>
      t.batchNorm(x, make(C), make(C).square().add(0.5), { weight: make(C), bias: make(C) }),
    "batch norm with statistics in use": (x, make) => {
      const { output, mean, variance } = t.batchNormTrain(x, { weight: make(C), bias: make(C) });
      return output.mul(variance.reshape([C, 1, 1])).add(mean.reshape([C, 1, 1]));
    },
    "group, instance and layer norm": (x, make) =>
      t
        .groupNorm(x, 4, { weight: make(C), bias: make(C) })
        .add(t.instanceNorm(x))
        .add(t.layerNorm(x, [H, W])),
    "layer norm over channels": (x, make) =>
      t.layerNorm(x.permute([0, 2, 3, 1]), [C], { weight: make(C), bias: make(C) }).permute([0, 3, 1, 2]),
    "local response norm": (x) => t.localResponseNorm(x, 5, { alpha: 1 }),
    // Between wide convolutions, which pay for the transposes around grouped ones.
    "depthwise and grouped convolution": (x, make) => {
      const y = t.conv2d(t.conv2d(x, make(8 * C, C, 3, 3), { padding: 1 }), make(C, 8 * C, 3, 3), {
        padding: 1,
      });
      return t.conv2d(t.conv2d(y, make(C, 1, 3, 3), { padding: 1, groups: C }), make(C, 4, 1, 1), {
        groups: 4,
      });
    },
    "dilated and strided convolution": (x, make) =>
      t.convTranspose2d(
        t.conv2d(x, make(C, C, 3, 3), { dilation: 2, padding: 2, stride: 2 }),
        make(C, C, 2, 2),
        {
          stride: 2,
        },
      ),
    "1x1 convolution with stride, bias": (x, make) =>
      t.resize(t.conv2d(x, make(C, C, 1, 1), { stride: 2, bias: make(C) }), { scale: 2 }),
    "reflected padding": (x, make) => t.conv2d(x, make(C, C, 3, 3), { padding: 1, paddingMode: "reflect" }),
    "pooling of both kinds": (x) =>
      t.resize(t.maxPool2d(x, 2).add(t.avgPool2d(x, 2)), { scale: 2, mode: "nearest" }),
    "overlapping pools, padded": (x) =>
      t.avgPool2d(t.maxPool2d(x, 3, { stride: 1, padding: 1 }), 3, {
        stride: 1,
        padding: 1,
        countIncludePad: false,
      }),
    "adaptive pools": (x) => x.mul(t.adaptiveAvgPool2d(x, 1)).add(t.adaptiveMaxPool2d(x, [1, 1])),
    "channel groups, swapped and concatenated": (x) => {
      const [a, b] = x.split(8, 1) as [Tensor, Tensor];
      return t.concat([b, a.relu()], 1);
    },
    "pieces of rows": (x) => t.concat([x.index(null, null, [0, 2]), x.index(null, null, [2, null]).neg()], 2),
    "slices with steps, backward": (x) =>
      t.concat([x.index(null, [null, null, 2]), x.flip([1, 3]).index(null, [null, null, 2])], 1),
    "one row, one channel": (x) => x.add(x.select(2, 1).unsqueeze(2)).mul(x.narrow(1, 3, 1)),
    "padding and cropping": (x) =>
      x
        .pad([
          [0, 0],
          [0, 0],
          [1, 2],
          [2, 1],
        ])
        .index(null, null, [1, -2], [2, -1]),
    "padding of channels": (x) =>
      x.narrow(1, 0, 12).pad([
        [0, 0],
        [2, 2],
        [0, 0],
        [0, 0],
      ]),
    "rolled and flipped": (x) => x.roll(1, 2).add(x.flip(3)),
    "permuted and reshaped": (x) =>
      x.permute([0, 1, 3, 2]).reshape([N, C, H, W]).add(x.flatten(1).tanh().reshape(x.shape)),
    "channels shuffled": (x) => x.reshape([N, 4, 4, H, W]).transpose(1, 2).reshape([N, C, H, W]),
    "pixels shuffled": (x) => t.pixelUnshuffle(t.pixelShuffle(x, 2), 2).add(x),
    "expanded from a single pixel": (x) => x.mean([2, 3], true).expand([N, C, H, W]).add(x),
    "tiled and repeated": (x) =>
      x
        .narrow(2, 0, 3)
        .tile([1, 1, 2, 1])
        .add(x.narrow(3, 0, 4).repeatInterleave(2, 3)),
    "cumulative sums": (x) => x.cumsum(2).mul(0.1).add(x.cumsum(1).mul(0.1)),
    "attention between pixels": (x) => {
      const tokens = x.flatten(2).transpose(1, 2); // [N, HW, C]
      return t.scaledDotProductAttention(tokens, tokens, tokens).transpose(1, 2).reshape(x.shape);
    },
    "the largest entries": (x) => x.mul(t.topK(x.flatten(2), 3).values.sum(2).reshape([N, C, 1, 1])),
    dropout: (x) => t.dropout(x, 0.4, t.randomKey(3)),
    "stopped gradients": (x) => x.mul(x.stopGradient()).add(x.stopGradient()),
    "a round trip through float16": (x) => x.add(x.astype("float16").astype("float32").mul(0.01)),
    "a straight-through estimator": (x) =>
      t.customGradient((v) => ({ value: (v as Tensor).mul(4).round().mul(0.25), gradient: (dy) => [dy] }))(x),
    recomputed: (x) => t.checkpoint((v) => t.batchNormTrain((v as Tensor).relu()).output)(x),
  };
  for (const [name, middle] of Object.entries(middles)) {
    const network: Network = (x, make) => {
      const y = t.conv2d(x, make(C, C, 3, 3), { padding: 1 });
      return t.conv2d(middle(y, make), make(C, C, 3, 3), { padding: 1 }).add(y);
    };
    const slope: Network = (x, make) => grad((v: Tensor) => network(v, make).sin().sum())(x) as Tensor;
    test(name, () => expectSame(network, random("image", [N, C, H, W])));
    test(`${name}: second-order gradient`, () => expectSame(slope, random("image", [N, C, H, W])));
  }
});

/** Gradients of depthwise convolutions with a dense decoder of `width` channels. */
const depthwiseNetwork = (width: number) => {
  const channels = 32;
  const loss = (x: Tensor, depthwise: Tensor, ...dense: Tensor[]) =>
    dense
      .reduce(
        (y, w) => t.conv2d(y, w, { padding: 1 }),
        t.conv2d(x, depthwise, { padding: 1, groups: channels }),
      )
      .square()
      .sum();
  const dense = [
    random("in", [width, channels, 3, 3]),
    random("middle", [width, width, 3, 3]),
    random("out", [8, width, 3, 3]),
  ];
  const given = [random("image", [2, channels, 8, 8]), random("depthwise", [channels, 1, 3, 3]), ...dense];
  const step = compile((...all: Tensor[]) => grad(loss, [1, 2, 3, 4])(...(all as [Tensor, Tensor])));
  const { plan } = step.trace(...given);
  return plan.graph.steps.map(({ node }) => node);
};

test("depthwise convolutions stay in NCHW unless dense ones outweigh their transposes", () => {
  expect(hwncPays(depthwiseNetwork(8))).toBe(false);
  expect(hwncPays(depthwiseNetwork(64))).toBe(true);
});

test("average pooling with tiled windows stays in HWNC", () => {
  const weight = random("weight", [16, 16, 3, 3], 0.1);
  const loss = (w: Tensor, x: Tensor) => {
    const y = t.avgPool2d(t.conv2d(x, w, { padding: 1 }).relu(), 2);
    return t.conv2d(y, w, { padding: 1 }).square().sum();
  };
  const step = compile(grad(loss));
  const { graph } = step.trace(weight, random("image", [2, 16, 8, 8])).plan;
  const written = (portable: boolean) =>
    new TextDecoder("latin1").decode(lower(graph, { device: "cpu", portable }).model);
  expect(written(true)).toContain("AveragePool");
  expect(written(false)).not.toContain("AveragePool");
  expect(written(false)).toMatch(/repeat\.\d+\/Expand/);
  step.release();
});
