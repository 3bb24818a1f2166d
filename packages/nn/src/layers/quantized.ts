/** Linear layers with weights quantized to 4 or 8 bits. */
import {
  buffer,
  dequantize,
  fromArray,
  matmulNBits,
  type QuantizedMatrix,
  Tensor,
  type Variable,
} from "@tessera-ml/tensor";
import { Module } from "../module.ts";
import { matches, type Pattern } from "../tree.ts";
import { Linear } from "./linear.ts";

export interface QuantizeOptions {
  /** Default 4. */
  readonly bits?: 4 | 8;
  /** Number of consecutive entries of a row that share a scale: 32 (the default), 64 or 128. */
  readonly blockSize?: number;
  /** Asymmetric quantization, with a zero point per block: more accurate than the symmetric default, but larger and slower. */
  readonly zeroPoints?: boolean;
}

/** Packed integers in the layout of ONNX Runtime's `MatMulNBits`. */
interface Packed {
  readonly weight: Uint8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
  readonly zeroPoints: Uint8Array<ArrayBuffer> | undefined;
}

/** x·Wᵀ + b with W quantized in blocks; made from a `Linear` by `quantize`. Not trainable. */
export class QuantizedLinear extends Module {
  /** uint8 [out, blocks, blockSize·bits/8] */
  readonly weight: Variable;
  /** [out, blocks] */
  readonly scales: Variable;
  readonly zero_points: Variable | undefined;
  readonly bias: Variable | undefined;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bits: 4 | 8;
  readonly blockSize: number;

  /** Zeros, to be loaded from a checkpoint. */
  constructor(inFeatures: number, outFeatures: number, options: QuantizeOptions & { bias?: boolean } = {}) {
    super();
    const { bits = 4, blockSize = 32, zeroPoints = false, bias = true } = options;
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.bits = bits;
    this.blockSize = blockSize;
    const blocks = Math.ceil(inFeatures / blockSize);
    const bytes = (...shape: number[]) =>
      buffer(fromArray(new Uint8Array(shape.reduce((a, b) => a * b, 1)), shape));
    const floats = (...shape: number[]) =>
      buffer(fromArray(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape));
    this.weight = bytes(outFeatures, blocks, (blockSize * bits) / 8);
    this.scales = floats(outFeatures, blocks);
    if (zeroPoints) this.zero_points = bytes(outFeatures, Math.ceil((blocks * bits) / 8));
    if (bias) this.bias = floats(outFeatures);
  }

  /** Quantizes a layer. */
  static async from(linear: Linear, options: QuantizeOptions = {}): Promise<QuantizedLinear> {
    const { inFeatures, outFeatures, bias } = linear;
    const layer = new QuantizedLinear(inFeatures, outFeatures, { ...options, bias: bias !== undefined });
    const floats = (await linear.weight.data()) as Float32Array;
    const packed = pack(
      floats,
      outFeatures,
      inFeatures,
      layer.bits,
      layer.blockSize,
      options.zeroPoints ?? false,
    );
    layer.weight.assign(packed.weight);
    layer.scales.assign(packed.scales);
    if (packed.zeroPoints) layer.zero_points?.assign(packed.zeroPoints);
    if (bias) layer.bias?.assign(await bias.data());
    return layer;
  }

  get #matrix(): QuantizedMatrix {
    const { bits, blockSize, inFeatures, weight, scales, zero_points } = this;
    return { bits, blockSize, columns: inFeatures, weight, scales, zeroPoints: zero_points };
  }
  forward(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.inFeatures)
      this.fail(`expected ${this.inFeatures} features on the last axis, got ${x}`);
    const y = matmulNBits(x, this.#matrix);
    return this.bias ? y.add(this.bias) : y;
  }
  /** The dequantized weight, [out, in]. */
  floatWeight(): Tensor {
    return dequantize(this.#matrix);
  }
}

/**
 * Replaces all linear layers of a module, at any depth, with quantized ones: about a seventh of the memory
 * with 4 bits, a quarter with 8.
 *
 * @param options `filter` selects layers by path; by default all
 * @returns the paths of the replaced layers
 */
export async function quantize(
  module: Module,
  options: QuantizeOptions & { readonly filter?: Pattern } = {},
): Promise<string[]> {
  const { filter = () => true, ...own } = options;
  const made = new Map<Linear, QuantizedLinear>();
  const chosen = [...module.namedModules()].filter(
    (entry): entry is [string, Linear] =>
      entry[1] instanceof Linear && matches(filter, entry[0], entry[1].weight),
  );
  for (const [, linear] of chosen) made.set(linear, await QuantizedLinear.from(linear, own));
  if (module instanceof Linear)
    throw new Error("quantize: the module itself is a Linear layer; use QuantizedLinear.from(layer)");
  const seen = new Set<object>();
  const replace = (container: object): void => {
    if (seen.has(container)) return;
    seen.add(container);
    const entries = container instanceof Map ? [...container] : Object.entries(container);
    for (const [key, value] of entries as [string, unknown][]) {
      const layer = made.get(value as Linear);
      if (layer && container instanceof Map) container.set(key, layer);
      else if (layer) (container as Record<string, unknown>)[key] = layer;
      else if (typeof value === "object" && value !== null && !(value instanceof Tensor)) replace(value);
    }
  };
  replace(module);
  return chosen.map(([path]) => path);
}

/** Quantizes a row-major matrix [rows, columns] block by block. */
function pack(
  matrix: Float32Array,
  rows: number,
  columns: number,
  bits: 4 | 8,
  blockSize: number,
  withZeroPoints: boolean,
): Packed {
  const blocks = Math.ceil(columns / blockSize);
  const [levels, middle] = [2 ** bits, 2 ** (bits - 1)];
  const weight = new Uint8Array((rows * blocks * blockSize * bits) / 8);
  const scales = new Float32Array(rows * blocks);
  const pointBytes = Math.ceil((blocks * bits) / 8);
  const zeroPoints = withZeroPoints ? new Uint8Array(rows * pointBytes) : undefined;
  /** Writes integer `at` of a packed array. */
  const put = (bytes: Uint8Array, start: number, at: number, value: number): void => {
    if (bits === 8) bytes[start + at] = value;
    else bytes[start + (at >> 1)] = (bytes[start + (at >> 1)] as number) | (value << (4 * (at & 1)));
  };
  for (let block = 0; block < rows * blocks; block++) {
    const [row, column] = [Math.floor(block / blocks), (block % blocks) * blockSize];
    const start = row * columns + column;
    const count = Math.min(blockSize, columns - column);
    let [low, high] = [0, 0];
    for (let i = 0; i < count; i++) {
      const value = matrix[start + i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    // There is one more level below the middle than above it. The entry of largest magnitude uses it; if that
    // entry is positive, the scale is negative.
    const signed = -low > high ? low : high;
    const scale = zeroPoints ? (high - low) / (levels - 1) : -signed / middle;
    const zero = zeroPoints && scale !== 0 ? Math.round(-low / scale) : middle;
    scales[block] = scale;
    if (zeroPoints) put(zeroPoints, row * pointBytes, block % blocks, zero);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < blockSize; i++) {
      const value = i < count ? Math.round((matrix[start + i] as number) * inverse) + zero : zero;
      put(weight, (block * blockSize * bits) / 8, i, Math.min(levels - 1, Math.max(0, value)));
    }
  }
  return { weight, scales, zeroPoints };
}
