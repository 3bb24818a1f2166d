/** NumPy's `.npy`, versions 1 to 3 (numpy/lib/format.py), and `.npz`, a zip archive of them. */
import { type Checkpoint, createCheckpoint } from "../checkpoint.ts";
import { CheckpointError, locate, showName } from "../error.ts";
import type { ByteSource } from "../sources/source.ts";
import type { ZipEntry } from "../sources/zip.ts";
import type { ReadBytes, StoredTensor } from "../stored.ts";
import { numpyTensor } from "./array.ts";
import { type NumpyElement, parseNumpyDType } from "./dtype.ts";

// The header of a plain array has about 100 bytes; only structured arrays have longer ones.
const MAX_HEADER = 2 ** 16;

/** Opens a single array, with the key `""`. */
export async function openNpy(source: ByteSource): Promise<Checkpoint> {
  const { name, close } = source;
  const tensor = await readNpy("", source).catch((error: unknown) => {
    throw locate(name, error);
  });
  return createCheckpoint({ name, format: "npy", tensors: new Map([["", tensor]]), close });
}

/** Opens all arrays of an archive; keys are the names without `.npy`. */
export async function openNpz(
  source: ByteSource,
  entries: ReadonlyMap<string, ZipEntry>,
): Promise<Checkpoint> {
  const { name, close } = source;
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries.values()) {
    const key = entry.name.replace(/\.npy$/, "");
    if (key === entry.name) throw new CheckpointError(`${name}: ${showName(entry.name)} is not a .npy array`);
    const tensor = await readNpy(key, entry).catch((error: unknown) => {
      throw locate(`${name}: ${showName(key)}`, error);
    });
    tensors.set(key, tensor);
  }
  return createCheckpoint({ name, format: "npz", tensors, close });
}

async function readNpy(
  name: string,
  file: { readonly size: number; read: ReadBytes },
): Promise<StoredTensor> {
  const start = await file.read(0, Math.min(12, file.size));
  const version = npyVersion(start);
  if (version === undefined || start.length < 12)
    throw new CheckpointError(
      `not a .npy array of version 1 to 3: ${file.size} bytes, starting with ${hex(start)}`,
    );
  const lengthBytes = version === 1 ? 2 : 4;
  const view = new DataView(start.buffer, start.byteOffset);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataStart = 8 + lengthBytes + length;
  if (length > MAX_HEADER || dataStart > file.size)
    throw new CheckpointError(`truncated or corrupt: a header of ${length} bytes in ${file.size}`);
  const header = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(
    await file.read(8 + lengthBytes, length),
  );
  const read: ReadBytes = (offset, count) => file.read(dataStart + offset, count);
  return numpyTensor({ name, ...parseHeader(header) }, read, file.size - dataStart);
}

/** The version (1, 2 or 3) if the bytes start like a `.npy` file. */
export function npyVersion(start: Uint8Array): number | undefined {
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
  const version = magic.every((byte, i) => start[i] === byte) ? (start[6] ?? 0) : 0;
  return version >= 1 && version <= 3 ? version : undefined;
}

interface NpyHeader extends NumpyElement {
  readonly shape: readonly number[];
  readonly fortran: boolean;
}

/** Parses a Python dict with three entries: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. */
function parseHeader(text: string): NpyHeader {
  const fields = new Map<string, string>();
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1] ?? "";
  const field = /\s*['"](\w+)['"]\s*:\s*('[^']*'|"[^"]*"|True|False|\([\d\sL,]*\)|\[.*)\s*(?:,\s*|$)/sy;
  for (let match = field.exec(body); match !== null; match = field.exec(body))
    fields.set(match[1] as string, match[2] as string);
  const descr = fields.get("descr");
  const order = fields.get("fortran_order");
  const shape = fields.get("shape");
  if (descr?.startsWith("["))
    throw new CheckpointError("a structured array: only arrays of numbers can be read");
  if (descr === undefined || shape === undefined || (order !== "True" && order !== "False"))
    throw new CheckpointError(`the header ${showName(text.trim())} is damaged`);
  const dims = shape
    .slice(1, -1)
    .split(",")
    .map((dim) => dim.trim().replace(/L$/, ""));
  if (dims.at(-1) === "") dims.pop();
  return {
    ...parseNumpyDType(descr.slice(1, -1)),
    fortran: order === "True",
    shape: dims.map((dim) => (/^\d+$/.test(dim) ? Number(dim) : NaN)),
  };
}

function hex(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
