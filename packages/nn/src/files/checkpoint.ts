/** What every format opens as: named tensors that are read when asked for. */
import { CheckpointError, showList, showName } from "./error.ts";
import type { StoredTensor } from "./stored.ts";

export type CheckpointFormat = "safetensors" | "torch" | "pt2" | "npz" | "npy" | "sharded";

export interface Checkpoint extends AsyncDisposable {
  /** The path or address, for messages. */
  readonly name: string;
  readonly format: CheckpointFormat;
  /** What the file says of itself (`__metadata__` of safetensors and of a shard index). */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * Where in a PyTorch file the tensors were found, `state_dict` for example; empty for the top level and
   * for the other formats.
   */
  readonly section: string;
  /** Other places of a PyTorch file that the option `section` can name, such as averaged weights under `ema`. */
  readonly otherSections: readonly string[];
  /** What else a PyTorch file holds, for example `optimizer` and `epoch`: not among the tensors. */
  readonly leftOut: readonly string[];
  /** Keys in the order of the file. */
  names(): string[];
  has(name: string): boolean;
  /** @throws CheckpointError where there is no such tensor */
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

/** The same checkpoint with `prefix` taken off the keys that begin with it. @throws CheckpointError where two keys become one */
export function stripPrefix(checkpoint: Checkpoint, prefix: string): Checkpoint {
  const tensors = new Map<string, StoredTensor>();
  for (const key of checkpoint.names()) {
    const name = key.startsWith(prefix) ? key.slice(prefix.length) : key;
    if (tensors.has(name))
      throw new CheckpointError(
        `${checkpoint.name}: without the prefix ${showName(prefix)}, ${showName(name)} appears twice`,
      );
    tensors.set(name, checkpoint.get(key).rename(name));
  }
  return createCheckpoint({ ...checkpoint, tensors });
}
