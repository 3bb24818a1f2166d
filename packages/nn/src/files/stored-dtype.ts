/** Element types of files, and conversion to and from host arrays. */
import type { DType, TypedArray } from "@tessera-ml/tensor/dtype";
import { CheckpointError } from "./error.ts";

interface Layout {
  readonly bits: number;
  /** The dtype that `read` returns; absent if the host has none that fits. */
  readonly host?: DType;
}

// In the order of safetensors' `Dtype`, by which its writer sorts; C128 exists only in other formats.
const LAYOUT = {
  BOOL: { bits: 8, host: "bool" },
  F4: { bits: 4 },
  F6_E2M3: { bits: 6 },
  F6_E3M2: { bits: 6 },
  U8: { bits: 8, host: "uint8" },
  I8: { bits: 8, host: "int32" },
  F8_E5M2: { bits: 8, host: "float32" },
  F8_E4M3: { bits: 8, host: "float32" },
  F8_E8M0: { bits: 8, host: "float32" },
  F8_E4M3FNUZ: { bits: 8, host: "float32" },
  F8_E5M2FNUZ: { bits: 8, host: "float32" },
  I16: { bits: 16, host: "int32" },
  U16: { bits: 16, host: "int32" },
  F16: { bits: 16, host: "float16" },
  BF16: { bits: 16, host: "float32" },
  I32: { bits: 32, host: "int32" },
  U32: { bits: 32, host: "int64" },
  F32: { bits: 32, host: "float32" },
  C64: { bits: 64 },
  F64: { bits: 64, host: "float32" },
  I64: { bits: 64, host: "int64" },
  U64: { bits: 64, host: "int64" },
  C128: { bits: 128 },
} as const satisfies Record<string, Layout>;

/** The element types of safetensors, and complex128. */
export type StoredDType = keyof typeof LAYOUT;

export const STORED_DTYPES = Object.keys(LAYOUT) as readonly StoredDType[];

export function isStoredDType(text: string): text is StoredDType {
  return Object.hasOwn(LAYOUT, text);
}

export function storedBits(dtype: StoredDType): number {
  return LAYOUT[dtype].bits;
}

/** The dtype of the host array for a stored dtype, `undefined` for complex, 4-bit and 6-bit numbers. */
export function hostDType(dtype: StoredDType): DType | undefined {
  const layout: Layout = LAYOUT[dtype];
  return layout.host;
}

/** Whether the host array is floating-point. */
export function isFloatDType(dtype: StoredDType): boolean {
  return hostDType(dtype) === "float32" || hostDType(dtype) === "float16";
}

/** The default stored dtype of a host array. */
export const STORED_AS: Readonly<Record<DType, StoredDType>> = {
  float32: "F32",
  float16: "F16",
  int32: "I32",
  int64: "I64",
  uint8: "U8",
  bool: "BOOL",
};

/**
 * Converts little-endian bytes to a host array of `hostDType(dtype)`; a view of them if types and alignment
 * agree. Narrower types are widened exactly; `F64` is rounded to the nearest float32.
 *
 * @throws CheckpointError for types without a host array and for `U64` values beyond int64
 */
export function toHost(dtype: StoredDType, bytes: Uint8Array<ArrayBuffer>): TypedArray {
  const size = LAYOUT[dtype].bits / 8;
  const { buffer, byteOffset } = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const length = bytes.byteLength / size;
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer, byteOffset, length);
    case "F16":
      return new Float16Array(buffer, byteOffset, length);
    case "I64":
      return new BigInt64Array(buffer, byteOffset, length);
    case "I32":
      return new Int32Array(buffer, byteOffset, length);
    case "U8":
      return new Uint8Array(buffer, byteOffset, length);
    case "BOOL":
      return bytes.map((value) => (value === 0 ? 0 : 1));
    case "F64":
      return new Float32Array(new Float64Array(buffer, byteOffset, length));
    case "I16":
      return new Int32Array(new Int16Array(buffer, byteOffset, length));
    case "U16":
      return new Int32Array(new Uint16Array(buffer, byteOffset, length));
    case "I8":
      return new Int32Array(new Int8Array(buffer, byteOffset, length));
    case "BF16":
      return widenBfloat16(new Uint16Array(buffer, byteOffset, length));
    case "U32":
      return widenUint32(new Uint32Array(buffer, byteOffset, length));
    case "U64":
      return checkUint64(new BigInt64Array(buffer, byteOffset, length));
    case "F8_E5M2":
    case "F8_E4M3":
    case "F8_E8M0":
    case "F8_E4M3FNUZ":
    case "F8_E5M2FNUZ":
      return widenFloat8(bytes, FLOAT8[dtype]);
    case "F4":
    case "F6_E2M3":
    case "F6_E3M2":
    case "C64":
    case "C128":
      throw new CheckpointError(`${dtype} has no host dtype; use readBytes`);
  }
}

/**
 * Converts a host array to little-endian bytes of `dtype`: its own type, or another float type for floats
 * (rounded to nearest, ties to even). A view of the array if nothing changes.
 */
export function fromHost(data: TypedArray, dtype: StoredDType): Uint8Array<ArrayBuffer> {
  if (data instanceof Float32Array || data instanceof Float16Array) {
    if (dtype === "BF16") return bytesOf(narrowToBfloat16(data));
    if (dtype === "F16") return bytesOf(data instanceof Float16Array ? data : new Float16Array(data));
    if (dtype === "F32") return bytesOf(data instanceof Float32Array ? data : new Float32Array(data));
  } else if (
    data instanceof Uint8Array
      ? dtype === "U8" || dtype === "BOOL"
      : dtype === `I${8 * data.BYTES_PER_ELEMENT}`
  )
    return bytesOf(data);
  throw new CheckpointError(`a ${data.constructor.name} cannot be stored as ${dtype}`);
}

function bytesOf(data: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function widenBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  return new Float32Array(bits.buffer);
}

function narrowToBfloat16(data: Float32Array | Float16Array): Uint16Array<ArrayBuffer> {
  const floats = data instanceof Float32Array ? data : new Float32Array(data);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const out = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i] as number;
    // Rounding could turn a NaN into infinity, and truncation could lose its whole payload: set the quiet bit.
    const nan = (b & 0x7fff_ffff) > 0x7f80_0000;
    out[i] = nan ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
  }
  return out;
}

function widenUint32(words: Uint32Array): BigInt64Array<ArrayBuffer> {
  const out = new BigInt64Array(words.length);
  const low = new Uint32Array(out.buffer);
  for (let i = 0; i < words.length; i++) low[2 * i] = words[i] as number;
  return out;
}

function checkUint64(values: BigInt64Array<ArrayBuffer>): BigInt64Array<ArrayBuffer> {
  const high = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
  for (let i = 0; i < values.length; i++)
    if ((high[2 * i + 1] as number) < 0)
      throw new CheckpointError(
        `element ${i} of U64 is ${BigInt.asUintN(64, values[i] as bigint)}, which does not fit int64`,
      );
  return values;
}

function widenFloat8(bytes: Uint8Array, values: Float32Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) out[i] = values[bytes[i] as number] as number;
  return out;
}

/** The value of each of the 256 codes of an 8-bit float with a sign bit. */
function float8Table(mantissaBits: number, bias: number, special: (code: number) => number | undefined) {
  return Float32Array.from({ length: 256 }, (_, code) => {
    const value = special(code);
    if (value !== undefined) return value;
    const exponent = (code & 0x7f) >> mantissaBits;
    const fraction = (code & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
    const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
    return code & 0x80 ? -magnitude : magnitude;
  });
}

/**
 * 8-bit floats: E5M2 and E4M3 of Micikevicius et al. 2022 (arXiv:2209.05433), their variants without
 * infinities and negative zero of Noune et al. 2022 (arXiv:2206.02915), and the power-of-two scale E8M0 of
 * the OCP Microscaling formats 1.0.
 */
const FLOAT8 = {
  F8_E5M2: float8Table(2, 15, (code) => {
    if ((code & 0x7f) < 0x7c) return undefined;
    return (code & 3) !== 0 ? NaN : code & 0x80 ? -Infinity : Infinity;
  }),
  F8_E4M3: float8Table(3, 7, (code) => ((code & 0x7f) === 0x7f ? NaN : undefined)),
  F8_E4M3FNUZ: float8Table(3, 8, (code) => (code === 0x80 ? NaN : undefined)),
  F8_E5M2FNUZ: float8Table(2, 16, (code) => (code === 0x80 ? NaN : undefined)),
  F8_E8M0: Float32Array.from({ length: 256 }, (_, code) => (code === 0xff ? NaN : 2 ** (code - 127))),
};
