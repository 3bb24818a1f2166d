/**
 * Counter-based random numbers: entry i of an array is a hash of (key, i), so the same key gives the same
 * bits on every machine and backend, in a graph and on the host. Keys are split, never reused.
 *
 * The hash is two rounds of multiply and xor-shift (constants from Wellons and Ettinger's search for low
 * bias), with half of the key mixed in before each. For statistics and training; not cryptographically secure.
 */
import type { DType } from "./dtype.ts";
import type { Emitter } from "./graph/emitter.ts";
import { defineOp } from "./graph/graph.ts";
import { apply, floating } from "./ops/apply.ts";
import { fromArray, scalar } from "./ops/create.ts";
import { where } from "./ops/elementwise.ts";
import { concat } from "./ops/movement.ts";
import { argsort } from "./ops/sort.ts";
import { type Shape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { buffer, type Variable } from "./variable.ts";

const WEYL = 0x9e3779b9;
const ROUND_1 = 0x21f0aaad;
const ROUND_2 = 0xd35a2d97;
/** Counters from here on generate keys; those below generate numbers. */
const KEY_COUNTERS = 0x80000000;

/** The hash on the host: 32 random bits as an unsigned integer. */
export function hostBits(key: readonly [number, number], counter: number): number {
  let x = (Math.imul(counter, WEYL) + key[0]) | 0;
  x = Math.imul(x ^ (x >>> 16), ROUND_1);
  x = x ^ (x >>> 15) ^ key[1];
  x = Math.imul(x, ROUND_2);
  return (x ^ (x >>> 15)) >>> 0;
}

/** The hash in a graph: uint32 bits for counters `start … start + count − 1`. */
function emitBits(g: Emitter, key: string, start: number, count: number): string {
  const word = (value: number) => unsigned(g, value);
  const half = (i: number) => g.op("Cast", [g.op("Gather", [key, g.scalar(i, "int64")])], { to: UINT32 });
  const shift = (x: string, by: number) => g.op("BitShift", [x, word(by)], { direction: "RIGHT" });
  const range = g.op("Range", [g.scalar(0, "int32"), g.scalar(count, "int32"), g.scalar(1, "int32")]);
  const counted = g.op("Mul", [g.op("Cast", [range], { to: UINT32 }), word(WEYL)]);
  const first = start === 0 ? counted : g.op("Add", [counted, word(Math.imul(start, WEYL) >>> 0)]);
  let x = g.op("Add", [first, half(0)]);
  x = g.op("Mul", [g.op("BitwiseXor", [x, shift(x, 16)]), word(ROUND_1)]);
  x = g.op("BitwiseXor", [g.op("BitwiseXor", [x, shift(x, 15)]), half(1)]);
  x = g.op("Mul", [x, word(ROUND_2)]);
  return g.op("BitwiseXor", [x, shift(x, 15)]);
}

const UINT32 = 12;
/** A uint32 scalar, cast from int64 as there is no uint32 `DType`. */
function unsigned(g: Emitter, value: number): string {
  return g.op("Cast", [g.scalar(value, "int64")], { to: UINT32 });
}

function checkKey(key: { readonly dtype: DType; readonly shape: Shape }): void {
  if (key.dtype !== "int32" || key.shape.length !== 1 || key.shape[0] !== 2)
    throw new Error(
      "expected a key, an int32 tensor of shape [2]: use randomKey(seed), splitKey(key, n) or nextKey()",
    );
}

type Draw = { start: number; shape: Shape };
const bitsOp = defineOp<Draw>({
  name: "randomBits",
  infer: ([key], { shape }) => {
    checkKey(key);
    return [{ dtype: "int32", shape }];
  },
  emit: (g, [key], [y], { attrs: { start, shape } }) => {
    const signed = g.op("Cast", [emitBits(g, key, start, sizeOf(shape))], { to: 6 });
    g.node("Reshape", [signed, g.ints(shape)], [y], { allowzero: 1 });
  },
});

/** 24 bits each: every multiple of 2⁻²⁴ in [0, 1) is equally likely. */
const uniformOp = defineOp<Draw>({
  name: "randomUniform",
  infer: ([key], { shape }) => {
    checkKey(key);
    return [{ dtype: "float32", shape }];
  },
  emit: (g, [key], [y], { attrs: { start, shape } }) => {
    const bits = g.op("BitShift", [emitBits(g, key, start, sizeOf(shape)), unsigned(g, 8)], {
      direction: "RIGHT",
    });
    const unit = g.op("Mul", [g.op("Cast", [bits], { to: 1 }), g.scalar(2 ** -24)]);
    g.node("Reshape", [unit, g.ints(shape)], [y], { allowzero: 1 });
  },
});

/** True with probability `p`; 16 bits per entry, so one hash makes two entries. */
const maskOp = defineOp<{ p: number; shape: Shape }>({
  name: "randomMask",
  infer: ([key], { shape }) => {
    checkKey(key);
    return [{ dtype: "bool", shape }];
  },
  emit: (g, [key], [y], { attrs: { p, shape } }) => {
    const size = sizeOf(shape);
    const words = emitBits(g, key, 0, Math.ceil(size / 2));
    const halves = [
      g.op("BitwiseAnd", [words, unsigned(g, 0xffff)]),
      g.op("BitShift", [words, unsigned(g, 16)], { direction: "RIGHT" }),
    ].map((half) =>
      g.op("Less", [g.op("Cast", [half], { to: 6 }), g.scalar(Math.round(p * 65536), "int32")]),
    );
    const both = g.op("Concat", halves, { axis: 0 });
    const cut = size % 2 === 0 ? both : g.op("Slice", [both, g.ints([0]), g.ints([size])]);
    g.node("Reshape", [cut, g.ints(shape)], [y], { allowzero: 1 });
  },
});

/** A key from a seed (any safe integer). */
export function randomKey(seed: number): Tensor {
  return fromArray(new Int32Array(seedKey(seed)), [2]);
}
/** The two halves of a seed's key. */
export function seedKey(seed: number): [number, number] {
  if (!Number.isSafeInteger(seed)) throw new Error(`randomKey: expected an integer seed, got ${seed}`);
  const halves: [number, number] = [seed | 0, Math.floor(seed / 2 ** 32) | 0];
  return [hostBits(halves, KEY_COUNTERS) | 0, hostBits(halves, KEY_COUNTERS + 1) | 0];
}
/** `count` independent keys. */
export function splitKey(key: Tensor, count = 2): Tensor[] {
  const bits = apply(bitsOp, [key], { start: KEY_COUNTERS, shape: [count, 2] });
  return Array.from({ length: count }, (_, i) => bits.select(0, i));
}

/** Uniform in [low, high); if `low` is large relative to high − low, rounding may return `high`. */
export function uniform(key: Tensor, shape: Shape, options: { low?: number; high?: number } = {}): Tensor {
  const { low = 0, high = 1 } = options;
  const unit = apply(uniformOp, [key], { start: 0, shape: [...shape] });
  const scaled = high - low === 1 ? unit : unit.mul(high - low);
  return low === 0 ? scaled : scaled.add(low);
}
/** Normal, by the Box-Muller transform: two entries from two uniform ones. */
export function normal(key: Tensor, shape: Shape, options: { mean?: number; std?: number } = {}): Tensor {
  const { mean = 0, std = 1 } = options;
  const size = sizeOf(shape);
  const pairs = Math.ceil(size / 2);
  // 1 − u is in (0, 1], so its logarithm is finite.
  const radius = apply(uniformOp, [key], { start: 0, shape: [pairs] })
    .rsub(1)
    .log()
    .mul(-2)
    .sqrt()
    .mul(std);
  const angle = apply(uniformOp, [key], { start: pairs, shape: [pairs] }).mul(2 * Math.PI);
  const both = concat([radius.mul(angle.cos()), radius.mul(angle.sin())])
    .narrow(0, 0, size)
    .reshape(shape);
  return mean === 0 ? both : both.add(mean);
}
/** Normal, truncated to [low, high] (default: ± two standard deviations), by inverse transform sampling. */
export function truncatedNormal(
  key: Tensor,
  shape: Shape,
  options: { mean?: number; std?: number; low?: number; high?: number } = {},
): Tensor {
  const { mean = 0, std = 1 } = options;
  const { low = mean - 2 * std, high = mean + 2 * std } = options;
  const cdf = (x: number) => erf((x - mean) / (std * Math.SQRT2)); // in [-1, 1]
  const u = uniform(key, shape, { low: cdf(low), high: cdf(high) });
  // For distant bounds the CDF rounds to ±1 in float32, where the inverse is infinite.
  return erfInverse(u.clamp(-BELOW_ONE, BELOW_ONE))
    .mul(std * Math.SQRT2)
    .add(mean)
    .clamp(low, high);
}
/** True with probability `p`, rounded to a multiple of 2⁻¹⁶. */
export function bernoulli(key: Tensor, p: number, shape: Shape): Tensor {
  if (!(p >= 0 && p <= 1)) throw new Error(`bernoulli: expected a probability, got ${p}`);
  return apply(maskOp, [key], { p, shape: [...shape] });
}
/** Integers in [low, high), int32; the bias is below 2⁻²⁴·(high − low). */
export function randint(key: Tensor, shape: Shape, low: number, high: number): Tensor {
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low)
    throw new Error(`randint: expected integers low < high, got ${low} and ${high}`);
  return uniform(key, shape)
    .mul(high - low)
    .floor()
    .astype("int32")
    .add(low);
}
/** 0 … n − 1 in random order, int32. */
export function permutation(key: Tensor, n: number): Tensor {
  return argsort(apply(bitsOp, [key], { start: 0, shape: [n] }));
}
/** Zeroes entries with probability `p` and scales the others by 1/(1 − p) (Srivastava et al. 2014). */
export function dropout(x: Tensor, p: number, key: Tensor = nextKey()): Tensor {
  if (!(p >= 0 && p < 1)) throw new Error(`dropout: expected a probability below 1, got ${p}`);
  if (p === 0) return x;
  return where(bernoulli(key, 1 - p, x.shape), floating(x).mul(1 / (1 - p)), 0);
}

let generator: Variable | undefined;

/** The state of the default generator, for checkpoints. */
export function generatorState(): Variable {
  generator ??= buffer(randomKey(0));
  return generator;
}
/** Seeds the default generator, used by parameter initialisation and dropout. */
export function manualSeed(seed: number): void {
  generatorState().assign(randomKey(seed));
}
/** The next key of the default generator. In a compiled function, every call draws a new one. */
export function nextKey(): Tensor {
  const state = generatorState();
  const values = state.value.stored?.peek();
  if (values instanceof Int32Array) {
    // On the host if possible: a model of a thousand layers would make a long chain of graph nodes.
    const key: [number, number] = [values[0] as number, values[1] as number];
    const child = (i: number) =>
      new Int32Array([hostBits(key, KEY_COUNTERS + 2 * i), hostBits(key, KEY_COUNTERS + 2 * i + 1)]);
    state.assign(child(0));
    return fromArray(child(1), [2]);
  }
  const [next, key] = splitKey(state) as [Tensor, Tensor];
  state.assign(next);
  return key;
}

/** Random numbers on the host, for shuffling and augmentation: the same hash, with one counter per instance. */
export class HostRandom {
  private readonly key: readonly [number, number];
  private counter: number;

  /** A stream for a seed and optional further integers, such as an epoch and an index. */
  constructor(seed: number, ...path: readonly number[]) {
    this.key = path.reduce<[number, number]>(
      (key, part) => [
        hostBits([key[0] ^ part, key[1]], KEY_COUNTERS) | 0,
        hostBits([key[0], key[1] ^ part], KEY_COUNTERS + 1) | 0,
      ],
      seedKey(seed),
    );
    this.counter = 0;
  }
  /** Uniform in [0, 1), 32 bits. */
  next(): number {
    return hostBits(this.key, this.counter++) * 2 ** -32;
  }
  /** An integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
  /** 0 … n − 1 in random order (Fisher & Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = order[i] as number;
      order[i] = order[j] as number;
      order[j] = kept;
    }
    return order;
  }
}

/** The error function on the host, to 1e-7 (Abramowitz & Stegun 7.1.26): enough for truncation bounds. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - tail * Math.exp(-x * x));
}

/** The largest float32 below 1. */
const BELOW_ONE = 1 - 2 ** -24;

const CENTRE = [
  1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-6, -3.5233877e-6,
  3.43273939e-7, 2.81022636e-8,
];
const TAIL = [
  2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322,
  0.000100950558, -0.000200214257,
];

/**
 * erf⁻¹, ±∞ at ±1 and NaN outside, by two polynomials (Giles 2010, "Approximating the erfinv function, single
 * precision").
 */
export function erfInverse(x: Tensor): Tensor {
  const w = x.square().rsub(1).log().neg();
  const polynomial = (t: Tensor, coefficients: readonly number[]) =>
    coefficients.reduceRight<Tensor>((sum, c) => sum.mul(t).add(c), scalar(0, x.dtype));
  const centre = polynomial(w.sub(2.5), CENTRE);
  const tail = polynomial(w.maximum(0).sqrt().sub(3), TAIL);
  const factor = where(w.less(5), centre, tail); // erf⁻¹(x) / x
  return where(w.equal(Number.POSITIVE_INFINITY), w, factor).mul(x);
}
