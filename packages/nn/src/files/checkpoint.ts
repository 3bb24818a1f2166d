/** The common interface of all formats: named tensors, read on demand. */
import { CheckpointError, showList, showName } from "./error.ts";
import type { StoredTensor } from "./stored.ts";

export type CheckpointFormat = "safetensors" | "torch" | "pt2" | "npz" | "npy" | "sharded";

export interface Checkpoint extends AsyncDisposable {
  /** The path or URL, for error messages. */
  readonly name: string;
  readonly format: CheckpointFormat;
  /** Metadata in the file (`__metadata__` of safetensors and of a shard index). */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * The section of a PyTorch file where the tensors were found, for example `state_dict`; empty for the top level
   * and for other formats.
   */
  readonly section: string;
  /** Other sections of a PyTorch file with tensors, such as averaged weights under `ema`; see the option `section`. */
  readonly otherSections: readonly string[];
  /** Other contents of a PyTorch file, for example `optimizer` and `epoch`, which are not among the tensors. */
  readonly leftOut: readonly string[];
  /** Keys in the order of the file. */
  names(): string[];
  has(name: string): boolean;
  /** @throws CheckpointError if there is no such tensor */
  get(name: string): StoredTensor;
  /** Closes the file; tensors can no longer be read. */
  close(): Promise<void>;
}

export interface CheckpointInit {
  readonly name: string;
  readonly format: CheckpointFormat;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly section?: string;
  readonly otherSections?: readonly string[];
  readonly leftOut?: readonly string[];
  readonly close: () => Promise<void>;
}

export function createCheckpoint(init: CheckpointInit): Checkpoint {
  const { name, format, tensors, close } = init;
  return {
    name,
    format,
    metadata: init.metadata ?? new Map(),
    section: init.section ?? "",
    otherSections: init.otherSections ?? [],
    leftOut: init.leftOut ?? [],
    names: () => [...tensors.keys()],
    has: (key) => tensors.has(key),
    get(key) {
      const tensor = tensors.get(key);
      if (tensor !== undefined) return tensor;
      const some = [...tensors.keys().take(5).map(showName)];
      throw new CheckpointError(
        `${name}: no tensor ${showName(key)}; it has ${showList(some, 5, tensors.size)}`,
      );
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Strips `prefix` from the keys that start with it.
 *
 * @param others what happens to the keys that do not: they are kept, or left out
 * @throws CheckpointError if no key starts with it, or two keys become the same
 */
export function stripPrefix(
  checkpoint: Checkpoint,
  prefix: string,
  others: "keep" | "omit" = "keep",
): Checkpoint {
  const tensors = new Map<string, StoredTensor>();
  const leftOut = [...checkpoint.leftOut];
  const keys = checkpoint.names();
  if (keys.length > 0 && !keys.some((key) => key.startsWith(prefix)))
    throw new CheckpointError(
      `${checkpoint.name}: no key starts with the prefix ${showName(prefix)}; they are ${showList(keys.slice(0, 3).map(showName), 3, keys.length)}`,
    );
  for (const key of keys) {
    if (others === "omit" && !key.startsWith(prefix)) {
      leftOut.push(key);
      continue;
    }
    const name = key.startsWith(prefix) ? key.slice(prefix.length) : key;
    if (tensors.has(name))
      throw new CheckpointError(
        `${checkpoint.name}: without the prefix ${showName(prefix)}, ${showName(name)} appears twice`,
      );
    tensors.set(name, checkpoint.get(key).rename(name));
  }
  return createCheckpoint({ ...checkpoint, tensors, leftOut });
}
