/**
 * The networks' operators in jax-js, in the form measured fastest on its WebAssembly backend. `lax.conv` runs there
 * at 0.2 to 0.5 GFLOP/s, so a convolution is one matrix product per kernel tap, on contiguous rows of a padded image
 * (25 GFLOP/s forward, 10 to 13 with gradients).
 *
 * jax-js counts references manually: an operator consumes its operands unless they are passed as `.ref`. These
 * operators run only during tracing, when nothing is computed, and keep all operands.
 */
import { lax, nn, numpy as np } from "@jax-js/jax";
import type { ConvSpec, Ops } from "../workloads/models.ts";

export type T = np.Array;
export type Values = Record<string, T>;

/** x [N, H, W, C] with w [k, k, C, K], consuming neither. */
export function convolve(x: T, w: T, { kernel: k, stride: s = 1, pad: p = 0 }: ConvSpec): T {
  const [n, height, width, c] = x.shape as [number, number, number, number];
  const out = w.shape[3]!;
  if (k === s && p === 0) {
    const [h, v] = [Math.floor(height / s), Math.floor(width / s)];
    const patches = np.transpose(x.ref.reshape([n, h, s, v, s, c]), [0, 1, 3, 2, 4, 5]);
    const y = np.matmul(patches.reshape([n * h * v, s * s * c]), w.ref.reshape([s * s * c, out]));
    return y.reshape([n, h, v, out]);
  }
  if (k === 1) {
    const y = subsample(x, s);
    const [, h, v] = y.shape as [number, number, number];
    return np.matmul(y.reshape([n * h * v, c]), w.ref.reshape([c, out])).reshape([n, h, v, out]);
  }
  // The s * s phases of the padded image, each [N * H * W, C] with contiguous rows of equal width.
  const h = Math.ceil((height + 2 * p) / s);
  const v = Math.ceil((width + 2 * p) / s);
  const ends = [h * s - height - p, v * s - width - p] as const;
  let rows = np.pad(x.ref, [
    [0, 0],
    [p, ends[0]],
    [p, ends[1]],
    [0, 0],
  ]);
  if (s > 1) rows = np.transpose(rows.reshape([n, h, s, v, s, c]), [2, 4, 0, 1, 3, 5]);
  const phase = n * h * v;
  rows = rows.reshape([s * s * phase, c]);
  const reach = Math.floor((k - 1) / s);
  const length = phase - reach * v - reach;
  let y: T | undefined;
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) {
      const start = ((i % s) * s + (j % s)) * phase + Math.floor(i / s) * v + Math.floor(j / s);
      const tap = np.matmul(rows.ref.slice([start, start + length]), w.ref.slice(i, j));
      y = y ? y.add(tap) : tap;
    }
  }
  const oh = Math.floor((height + 2 * p - k) / s) + 1;
  const ow = Math.floor((width + 2 * p - k) / s) + 1;
  const whole = np
    .pad(y!, [
      [0, phase - length],
      [0, 0],
    ])
    .reshape([n, h, v, out]);
  return whole.slice([], [0, oh], [0, ow], []);
}

function subsample(x: T, s: number): T {
  if (s === 1) return x.ref;
  const [n, h, w, c] = x.shape as [number, number, number, number];
  return x.ref.reshape([n, h / s, s, w / s, s, c]).slice([], [], 0, [], 0, []);
}

/** @param moments Receives the new running statistics by name; absent for evaluation, with `values` folded */
export function operators(values: Values, moments?: Values): Ops<T> {
  const get = (name: string) => values[name]!.ref;

  function batchNorm(x: T, name: string): T {
    const count = x.size / x.shape[3]!;
    const mean = np.mean(x.ref, [0, 1, 2]);
    const shifted = x.sub(mean.ref);
    const variance = np.mean(np.square(shifted.ref), [0, 1, 2]);
    const blend = (field: string, value: T) => {
      moments![`${name}.${field}`] = get(`${name}.${field}`).mul(0.9).add(lax.stopGradient(value).mul(0.1));
    };
    blend("running_mean", mean);
    blend("running_var", variance.ref.mul(count / (count - 1)));
    return shifted.mul(inverseRoot(variance, 1e-5).mul(get(`${name}.weight`))).add(get(`${name}.bias`));
  }

  return {
    parameter: get,
    conv: (x, name, spec) => convolve(x, values[`${name}.weight`]!, spec).add(get(`${name}.bias`)),
    convNorm(x, conv, norm, spec, relu) {
      const y = convolve(x, values[`${conv}.weight`]!, spec);
      const z = moments ? batchNorm(y, norm) : y.add(get(`${norm}.bias`));
      return relu ? nn.relu(z) : z;
    },
    linear: (x, name) => np.matmul(x.ref, get(`${name}.weight`)).add(get(`${name}.bias`)),
    layerNorm(x, name) {
      const shifted = x.ref.sub(np.mean(x.ref, -1, { keepdims: true }));
      const variance = np.mean(np.square(shifted.ref), -1, { keepdims: true });
      return shifted
        .mul(inverseRoot(variance, 1e-6))
        .mul(get(`${name}.weight`))
        .add(get(`${name}.bias`));
    },
    relu: (x) => nn.relu(x.ref),
    gelu: (x) => nn.gelu(x.ref, { approximate: false }),
    add: (x, y) => x.ref.add(y.ref),
    maxPool(x, kernel, stride, pad) {
      const [n, h, w, c] = x.shape as [number, number, number, number];
      if (kernel === stride && pad === 0) {
        return np.max(x.ref.reshape([n, h / kernel, kernel, w / kernel, kernel, c]), [2, 4]);
      }
      // Used only after ReLU, so zero padding does not change the maxima.
      const rows = np.pad(x.ref, [
        [0, 0],
        [pad, pad],
        [pad, pad],
        [0, 0],
      ]);
      const pooled = lax.reduceWindow(
        np.transpose(rows, [0, 3, 1, 2]),
        (window) => np.max(window),
        [kernel, kernel],
        [stride, stride],
      );
      return np.transpose(pooled, [0, 2, 3, 1]);
    },
    meanPixels: (x) => np.mean(x.ref, [1, 2]),
    flatten: (x) => np.transpose(x.ref, [0, 3, 1, 2]).reshape([x.shape[0]!, -1]),
    tokens: (x) => x.ref.reshape([x.shape[0]!, -1, x.shape[3]!]),
    prepend: (token, x) =>
      np.concatenate([np.broadcastTo(token.ref, [x.shape[0]!, 1, x.shape[2]!]), x.ref], 1),
    firstToken: (x) => x.ref.slice([], 0, []),
    attention(qkv, heads) {
      const [b, t, c] = qkv.shape as [number, number, number];
      const parts = qkv.ref.reshape([b, t, 3, heads, c / 3 / heads]);
      const [q, k, v] = [0, 1, 2].map((i) =>
        np.transpose(parts.ref.slice([], [], i, [], []), [0, 2, 1, 3]),
      ) as [T, T, T];
      const scores = np.matmul(q, np.transpose(k, [0, 1, 3, 2])).mul(1 / Math.sqrt(c / 3 / heads));
      const y = np.matmul(nn.softmax(scores, -1), v);
      return np.transpose(y, [0, 2, 1, 3]).reshape([b, t, c / 3]);
    },
  };
}

function inverseRoot(x: T, eps: number): T {
  return np.reciprocal(np.sqrt(x.add(eps)));
}
