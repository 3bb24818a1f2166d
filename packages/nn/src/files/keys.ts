/** Comparing what a model needs with what a checkpoint has. */
import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointError, showList, showName, showShape } from "./error.ts";
import type { StoredTensor } from "./stored.ts";

export interface MatchKeysOptions {
  /** Refuse any difference (the default), or only report it. */
  readonly strict?: boolean;
  /** The model's name for a checkpoint key; `undefined` leaves the key out on purpose. */
  readonly rename?: (key: string) => string | undefined;
  /** Keys that may be missing or unexpected, such as `num_batches_tracked`. Names are the model's. */
  readonly optional?: (key: string) => boolean;
}

export interface MisshapenKey {
  readonly name: string;
  readonly expected: readonly number[];
  readonly actual: readonly number[];
}

export interface KeyReport {
  /** By the model's name; of the expected shape. */
  readonly matched: ReadonlyMap<string, StoredTensor>;
  readonly missing: readonly string[];
  /** As the checkpoint calls them. */
  readonly unexpected: readonly string[];
  readonly misshapen: readonly MisshapenKey[];
  /** What is wrong, in one line; empty where nothing is. */
  readonly summary: string;
}

const LISTED = 5;

/**
 * Matches the parameters and buffers of a model (name to shape) with a checkpoint.
 *
 * @throws CheckpointError in strict mode on any difference, with all of them counted and the first ones listed;
 *   in either mode when `rename` gives two keys the same name
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
    : `${text}. All unexpected keys begin with ${prefix}: pass stripPrefix: "${prefix}"`;
}

/** The prefix whose removal would make unexpected keys the missing ones, as `DataParallel` adds `module.`. */
function commonPrefix(missing: readonly string[], unexpected: readonly string[]): string | undefined {
  const [wanted] = missing;
  const found = wanted === undefined ? undefined : unexpected.find((key) => key.endsWith(`.${wanted}`));
  const prefix = found?.slice(0, found.length - (wanted as string).length);
  return prefix !== undefined && unexpected.every((key) => key.startsWith(prefix))
    ? showName(prefix)
    : undefined;
}
