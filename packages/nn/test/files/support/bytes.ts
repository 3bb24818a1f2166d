/** Hand-crafted files: pickles opcode by opcode, zip archives entry by entry. */
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js/lib/zip-core-native.js";
import { type ByteSource, memorySource } from "../../../src/files/sources/source.ts";

export type Part = string | number | readonly Part[] | Uint8Array;

/** Concatenates strings (as Latin-1), numbers (as one byte) and bytes. */
export function bytes(...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  const add = (part: Part): void => {
    if (typeof part === "number") pieces.push(Uint8Array.of(part));
    else if (typeof part === "string") pieces.push(Uint8Array.from(part, (char) => char.charCodeAt(0)));
    else if (part instanceof Uint8Array) pieces.push(part);
    else part.forEach(add);
  };
  parts.forEach(add);
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** A number as little-endian bytes. */
export function little(value: number | bigint, size: 2 | 4 | 8): number[] {
  return Array.from({ length: size }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
}

/** BINUNICODE. */
export function text(value: string): Part {
  return ["X", little(value.length, 4), value];
}

/** GLOBAL. */
export function global(module: string, name: string): Part {
  return ["c", module, "\n", name, "\n"];
}

/** BININT. */
export function int(value: number): Part {
  return ["J", little(BigInt.asUintN(32, BigInt(value)), 4)];
}

export function tuple(...items: readonly Part[]): Part {
  return ["(", items, "t"];
}

export function call(callee: Part, ...args: readonly Part[]): Part {
  return [callee, tuple(...args), "R"];
}

/** A dict with string keys. */
export function dict(entries: Readonly<Record<string, Part>>): Part {
  return ["}(", Object.entries(entries).map(([key, value]) => [text(key), value]), "u"];
}

export function storage(type: string, key: string, count: number): Part {
  return [tuple(text("storage"), global("torch", type), text(key), text("cpu"), int(count)), "Q"];
}

/** `_rebuild_tensor_v2` of a float storage. */
export function tensor(options: {
  key?: string;
  count: number;
  shape: readonly number[];
  strides: readonly number[];
  offset?: number;
  type?: string;
}): Part {
  const { key = "0", count, shape, strides, offset = 0, type = "FloatStorage" } = options;
  return call(
    global("torch._utils", "_rebuild_tensor_v2"),
    storage(type, key, count),
    int(offset),
    tuple(...shape.map(int)),
    tuple(...strides.map(int)),
    0x89,
    call(global("collections", "OrderedDict")),
  );
}

export function pickle(...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  return bytes(0x80, 2, parts, ".");
}

export async function zip(
  entries: Readonly<Record<string, Uint8Array>>,
  options: { level?: number; zip64?: boolean } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), {
    level: 0,
    useWebWorkers: false,
    dataDescriptor: false,
    ...options,
  });
  for (const [name, content] of Object.entries(entries))
    await writer.add(name, new Uint8ArrayReader(content));
  return new Uint8Array(await writer.close());
}

/** A PyTorch archive with storages `0`, `1`, ... */
export async function torchZip(
  object: Part,
  storages: readonly Uint8Array[] = [],
  more: Readonly<Record<string, Uint8Array>> = {},
  options: { level?: number; zip64?: boolean } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const data = storages.map((content, i): [string, Uint8Array] => [`archive/data/${i}`, content]);
  const records = Object.entries(more).map(([name, content]): [string, Uint8Array] => [
    `archive/${name}`,
    content,
  ]);
  return await zip(
    { "archive/data.pkl": pickle(object), ...Object.fromEntries([...data, ...records]) },
    options,
  );
}

export function floats(...values: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Float32Array.from(values).buffer);
}

/** A source that counts reads and bytes read. */
export function countingSource(content: Uint8Array): ByteSource & { bytesRead: number; reads: number } {
  const memory = memorySource(content);
  const source = {
    ...memory,
    bytesRead: 0,
    reads: 0,
    read: (offset: number, length: number) => {
      source.bytesRead += length;
      source.reads++;
      return memory.read(offset, length);
    },
  };
  return source;
}

/** A safetensors file with an arbitrary header. */
export function rawSafetensors(header: string | object, data = 0): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  return bytes(little(json.length, 8), json, new Uint8Array(data));
}
