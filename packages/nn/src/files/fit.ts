/** Finds out whether a checkpoint fits a network, regardless of wrappers added by the training code. */
import { type Checkpoint, createCheckpoint } from "./checkpoint.ts";
import type { StoredTensor } from "./stored.ts";

/** A parameter of a network, by its name in checkpoints. */
export interface NeededTensor {
  /** Several if checkpoints store it in parts, whose shapes are not compared. */
  readonly keys: readonly string[];
  readonly shape: readonly number[];
}

export interface KeyFitOptions {
  /** The network's number of classes; the checkpoint may have a different one, consistently in all tensors. */
  readonly classes?: number;
  /** Keys that may be present or absent, such as training-only heads. */
  readonly optional?: (key: string) => boolean;
}

export interface KeyFit {
  /** The prefix of all keys: `model.` in Lightning checkpoints. */
  readonly prefix: string;
  /** Prefixes of copies of the network, such as averaged or teacher weights; their keys are not unexpected. */
  readonly copies: readonly string[];
  /** Whether a copy fits equally well and there is no way to tell which is meant. */
  readonly ambiguous: boolean;
  /** Numbers of needed tensors that the file has by name, and of those with the right shape. */
  readonly named: number;
  readonly matched: number;
  /** Number of needed tensors that are absent or misshapen. */
  readonly missing: number;
  /** Number of keys under the prefix that the network does not need. */
  readonly unexpected: number;
  /** The file's number of classes, if it differs from the network's and nothing else does. */
  readonly classes?: number;
  readonly exact: boolean;
}

/** Path segments added by PyTorch wrappers: compilation, data parallelism, sharding, activation checkpointing. */
const WRAPPER =
  /(^|\.)(?:(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\.)+/g;
/** Names that training frameworks give the network itself, without wrappers. */
const PLAIN_PREFIX = /^(model\.)*$/;
/** Counters of batch norms and averaged models, which inference ignores. */
const COUNTER = /(^|\.)(num_batches_tracked|n_averaged)$/;
const MAX_NESTING = 8;
/** A copy may lack buffers. */
const LEAST_OF_COPY = 0.5;

function unwrapped(name: string): string {
  return name.replace(WRAPPER, "$1");
}

/** The keys of a checkpoint, indexed to compare them with many networks. */
export class KeyIndex {
  readonly #checkpoint: Checkpoint;
  /** The file's names, by their names without wrappers. */
  readonly #names: ReadonlyMap<string, string>;
  /** All prefixes of each name suffix. */
  readonly #prefixes = new Map<string, string[]>();

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
    const names = checkpoint.names();
    const plain = new Map(names.map((name) => [unwrapped(name), name]));
    // If two names become the same, the wrappers are significant.
    this.#names = plain.size === names.length ? plain : new Map(names.map((name) => [name, name]));
    for (const name of this.#names.keys()) {
      for (let at = 0, depth = 0; depth <= MAX_NESTING; depth++) {
        const ending = name.slice(at);
        const known = this.#prefixes.get(ending);
        if (known) known.push(name.slice(0, at));
        else this.#prefixes.set(ending, [name.slice(0, at)]);
        at = name.indexOf(".", at) + 1;
        if (at === 0) break;
      }
    }
  }

  /** Finds the prefix with the most needed tensors, and compares names and shapes. */
  fit(needed: Iterable<NeededTensor>, options: KeyFitOptions = {}): KeyFit {
    const { optional = () => false } = options;
    const wanted = [...needed].map(({ keys, shape }) => ({ keys: keys.map(unwrapped), shape }));
    const { prefix, copies, ambiguous } = this.#findPrefix(wanted);
    const used = new Set<string>();
    const classes = new Set<number>();
    let [named, matched, resized] = [0, 0, 0];
    for (const { keys, shape } of wanted) {
      const tensors = keys.map((key) => this.#get(prefix + key));
      if (!tensors.every((tensor) => tensor !== undefined)) continue;
      named++;
      for (const key of keys) used.add(prefix + key);
      const actual = keys.length > 1 ? shape : (tensors[0]?.shape ?? shape);
      if (actual.join() === shape.join()) matched++;
      else if (otherClasses(shape, actual, options.classes)) {
        resized++;
        classes.add(actual[0] as number);
      }
    }
    const fits = classes.size === 1 && named === matched + resized;
    const missing = wanted.length - matched - (fits ? resized : 0);
    const unexpected = this.#under(prefix, copies).filter(
      (name) => !used.has(name) && !optional(name.slice(prefix.length)),
    ).length;
    return {
      prefix,
      copies,
      ambiguous,
      named,
      matched: wanted.length - missing,
      missing,
      unexpected,
      ...(fits && { classes: classes.values().next().value as number }),
      exact: missing === 0 && unexpected === 0,
    };
  }

  /** The tensors of the network found by `fit`, by the network's names; all others are omitted. */
  select({ prefix, copies }: Pick<KeyFit, "prefix" | "copies">): Checkpoint {
    const tensors = new Map<string, StoredTensor>();
    const kept = new Set(this.#under(prefix, copies));
    for (const [name, original] of this.#names) {
      const key = name.slice(prefix.length);
      if (kept.has(name) || (name.startsWith(prefix) && key.endsWith("num_batches_tracked")))
        tensors.set(key, this.#checkpoint.get(original).rename(key));
    }
    const beside = [...this.#names].flatMap(([name, original]) =>
      name.startsWith(prefix) ? [] : [original],
    );
    return createCheckpoint({
      ...this.#checkpoint,
      tensors,
      leftOut: [...this.#checkpoint.leftOut, ...beside],
    });
  }

  #get(name: string): StoredTensor | undefined {
    const original = this.#names.get(name);
    return original === undefined ? undefined : this.#checkpoint.get(original);
  }

  /** Names with the prefix, except counters and copies. */
  #under(prefix: string, copies: readonly string[]): string[] {
    const isCopy = (name: string) =>
      copies.some((copy) => copy.length > prefix.length && copy.startsWith(prefix) && name.startsWith(copy));
    return [...this.#names.keys()].filter(
      (name) => name.startsWith(prefix) && !COUNTER.test(name) && !isCopy(name),
    );
  }

  #findPrefix(wanted: readonly NeededTensor[]): Pick<KeyFit, "prefix" | "copies" | "ambiguous"> {
    const counts = new Map<string, number>();
    for (const { keys } of wanted)
      for (const prefix of this.#prefixes.get(keys[0] ?? "") ?? [])
        counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    const most = Math.max(0, ...counts.values());
    const equals = [...counts].flatMap(([prefix, count]) => (count === most ? [prefix] : []));
    const plain = equals
      .filter((prefix) => PLAIN_PREFIX.test(prefix))
      .toSorted((a, b) => a.length - b.length)[0];
    const prefix = plain ?? equals[0] ?? "";
    const copies = [...counts].flatMap(([other, count]) =>
      other !== prefix && count >= LEAST_OF_COPY * most ? [other] : [],
    );
    return { prefix, copies, ambiguous: plain === undefined && equals.length > 1 };
  }
}

/** Whether a shape differs only in its first extent, the number of classes. */
function otherClasses(
  shape: readonly number[],
  actual: readonly number[],
  classes: number | undefined,
): boolean {
  return (
    classes !== undefined &&
    shape[0] === classes &&
    shape.length === actual.length &&
    shape.slice(1).join() === actual.slice(1).join()
  );
}
