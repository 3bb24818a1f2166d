/** Matching the keys of a model with those of a checkpoint. */
import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointError, showList, showName, showShape } from "./error.ts";
import type { StoredTensor } from "./stored.ts";

export interface MatchKeysOptions {
  /** Throw on any mismatch (default), or only report it. */
  readonly strict?: boolean;
  /** Maps a checkpoint key to the model's name; `undefined` skips the key. */
  readonly rename?: (key: string) => string | undefined;
  /** Keys that may be missing or unexpected, such as `num_batches_tracked`, by the model's name. */
  readonly optional?: (key: string) => boolean;
}

export interface MisshapenKey {
  readonly name: string;
  readonly expected: readonly number[];
  readonly actual: readonly number[];
}

export interface KeyReport {
  /** Tensors of the expected shape, by the model's name. */
  readonly matched: ReadonlyMap<string, StoredTensor>;
  readonly missing: readonly string[];
  /** By the checkpoint's name. */
  readonly unexpected: readonly string[];
  readonly misshapen: readonly MisshapenKey[];
  /** All mismatches in one line; empty if there are none. */
  readonly summary: string;
}

const LISTED = 5;

/**
 * Matches the parameters and buffers of a model (name to shape) with a checkpoint.
 *
 * @throws CheckpointError in strict mode on any mismatch, with the number of mismatches and the first few listed;
 *   in either mode if `rename` gives two keys the same name
 */
export function matchKeys(
  expected: ReadonlyMap<string, readonly number[]>,
  checkpoint: Checkpoint,
  options: MatchKeysOptions = {},
): KeyReport {
  const { strict = true, rename = (key: string) => key, optional = () => false } = options;
  const matched = new Map<string, StoredTensor>();
  const unexpected: string[] = [];
  const misshapen: MisshapenKey[] = [];
  const seen = new Map<string, string>();
  for (const key of checkpoint.names()) {
    const name = rename(key);
    if (name === undefined) continue;
    const other = seen.get(name);
    if (other !== undefined)
      throw new CheckpointError(
        `cannot load ${checkpoint.name}: ${showName(other)} and ${showName(key)} are both renamed to ${showName(name)}`,
      );
    seen.set(name, key);
    const shape = expected.get(name);
    const tensor = checkpoint.get(key);
    if (shape === undefined) {
      if (!optional(name)) unexpected.push(key);
    } else if (sameShape(shape, tensor.shape)) matched.set(name, tensor);
    else misshapen.push({ name, expected: shape, actual: tensor.shape });
  }
  const missing = [...expected.keys()].filter((name) => !seen.has(name) && !optional(name));
  const summary = summarize(missing, unexpected, misshapen);
  if (strict && summary !== "") throw new CheckpointError(`cannot load ${checkpoint.name}: ${summary}`);
  return { matched, missing, unexpected, misshapen, summary };
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

function summarize(
  missing: readonly string[],
  unexpected: readonly string[],
  misshapen: readonly MisshapenKey[],
): string {
  const shapes = misshapen.map(
    ({ name, expected, actual }) =>
      `${showName(name)}: expected ${showShape(expected)}, got ${showShape(actual)}`,
  );
  const parts = [
    ["missing", missing.map(showName)],
    ["unexpected", unexpected.map(showName)],
    ["misshapen", shapes],
  ] as const;
  const text = parts
    .filter(([, items]) => items.length > 0)
    .map(([what, items]) => `${items.length} ${what} (${showList(items, LISTED)})`)
    .join("; ");
  const prefix = commonPrefix(missing, unexpected);
  return prefix === undefined
    ? text
    : `${text}. All unexpected keys start with ${prefix}: strip it with stripPrefix (--strip-prefix)`;
}

/** The prefix whose removal turns unexpected keys into missing ones, such as `module.` added by `DataParallel`. */
function commonPrefix(missing: readonly string[], unexpected: readonly string[]): string | undefined {
  const [wanted] = missing;
  const found = wanted === undefined ? undefined : unexpected.find((key) => key.endsWith(`.${wanted}`));
  const prefix = found?.slice(0, found.length - (wanted as string).length);
  return prefix !== undefined && unexpected.every((key) => key.startsWith(prefix))
    ? showName(prefix)
    : undefined;
}
