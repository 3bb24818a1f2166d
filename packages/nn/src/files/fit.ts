/** Whether a checkpoint has what a network needs, whatever its training wrapped around the network. */
import { type Checkpoint, createCheckpoint } from "./checkpoint.ts";
import type { StoredTensor } from "./stored.ts";

/** One parameter of a network, by the name under which a file keeps it. */
export interface NeededTensor {
  /** Several where the file keeps it in parts, whose shapes are not compared. */
  readonly keys: readonly string[];
  readonly shape: readonly number[];
}

export interface KeyFitOptions {
  /** The network's number of classes: tensors may have another one in its place, all of them the same. */
  readonly classes?: number;
  /** Keys that the network may have or not, such as heads for training only. */
  readonly optional?: (key: string) => boolean;
}

export interface KeyFit {
  /** What stands before the keys: `model.` in files of Lightning. */
  readonly prefix: string;
  /** Prefixes of copies of the network, such as averaged or teacher weights; their keys are not unexpected. */
  readonly copies: readonly string[];
  /** Whether one of the copies fits as well, and nothing tells which is meant. */
  readonly ambiguous: boolean;
  /** Needed tensors that the file has by name, and those of them that have the right shape. */
  readonly named: number;
  readonly matched: number;
  /** Needed tensors that are absent or misshapen. */
  readonly missing: number;
  /** Keys of the file, at the place of the network, that it does not need. */
  readonly unexpected: number;
  /** The file's number of classes where it is another than the network's and nothing else differs. */
  readonly classes?: number;
  readonly exact: boolean;
}

/** What PyTorch's wrappers put into paths: compilation, data parallelism, sharding, activation checkpointing. */
const WRAPPER =
  /(^|\.)(?:(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\.)+/g;
/** Names that training frameworks give the network itself, after wrappers are taken off. */
const PLAIN_PREFIX = /^(model\.)*$/;
/** Of batch norms and of averaged models; no inference reads them. */
const COUNTER = /(^|\.)(num_batches_tracked|n_averaged)$/;
const MAX_NESTING = 8;
/** A copy may lack buffers. */
const LEAST_OF_COPY = 0.5;

function unwrapped(name: string): string {
  return name.replace(WRAPPER, "$1");
}

/** The keys of one checkpoint, for comparison with any number of networks. */
export class KeyIndex {
  readonly #checkpoint: Checkpoint;
  /** The file's names, by what they are without wrappers. */
  readonly #names: ReadonlyMap<string, string>;
  /** The prefixes with which each ending of a name occurs. */
  readonly #prefixes = new Map<string, string[]>();

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
    const names = checkpoint.names();
    const plain = new Map(names.map((name) => [unwrapped(name), name]));
    // Where two names become one, wrappers mean something.
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

  /** Finds the prefix under which the file has most of what is needed, and compares names and shapes. */
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

  /** The tensors of the network that `fit` found, by its names for them; what lies beside it is left out. */
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

  /** Names with the prefix, without counters and copies. */
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

/** Whether a shape has another number in the place of the classes, the first, and is the same otherwise. */
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
