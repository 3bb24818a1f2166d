/**
 * Parameters and inputs reproducible in any language: a model that agrees with the reference implementation
 * on them also agrees on published weights, as long as its keys are the same.
 */
import { fromArray, type Shape, type Tensor, type Variable } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";

/** FNV-1a, 32 bits, of bytes; of a text, the UTF-8 bytes. */
export function fnv1a32(data: string | Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of typeof data === "string" ? new TextEncoder().encode(data) : data)
    hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** `count` values in [−1, 1), determined by the name and the index. */
export function uniformByName(name: string, count: number): Float32Array<ArrayBuffer> {
  const hash = fnv1a32(name);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(i, 0x9e3779b1) + hash) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    values[i] = (x >>> 8) * 2 ** -23 - 1;
  }
  return values;
}

/** A tensor of `uniformByName`. */
export function uniformTensor(name: string, shape: Shape): Tensor {
  return fromArray(uniformByName(name, sizeOf(shape)), shape);
}

/** Integers ⌊(u + 1) / 2 · below⌋ from 0 to `below` − 1, where u is `uniformByName`. */
export function integerTensor(name: string, shape: Shape, below: number): Tensor {
  const values = uniformByName(name, sizeOf(shape));
  return fromArray(
    BigInt64Array.from(values, (u) => BigInt(Math.floor(((u + 1) / 2) * below))),
    shape,
  );
}

/** An exception to the default fill, for parameters whose key contains a match of `match`. */
export interface FillRule {
  readonly match: RegExp;
  /** Keep the values computed by the constructor. */
  readonly keep?: boolean;
  /** Fill with this value. */
  readonly value?: number;
  /** Multiply the values they would get otherwise. */
  readonly scale?: number;
  /** With `gain`: use offset + gain · u instead; defaults 0 and 1. */
  readonly offset?: number;
  readonly gain?: number;
}

export interface FillRules {
  readonly rules?: readonly FillRule[];
  /** Apply all matching rules in sequence; by default only the first. */
  readonly everyRule?: boolean;
}

const SCALES = new Set(["weight", "gamma", "scale", "lambda1"]);
const TENTH = Math.fround(0.1);

/** The default fill, in single precision like the reference. */
function usual(key: string, shape: Shape): Float32Array<ArrayBuffer> {
  const values = uniformByName(key, sizeOf(shape));
  const leaf = key.slice(key.lastIndexOf(".") + 1);
  if (shape.length >= 2) {
    const fanIn = values.length / (shape[0] as number);
    return affine(values, 0, Math.sqrt((shape.length >= 3 ? 6 : 3) / fanIn));
  }
  if (leaf === "running_var") return affine(values, 1, 0.5);
  if (leaf === "num_batches_tracked") return values.fill(0);
  return affine(values, SCALES.has(leaf) ? 1 : 0, TENTH);
}

/** offset + gain · u in place, each step rounded to single precision. */
function affine(values: Float32Array<ArrayBuffer>, offset: number, gain: number): Float32Array<ArrayBuffer> {
  const [start, factor] = [Math.fround(offset), Math.fround(gain)];
  for (let i = 0; i < values.length; i++) values[i] = start + Math.fround((values[i] as number) * factor);
  return values;
}

/** The value of a parameter by its key and shape; undefined if a rule keeps the value from the constructor. */
export function goldenParameter(
  key: string,
  shape: Shape,
  { rules = [], everyRule = false }: FillRules = {},
): Float32Array<ArrayBuffer> | undefined {
  const fitting = rules.filter(({ match }) => key.search(match) >= 0);
  let values = usual(key, shape);
  for (const { keep, value, scale, offset, gain } of everyRule ? fitting : fitting.slice(0, 1)) {
    if (keep) return undefined;
    if (value !== undefined) values.fill(value);
    else if (scale !== undefined) affine(values, 0, scale);
    else values = affine(uniformByName(key, values.length), offset ?? 0, gain ?? 1);
  }
  return values;
}

export interface FillOptions extends FillRules {
  /** The reference's key of a path. */
  readonly keyOf?: (path: string) => string;
  /** The shape of a parameter in the reference, if ours differs; entries are in the same order. */
  readonly shapeOf?: (key: string, shape: Shape) => Shape;
}

/** Sets every parameter and buffer to its golden value; a tied one is filled once, under its first path. */
export function fillGolden(model: Module, options: FillOptions = {}): void {
  const { keyOf = (path) => path, shapeOf = (_, shape) => shape, ...rules } = options;
  const filled = new Set<Variable>();
  for (const [path, variable] of model.stateDict()) {
    if (filled.has(variable)) continue;
    filled.add(variable);
    const key = keyOf(path);
    const values = goldenParameter(key, shapeOf(key, variable.shape), rules);
    if (values) variable.assign(fromArray(values, variable.shape).astype(variable.dtype));
  }
}

/**
 * A hash of all names and shapes of a state: FNV-1a of the sorted lines `name 3x4x5` (`name scalar`
 * without dimensions), joined by newlines.
 */
export function stateHash(entries: Iterable<readonly [key: string, shape: Shape]>): number {
  const lines = Array.from(entries, ([key, shape]) => `${key} ${shape.join("x") || "scalar"}`);
  return fnv1a32(lines.sort().join("\n"));
}

function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}
