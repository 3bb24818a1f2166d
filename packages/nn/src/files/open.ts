/** Opening checkpoints of any format, detected by content rather than by name. */
import { type Checkpoint, createCheckpoint, stripPrefix } from "./checkpoint.ts";
import { CheckpointError, showName } from "./error.ts";
import { npyVersion, openNpy, openNpz } from "./numpy/npy.ts";
import type { PickleValue } from "./pickle/values.ts";
import { openSafetensors, safetensorsHeaderLength } from "./safetensors/read.ts";
import { openSharded } from "./safetensors/sharded.ts";
import { type HttpOptions, httpSource } from "./sources/http.ts";
import { type ByteSource, blobSource, fileSource, memorySource } from "./sources/source.ts";
import type { ZipEntry } from "./sources/zip.ts";
import { exportedRoot, OLD_STATE_DICT, readExported } from "./torch/exported.ts";
import { isLegacyTorch, readLegacyTorch, readPlainPickle, readTorchZip } from "./torch/file.ts";
import type { PickleOptions } from "./torch/globals.ts";
import { findStateDict } from "./torch/state-dict.ts";

/** A path (Node), an `http(s)` URL, bytes, a `Blob` or `File`, or any other source of bytes. */
export type CheckpointInput = string | URL | Uint8Array | Blob | ByteSource;

export interface OpenCheckpointOptions extends PickleOptions, HttpOptions {
  /** Name for error messages if the input has none. */
  readonly name?: string;
  /** A prefix to strip from the keys that start with it, for example `"module."`. */
  readonly stripPrefix?: string | undefined;
  /** Selects one of several networks: only the keys that start with this prefix, stripped of it. */
  readonly under?: string | undefined;
  /**
   * Where the tensors are in a PyTorch file, as keys joined by dots: `"ema.state_dict"`; `""` is the top level,
   * and the items of a list have the keys `"0"`, `"1"`, ….
   * By default the usual places are tried; `Checkpoint.section` is the one chosen.
   */
  readonly section?: string | undefined;
}

/**
 * Opens `.safetensors` (and `.index.json` for sharded ones), PyTorch's `.pt`, `.pth`, `.th`, `.bin`, `.ckpt`
 * (zip and older) and `.pt2`, `.npz` and `.npy`. Reads only headers; never executes anything in a file.
 *
 * A file that contains a single unnamed array or tensor (`.npy`, `torch.save(tensor)`) has the key `""`; a PyTorch
 * list of tensors has the keys `"0"`, `"1"`, ….
 *
 * @throws CheckpointError for damaged, unknown and refused files, naming the file and the tensor
 */
export async function openCheckpoint(
  input: CheckpointInput,
  options: OpenCheckpointOptions = {},
): Promise<Checkpoint> {
  return await withSource(input, options, async (source) => {
    const checkpoint = await openByContent(source, input, options);
    if (options.section && /^(safetensors|npz|npy)$/.test(checkpoint.format))
      throw new CheckpointError(
        `${source.name}: no section ${showName(options.section)}: only PyTorch files have sections, this is ${checkpoint.format}`,
      );
    const { under, stripPrefix: prefix } = options;
    const selected = under === undefined ? checkpoint : stripPrefix(checkpoint, under, "omit");
    return prefix === undefined ? selected : stripPrefix(selected, prefix);
  });
}

/** The contents of a pickle as data: maps, arrays, numbers, strings, stored tensors. */
export interface PickleFile extends AsyncDisposable {
  readonly name: string;
  readonly value: PickleValue;
  /** Closes the file; tensors can no longer be read. */
  close(): Promise<void>;
}

/**
 * Reads everything in a PyTorch file (or another pickle of numbers, strings and NumPy arrays), for optimizer states,
 * configurations and whatever else is not a state dict.
 */
export async function loadPickle(
  input: CheckpointInput,
  options: OpenCheckpointOptions = {},
): Promise<PickleFile> {
  return await withSource(input, options, async (source) => {
    const { name, close } = source;
    const content = await detect(source);
    const value = await readPickle(source, content === "zip" ? await openZip(source) : content, options);
    return { name, value, close, [Symbol.asyncDispose]: close };
  });
}

/** Opens the source and closes it again if `use` fails. */
async function withSource<T>(
  input: CheckpointInput,
  options: OpenCheckpointOptions,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const source = await openSource(input, options);
  try {
    return await use(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openSource(input: CheckpointInput, options: OpenCheckpointOptions): Promise<ByteSource> {
  if (input instanceof Uint8Array) return memorySource(input, options.name);
  if (input instanceof Blob) return blobSource(input, options.name);
  if (typeof input !== "string" && !(input instanceof URL)) return input;
  return /^https?:/.test(String(input)) ? await httpSource(input, options) : await fileSource(input);
}

/** Loaded on first use: most programs never open an archive. */
async function openZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  return await (await import("./sources/zip.ts")).openZip(source);
}

type Content = "safetensors" | "zip" | "torch" | "pickle" | "npy" | "index";

async function detect(source: ByteSource): Promise<Content> {
  if (source.size === 0) throw new CheckpointError(`${source.name}: an empty file`);
  const start = await source.read(0, Math.min(512, source.size));
  const begins = (magic: string, at = 0): boolean =>
    [...magic].every((c, i) => start[at + i] === c.charCodeAt(0));
  if (begins("PK\x03\x04") || begins("PK\x05\x06")) return "zip";
  if (npyVersion(start) !== undefined) return "npy";
  if (safetensorsHeaderLength(start) !== undefined) return "safetensors";
  if (isLegacyTorch(start)) return "torch";
  // The PROTO opcode with a protocol from 2 to 5.
  if (start[0] === 0x80 && (start[1] ?? 0) >= 2 && (start[1] ?? 6) <= 5) return "pickle";
  if (/^\s*\{/.test(String.fromCharCode(...start.subarray(0, 16)))) return "index";
  // Given the extension, let the safetensors reader report what is wrong.
  if (source.name.endsWith(".safetensors")) return "safetensors";
  const known = FOREIGN.find(({ magic, at }) => begins(magic, at))?.message;
  throw new CheckpointError(
    `${source.name}: ${known ?? "unknown format; expected safetensors, PyTorch, .npz or .npy"}`,
  );
}

const FOREIGN: readonly { magic: string; at?: number; message: string }[] = [
  {
    magic: "ustar",
    at: 257,
    message: "a tar archive from PyTorch before 0.2: load it with a recent PyTorch and save it again",
  },
  { magic: "\x1f\x8b", message: "compressed with gzip: unpack it first" },
  { magic: "\x89HDF", message: "an HDF5 file (Keras, MATLAB): convert it to safetensors" },
  { magic: "GGUF", message: "a GGUF file (llama.cpp): convert it to safetensors" },
];

async function openByContent(
  source: ByteSource,
  input: CheckpointInput,
  options: OpenCheckpointOptions,
): Promise<Checkpoint> {
  const content = await detect(source);
  if (content !== "index") return await openSingle(source, content, options);
  const location = typeof input === "string" || input instanceof URL ? input : undefined;
  return await openSharded(source, location, (path) =>
    withSource(path, options, async (shard) => openSingle(shard, await detect(shard), options)),
  );
}

async function openSingle(
  source: ByteSource,
  content: Content,
  options: OpenCheckpointOptions,
): Promise<Checkpoint> {
  if (content === "safetensors") return await openSafetensors(source);
  if (content === "npy") return await openNpy(source);
  // An index could list itself.
  if (content === "index") throw new CheckpointError(`${source.name}: expected a shard, got another index`);
  const archive = content === "zip" ? await openZip(source) : undefined;
  if (archive?.size && archive.keys().every((name) => name.endsWith(".npy")))
    return await openNpz(source, archive);
  const { name, close } = source;
  const root = archive && exportedRoot(archive);
  if (archive && root !== undefined) {
    const found = await readExported(source, archive, root, options.section);
    return createCheckpoint({ ...found, name, format: "pt2", close });
  }
  const old = archive?.get(OLD_STATE_DICT);
  const pickle = old
    ? await readPickleIn(source, old, options)
    : await readPickle(source, archive ?? content, options);
  const found = findStateDict(name, pickle, options.section);
  return createCheckpoint({ ...found, name, format: old ? "pt2" : "torch", close });
}

/** Reads a PyTorch file inside an archive. */
async function readPickleIn(
  source: ByteSource,
  entry: ZipEntry,
  options: PickleOptions,
): Promise<PickleValue> {
  const { size, read } = entry;
  const inner = { name: `${source.name}: ${entry.name}`, size, read, close: async () => {} };
  return await readPickle(inner, await openZip(inner), options);
}

async function readPickle(
  source: ByteSource,
  content: Content | ReadonlyMap<string, ZipEntry>,
  options: PickleOptions,
): Promise<PickleValue> {
  if (typeof content !== "string") return await readTorchZip(source, content, options);
  if (content === "torch") return await readLegacyTorch(source, options);
  if (content === "pickle") return await readPlainPickle(source, options);
  throw new CheckpointError(`${source.name}: contains no pickle; use openCheckpoint`);
}
