/** Writing `.safetensors`, byte for byte like the reference implementation. */
import { atomicWrite } from "../atomic.ts";
import { CheckpointError, locate, showName, showShape } from "../error.ts";
import { countElements, StoredTensor, type TensorData } from "../stored.ts";
import {
  fromHost,
  isFloatDType,
  STORED_AS,
  STORED_DTYPES,
  type StoredDType,
  storedBits,
  toHost,
} from "../stored-dtype.ts";
import { MAX_HEADER_BYTES } from "./read.ts";

export interface WriteSafetensorsOptions {
  readonly metadata?: Readonly<Record<string, string>> | ReadonlyMap<string, string>;
  /** Store all floating-point tensors as this type, rounded to nearest, ties to even. Default: unchanged. */
  readonly floats?: "F32" | "F16" | "BF16";
}

/**
 * Writes a file atomically. Tensors whose `data` is a function, or that are stored elsewhere, are held in memory one
 * at a time. Tensors are sorted by dtype, widest first, then by name.
 *
 * @throws CheckpointError on duplicate names and if data and shape do not match; no file is left behind then
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorData | StoredTensor>,
  options: WriteSafetensorsOptions = {},
): Promise<void> {
  await atomicWrite(path, async (file) => {
    for await (const piece of safetensorsPieces(tensors, options)) await file.write(piece);
  });
}

/** Like {@link writeSafetensors}, but returns the bytes. */
export async function encodeSafetensors(
  tensors: Iterable<TensorData | StoredTensor>,
  options: WriteSafetensorsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of safetensorsPieces(tensors, options)) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

// Number of elements converted at a time.
const PIECE = 2 ** 22;

interface Planned {
  readonly tensor: TensorData | StoredTensor;
  readonly dtype: StoredDType;
  readonly byteLength: number;
}

async function* safetensorsPieces(
  tensors: Iterable<TensorData | StoredTensor>,
  options: WriteSafetensorsOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const plan = planTensors(tensors, options);
  yield encodeHeader(plan, options.metadata);
  for (const { tensor, dtype, byteLength } of plan) {
    let written = 0;
    try {
      for await (const piece of tensor instanceof StoredTensor
        ? storedPieces(tensor, dtype)
        : dataPieces(tensor, dtype)) {
        written += piece.byteLength;
        yield piece;
      }
      if (written !== byteLength)
        throw new CheckpointError(
          `shape ${showShape(tensor.shape)} needs ${byteLength} bytes, the data has ${written}`,
        );
    } catch (error) {
      throw locate(showName(tensor.name), error);
    }
  }
}

function planTensors(
  tensors: Iterable<TensorData | StoredTensor>,
  { floats }: WriteSafetensorsOptions,
): Planned[] {
  const plan: Planned[] = [];
  const names = new Set(["__metadata__"]);
  for (const tensor of tensors) {
    const { name, shape } = tensor;
    if (names.has(name) || !name.isWellFormed())
      throw new CheckpointError(`${showName(name)}: the name is duplicate, reserved or not valid Unicode`);
    names.add(name);
    const own = tensor instanceof StoredTensor ? tensor.dtype : STORED_AS[tensor.dtype];
    if (own === "C128") throw new CheckpointError(`${showName(name)}: safetensors has no complex128`);
    const dtype = floats !== undefined && isFloatDType(own) ? floats : own;
    plan.push({ tensor, dtype, byteLength: (countElements(shape) * storedBits(dtype)) / 8 });
  }
  const rank = ({ dtype }: Planned): number => STORED_DTYPES.indexOf(dtype);
  return plan.sort((a, b) => rank(b) - rank(a) || (a.tensor.name < b.tensor.name ? -1 : 1));
}

function encodeHeader(
  plan: readonly Planned[],
  metadata: WriteSafetensorsOptions["metadata"],
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = [];
  if (metadata !== undefined)
    entries.push(["__metadata__", metadata instanceof Map ? Object.fromEntries(metadata) : metadata]);
  let offset = 0;
  for (const { tensor, dtype, byteLength } of plan)
    entries.push([
      tensor.name,
      { dtype, shape: tensor.shape, data_offsets: [offset, (offset += byteLength)] },
    ]);
  // Not built as an object, which would move integer-like keys to the front and lose "__proto__".
  const text = `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
  const json = new TextEncoder().encode(text);
  const length = Math.ceil(json.byteLength / 8) * 8;
  if (length > MAX_HEADER_BYTES)
    throw new CheckpointError(`a header of ${length} bytes, at most ${MAX_HEADER_BYTES} are allowed`);
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}

async function* dataPieces(tensor: TensorData, dtype: StoredDType): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const data = typeof tensor.data === "function" ? await tensor.data() : tensor.data;
  if (STORED_AS[tensor.dtype] === dtype) {
    yield fromHost(data, dtype);
    return;
  }
  for (let start = 0; start < data.length; start += PIECE)
    yield fromHost(data.subarray(start, start + PIECE), dtype);
}

async function* storedPieces(
  tensor: StoredTensor,
  dtype: StoredDType,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const bits = storedBits(tensor.dtype);
  // Pieces of whole elements: 3 bytes are a multiple of both 4 and 6 bits.
  const step = bits < 8 ? 3 * PIECE : (bits / 8) * PIECE;
  for (let start = 0; start < tensor.byteLength; start += step) {
    const bytes = await tensor.readBytes(start, Math.min(step, tensor.byteLength - start));
    yield tensor.dtype === dtype ? bytes : fromHost(toHost(tensor.dtype, bytes), dtype);
  }
}
