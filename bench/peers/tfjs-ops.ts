/**
 * The networks' operators in TensorFlow.js, with gradients in the form measured fastest on its WebAssembly backend.
 * That backend has no kernel for a convolution's filter gradient, and runs input gradients, products with a
 * transposed operand and sums over leading axes at 1 to 3 GFLOP/s.
 */
import * as tf from "@tensorflow/tfjs";
import type { ConvSpec, Ops } from "../workloads/models.ts";

type T = tf.Tensor;

export function fromNchw(data: Float32Array, shape: readonly number[]): T {
  return tf.tidy(() => tf.transpose(tf.tensor(data, [...shape]), [0, 2, 3, 1]));
}

/** [out, in, h, w] to [h, w, in, out]. */
export function filter(data: Float32Array, shape: readonly number[]): T {
  return tf.tidy(() => tf.transpose(tf.tensor(data, [...shape]), [2, 3, 1, 0]));
}

/** Column sums of [M, C]; the reduction kernel is ten times slower along this axis. */
function columnSums(x: T): T {
  return tf.reshape(tf.matMul(tf.ones([1, x.shape[0]!]), x as tf.Tensor2D), [-1]);
}

/** [M, K] times [K, N], plus an optional bias [N]. */
function affine(x: T, weight: T, bias?: T): T {
  return tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const [x, weight, bias] = args as [T, T, T?];
    save([x, weight]);
    const y = tf.matMul(x, weight);
    const gradFunc = (dy: T, [x, weight]: T[]) => [
      tf.matMul(dy, tf.transpose(weight!)),
      tf.matMul(tf.transpose(x!), dy),
      ...(bias ? [columnSums(dy)] : []),
    ];
    return { value: bias ? tf.add(y, bias) : y, gradFunc };
  })(x, weight, ...(bias ? [bias] : []));
}

const addBias = tf.customGrad((...args) => {
  const [x, bias] = args as [T, T];
  const gradFunc = (dy: T) => [dy, columnSums(tf.reshape(dy, [-1, bias.size]))];
  return { value: tf.add(x, bias), gradFunc };
});

const gelu = tf.customGrad((...args) => {
  const [x, save] = args as [T, tf.GradSaveFunc];
  const probability = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
  save([x, probability]);
  const gradFunc = (dy: T, [x, probability]: T[]) => {
    const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.mul(dy, tf.add(probability!, tf.mul(x!, density)));
  };
  return { value: tf.mul(x, probability), gradFunc };
});

/** Keeps every `stride`-th pixel; the gradient has zeros in between. */
function subsample(x: T, stride: number): T {
  if (stride === 1) return x;
  return tf.customGrad((...args) => {
    const [n, h, w, c] = (args[0] as T).shape as [number, number, number, number];
    const rows = tf.slice(
      tf.reshape(args[0] as T, [(n * h) / stride, stride, w * c]),
      [0, 0, 0],
      [-1, 1, -1],
    );
    const pixels = tf.slice(tf.reshape(rows, [-1, stride, c]), [0, 0, 0], [-1, 1, -1]);
    const value = tf.reshape(pixels, [n, h / stride, w / stride, c]);
    return { value, gradFunc: (dy: T) => spread(dy, stride) };
  })(x);
}

function spread(x: T, stride: number): T {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const pixels = tf.pad(tf.reshape(x, [n * h * w, 1, c]), [
    [0, 0],
    [0, stride - 1],
    [0, 0],
  ]);
  const rows = tf.pad(tf.reshape(pixels, [n * h, 1, w * stride * c]), [
    [0, 0],
    [0, stride - 1],
    [0, 0],
  ]);
  return tf.reshape(rows, [n, h * stride, w * stride, c]);
}

/** x [N, H, W, C] with w [k, k, C, K]. */
export function convolve(x: T, w: T, { kernel, stride = 1, pad = 0 }: ConvSpec, needsDx: boolean): T {
  if (kernel === 1) {
    const y = subsample(x, stride);
    const rows = affine(tf.reshape(y, [-1, w.shape[2]!]), tf.reshape(w, w.shape.slice(2)));
    return tf.reshape(rows, [...y.shape.slice(0, 3), w.shape[3]!]);
  }
  function dx(dy: T, w: T): T {
    const flipped = tf.transpose(tf.reverse(w, [0, 1]), [0, 1, 3, 2]);
    const spaced = stride === 1 ? dy : spread(dy, stride);
    const before = kernel - 1 - pad;
    return tf.conv2d(spaced as tf.Tensor4D, flipped as tf.Tensor4D, 1, pads(before, before));
  }
  function dw(dy: T, x: T): T {
    const unused = (x.shape[1]! + 2 * pad - kernel) % stride;
    const images = tf.transpose(x, [3, 1, 2, 0]) as tf.Tensor4D; // [C, H, W, N]
    const filters = tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D; // [H', W', N, K]
    const result = tf.conv2d(images, filters, 1, pads(pad, pad - unused), "NHWC", stride);
    return tf.transpose(result, [1, 2, 0, 3]);
  }
  function forward(x: T, w: T): T {
    return tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pads(pad, pad));
  }
  if (!needsDx) {
    return tf.customGrad((...args) => {
      const [w] = args as [T];
      return { value: forward(x, w), gradFunc: (dy: T) => dw(dy, x) };
    })(w);
  }
  return tf.customGrad((...args) => {
    const [x, w, save] = args as [T, T, tf.GradSaveFunc];
    save([x, w]);
    return { value: forward(x, w), gradFunc: (dy: T, [x, w]: T[]) => [dx(dy, w!), dw(dy, x!)] };
  })(x, w);
}

function pads(before: number, after: number): tf.backend_util.ExplicitPadding {
  return [
    [0, 0],
    [before, after],
    [before, after],
    [0, 0],
  ];
}

export function operators(values: ReadonlyMap<string, tf.Variable>, input: T, training: boolean): Ops<T> {
  const get = (name: string) => values.get(name)!;

  function batchNorm(x: T, name: string): T {
    const [mean, variance] = [get(`${name}.running_mean`), get(`${name}.running_var`)];
    const normalize = tf.customGrad((...args) => {
      const [x, weight, bias, save] = args as [T, T, T, tf.GradSaveFunc];
      const count = x.size / weight.size;
      const flat = tf.reshape(x, [count, weight.size]);
      const center = tf.div(columnSums(flat), count);
      const shifted = tf.sub(flat, center);
      const squares = columnSums(tf.square(shifted));
      const inverse = tf.rsqrt(tf.add(tf.div(squares, count), 1e-5));
      const normal = tf.mul(shifted, inverse);
      mean.assign(tf.add(tf.mul(mean, 0.9), tf.mul(center, 0.1)));
      variance.assign(tf.add(tf.mul(variance, 0.9), tf.mul(squares, 0.1 / (count - 1))));
      save([normal, inverse, weight]);
      const gradFunc = (dy: T, [normal, inverse, weight]: T[]) => {
        const d = tf.reshape(dy, [count, weight!.size]);
        const dBias = columnSums(d);
        const dWeight = columnSums(tf.mul(d, normal!));
        const common = tf.div(tf.add(dBias, tf.mul(normal!, dWeight)), count);
        return [tf.reshape(tf.mul(tf.sub(d, common), tf.mul(weight!, inverse!)), dy.shape), dWeight, dBias];
      };
      const value = tf.reshape(tf.add(tf.mul(normal, weight), bias), x.shape);
      return { value, gradFunc };
    });
    return normalize(x, get(`${name}.weight`), get(`${name}.bias`));
  }

  /** The convolution with the batch norm folded in, as TensorFlow's converter would. */
  const folded = new Map<string, [T, T]>();
  function foldedConv(x: T, name: string, norm: string, { stride = 1, pad = 0 }: ConvSpec, relu: boolean): T {
    if (!folded.has(name)) {
      const scale = tf.mul(get(`${norm}.weight`), tf.rsqrt(tf.add(get(`${norm}.running_var`), 1e-5)));
      const bias = tf.sub(get(`${norm}.bias`), tf.mul(get(`${norm}.running_mean`), scale));
      folded.set(name, [tf.keep(tf.mul(get(`${name}.weight`), scale)), tf.keep(bias)]);
    }
    const [weight, bias] = folded.get(name)!;
    return tf.fused.conv2d({
      x: x as tf.Tensor4D,
      filter: weight as tf.Tensor4D,
      strides: stride,
      pad: pads(pad, pad),
      bias,
      activation: relu ? "relu" : "linear",
    });
  }

  const layerNorm = tf.customGrad((...args) => {
    const [x, weight, bias, save] = args as [T, T, T, tf.GradSaveFunc];
    const shifted = tf.sub(x, tf.mean(x, -1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(shifted), -1, true), 1e-6));
    const normal = tf.mul(shifted, inverse);
    save([normal, inverse, weight]);
    const gradFunc = (dy: T, [normal, inverse, weight]: T[]) => {
      const g = tf.mul(dy, weight!);
      const common = tf.add(tf.mean(g, -1, true), tf.mul(normal!, tf.mean(tf.mul(g, normal!), -1, true)));
      const rows = [-1, weight!.size];
      const dWeight = columnSums(tf.reshape(tf.mul(dy, normal!), rows));
      return [tf.mul(tf.sub(g, common), inverse!), dWeight, columnSums(tf.reshape(dy, rows))];
    };
    return { value: tf.add(tf.mul(normal, weight), bias), gradFunc };
  });

  function attend(q: T, k: T, v: T): T {
    const scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(q.shape.at(-1)!)), tf.transpose(k, [0, 2, 1]));
    return tf.matMul(tf.softmax(scores), v);
  }

  return {
    parameter: get,
    conv: (x, name, spec) =>
      addBias(convolve(x, get(`${name}.weight`), spec, x !== input), get(`${name}.bias`)),
    convNorm(x, conv, norm, spec, relu) {
      if (!training) return foldedConv(x, conv, norm, spec, relu);
      const y = batchNorm(convolve(x, get(`${conv}.weight`), spec, x !== input), norm);
      return relu ? tf.relu(y) : y;
    },
    linear(x, name) {
      const weight = get(`${name}.weight`);
      const rows = affine(tf.reshape(x, [-1, weight.shape[0]!]), weight, get(`${name}.bias`));
      return tf.reshape(rows, [...x.shape.slice(0, -1), weight.shape[1]!]);
    },
    layerNorm: (x, name) => layerNorm(x, get(`${name}.weight`), get(`${name}.bias`)),
    relu: (x) => tf.relu(x),
    gelu: (x) => gelu(x),
    add: (x, y) => tf.add(x, y),
    maxPool: (x, kernel, stride, pad) => tf.maxPool(x as tf.Tensor4D, kernel, stride, pads(pad, pad)),
    meanPixels: (x) => tf.mean(tf.reshape(x, [x.shape[0]!, -1, x.shape[3]!]), 1),
    flatten: (x) => tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0]!, -1]),
    tokens: (x) => tf.reshape(x, [x.shape[0]!, -1, x.shape[3]!]),
    prepend: (token, x) => tf.concat([tf.tile(token, [x.shape[0]!, 1, 1]), x], 1),
    firstToken: (x) => tf.reshape(tf.slice(x, [0, 0, 0], [-1, 1, -1]), [x.shape[0]!, -1]),
    attention(qkv, heads) {
      const [b, t, c] = qkv.shape as [number, number, number];
      const width = c / 3 / heads;
      const [q, k, v] = tf
        .split(qkv, 3, 2)
        .map((part) =>
          tf.reshape(tf.transpose(tf.reshape(part, [b, t, heads, width]), [0, 2, 1, 3]), [
            b * heads,
            t,
            width,
          ]),
        ) as [T, T, T];
      // For a small batch, separate matrix products run 25 times faster than a batched one.
      const single = b * heads <= 16;
      const y = single
        ? tf.concat(
            tf.split(q, b * heads).map((part, i) => {
              const pick = (x: T) => tf.slice(x, [i, 0, 0], [1, -1, -1]);
              return attend(part, pick(k), pick(v));
            }),
          )
        : attend(q, k, v);
      return tf.reshape(tf.transpose(tf.reshape(y, [b, heads, t, width]), [0, 2, 1, 3]), [
        b,
        t,
        heads * width,
      ]);
    },
  };
}
