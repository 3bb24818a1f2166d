/** Which networks of the registry a checkpoint fits, by its keys and shapes. */
import type { Checkpoint } from "@tessera-ml/nn";
import { listModels, type ModelEntry, type Naming, sourceShape } from "@tessera-ml/vision";

/** How well a checkpoint fits one network under one source's names. */
export interface Guess {
  readonly network: string;
  /** Whose names the keys are: `own`, `torchvision`, `timm`, `hf`, … */
  readonly source: string;
  /** Keys of the network that the file has, in the right shape. */
  readonly matched: number;
  readonly missing: number;
  /** Keys of the file that the network does not have. */
  readonly unexpected: number;
  /** Nothing is missing, and nothing left over but counters and training heads. */
  readonly exact: boolean;
}

/** Counters that no inference reads, and heads that GoogLeNet has for training only. */
const IDLE = /(^|\.)num_batches_tracked$|^aux[12]\./;

/** The networks that share at least half of their keys with the file, the best first; one guess a network. */
export function guessNetworks(checkpoint: Checkpoint): Guess[] {
  const shapes = shapesOf(checkpoint);
  const guesses = listModels()
    .map((entry) => best(entry, shapes))
    .filter((guess) => guess !== undefined);
  return guesses.toSorted((a, b) => score(b) - score(a));
}

/** The file's shapes by key, without the `module.` that `DataParallel` writes before all of them. */
function shapesOf(checkpoint: Checkpoint): Map<string, string> {
  const names = checkpoint.names();
  const prefix = names.length > 0 && names.every((name) => name.startsWith("module.")) ? "module.".length : 0;
  return new Map(names.map((name) => [name.slice(prefix), checkpoint.get(name).shape.join()]));
}

function best(entry: ModelEntry, shapes: ReadonlyMap<string, string>): Guess | undefined {
  const state = entry.create().stateDict();
  const guesses = [compare(entry.name, "own", { keyOf: (path) => path }, state, shapes)];
  for (const [source, naming] of Object.entries(entry.sources)) {
    const theirs = naming.create ? naming.create().stateDict() : state;
    guesses.push(compare(entry.name, source, naming, theirs, shapes));
  }
  const [first] = guesses.toSorted((a, b) => score(b) - score(a));
  return first && first.matched > 0 && first.matched >= first.missing ? first : undefined;
}

function compare(
  network: string,
  source: string,
  naming: Naming,
  state: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  shapes: ReadonlyMap<string, string>,
): Guess {
  const used = new Set<string>();
  let [matched, missing] = [0, 0];
  for (const [path, { shape }] of state) {
    if (IDLE.test(path)) continue;
    const key = naming.keyOf(path);
    const parts = naming.partsOf?.(key) ?? [key];
    const expected = sourceShape(naming, key, shape).join();
    // Parts are joined along the first axis: their own shapes are not asked for.
    const fits = parts.every(
      (part) => shapes.has(part) && (parts.length > 1 || shapes.get(part) === expected),
    );
    if (fits) matched++;
    else missing++;
    for (const part of parts) if (fits) used.add(part);
  }
  const unexpected = [...shapes.keys()].filter((key) => !used.has(key) && !IDLE.test(key)).length;
  return { network, source, matched, missing, unexpected, exact: missing === 0 && unexpected === 0 };
}

/** 1 where the two have all keys in common, 0 where none. */
function score({ matched, missing, unexpected }: Guess): number {
  return matched / Math.max(1, matched + missing + unexpected);
}
