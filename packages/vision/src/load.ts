/** Published checkpoints into networks, whoever named the parameters. */

import {
  type Checkpoint,
  CheckpointError,
  type CheckpointInput,
  type KeyFit,
  KeyIndex,
  type KeyReport,
  type OpenCheckpointOptions,
  openCheckpoint,
  StoredTensor,
} from "@tessera-ml/nn";
import type { Classifier } from "./classifier.ts";
import { type CreateOptions, findModel, listModels, type ModelEntry } from "./registry.ts";
import { type Naming, same, sourceShape } from "./weights.ts";

export interface LoadClassifierOptions extends CreateOptions, OpenCheckpointOptions {
  /** A network of that name that is already made: it is loaded instead of a new one. */
  readonly model?: Classifier;
}

export interface LoadedClassifier {
  readonly model: Classifier;
  /** Whose names the file has: `torchvision`, `timm`, `hf`, …, or `own`. */
  readonly source: string;
  readonly report: KeyReport;
}

/**
 * Makes a network by name and gives it the parameters of a checkpoint. The file may have any of the namings that the
 * registry knows for the network, behind prefixes such as `module.`, `_orig_mod.` and `model.`, and another number
 * of classes than the network's own.
 *
 * @param name ours (`vit_base_patch16_224`) or a source's (`torchvision/vit_b_16`)
 * @throws CheckpointError naming what is missing, unexpected or of another shape, or the first tensor that holds
 *   NaN or infinity
 */
export async function loadClassifier(
  name: string,
  source: Checkpoint | CheckpointInput,
  options: LoadClassifierOptions = {},
): Promise<LoadedClassifier> {
  findModel(name); // An unknown name is said before a file is opened.
  if (typeof source === "object" && "names" in source) return await load(name, source, options);
  const checkpoint = await openCheckpoint(source, options);
  try {
    return await load(name, checkpoint, options);
  } finally {
    await checkpoint.close();
  }
}

async function load(
  name: string,
  checkpoint: Checkpoint,
  options: LoadClassifierOptions,
): Promise<LoadedClassifier> {
  const { best, fit, index } = fitClassifier(name, checkpoint, options.model);
  if (fit.ambiguous && fit.missing === 0)
    throw new CheckpointError(
      `${checkpoint.name}: ${name} fits under several prefixes: ${[fit.prefix, ...fit.copies].join(" and ")}; ` +
        "choose one (--strip-prefix)",
    );
  const classes = options.classes ?? fit.classes;
  const model = options.model ?? best.create(classes === undefined ? {} : { classes });
  const heads = [...model.stateDict().keys()].some((path) => path.startsWith("aux1."));
  const report = await model.load(translated(index.select(fit), model, best.naming), {
    finite: true,
    // GoogLeNet's auxiliary heads are for training: a network without them leaves them in the file.
    optional: (path) => !heads && TRAINING_ONLY.test(path),
  });
  return { model, source: best.source, report };
}

const TRAINING_ONLY = /^aux[12]\./;

interface Candidate {
  readonly source: string;
  readonly naming: Naming;
  readonly create: (options?: CreateOptions) => Classifier;
}

/** The naming under which a checkpoint has most of a network. */
function fitClassifier(
  name: string,
  checkpoint: Checkpoint,
  model?: Classifier,
): { best: Candidate; fit: KeyFit; index: KeyIndex } {
  const { entry, create } = findModel(name);
  const index = new KeyIndex(checkpoint);
  const state = (model ?? create()).stateDict();
  const fits = namingsOf(entry, create).map((best) => ({
    best,
    fit: index.fit(needed(best.naming, state), {
      classes: entry.classes,
      optional: (key) => TRAINING_ONLY.test(key),
    }),
    index,
  }));
  // The first of equals: our own names before a source that has the same.
  return fits.reduce((a, b) => (b.fit.named > a.fit.named ? b : a));
}

function namingsOf(entry: ModelEntry, create = entry.create): [Candidate, ...Candidate[]] {
  return [
    { source: "own", naming: { keyOf: same }, create },
    ...Object.entries(entry.sources).map(([source, published]) => ({
      source,
      naming: published,
      create: published.create ?? entry.create,
    })),
  ];
}

function needed(
  naming: Naming,
  state: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): { keys: readonly string[]; shape: readonly number[] }[] {
  return [...state]
    .filter(([path]) => !path.endsWith("num_batches_tracked") && !TRAINING_ONLY.test(path))
    .map(([path, { shape }]) => ({
      keys: keysOf(naming, path),
      shape: sourceShape(naming, naming.keyOf(path), shape),
    }));
}

/** The number of classes of a checkpoint of the network called `name`: the network's, unless its head has another. */
export function countClasses(name: string, checkpoint: Checkpoint): number {
  return fitClassifier(name, checkpoint).fit.classes ?? findModel(name).entry.classes;
}

/** How well a checkpoint fits a network, under the names of the source that has most of them. */
export interface NetworkFit extends KeyFit {
  readonly network: string;
  /** Whose names the keys are: `own`, `torchvision`, `timm`, `hf`, … */
  readonly source: string;
}

/** The networks of the registry of which a checkpoint has at least half, the best first; one fit a network. */
export function fitNetworks(checkpoint: Checkpoint): NetworkFit[] {
  const index = new KeyIndex(checkpoint);
  const optional = (key: string) => TRAINING_ONLY.test(key);
  const fits = listModels().map((entry) => {
    const own = entry.create().stateDict();
    return namingsOf(entry)
      .map(({ source, naming, create }): NetworkFit => {
        const state = create === entry.create ? own : create().stateDict();
        const options = { classes: entry.classes, optional };
        return { network: entry.name, source, ...index.fit(needed(naming, state), options) };
      })
      .reduce((a, b) => (share(b) > share(a) ? b : a));
  });
  return fits
    .filter(({ matched, missing }) => matched > 0 && matched >= missing)
    .toSorted((a, b) => share(b) - share(a) || (a.classes ?? 0) - (b.classes ?? 0));
}

/** 1 where the two have all keys in common, 0 where none. */
function share({ matched, missing, unexpected }: KeyFit): number {
  return matched / Math.max(1, matched + missing + unexpected);
}

function keysOf({ keyOf, partsOf }: Naming, path: string): readonly string[] {
  const key = keyOf(path);
  return partsOf?.(key) ?? [key];
}

/** The same checkpoint under our paths and in our shapes; keys that no path has keep their names. */
function translated(checkpoint: Checkpoint, model: Classifier, naming: Naming): Checkpoint {
  const tensors = new Map<string, StoredTensor>();
  const used = new Set<string>();
  for (const [path, { shape }] of model.stateDict()) {
    const parts = keysOf(naming, path);
    if (!parts.every((key) => checkpoint.has(key))) continue;
    const stored = parts.map((key) => checkpoint.get(key));
    tensors.set(path, ours(path, stored, shape, sourceShape(naming, naming.keyOf(path), shape)));
    for (const key of parts) used.add(key);
  }
  for (const key of checkpoint.names()) if (!used.has(key)) tensors.set(key, checkpoint.get(key));
  return {
    ...checkpoint,
    names: () => [...tensors.keys()],
    has: (name) => tensors.has(name),
    get: (name) => tensors.get(name) ?? checkpoint.get(name),
  };
}

/** Parts joined along the first axis, in our shape where they have the source's. */
function ours(
  name: string,
  parts: readonly StoredTensor[],
  shape: readonly number[],
  theirs: readonly number[],
): StoredTensor {
  const first = parts[0] as StoredTensor;
  const alike = parts.every(
    (part) => part.dtype === first.dtype && part.shape.slice(1).join() === first.shape.slice(1).join(),
  );
  // Parts that do not fit each other keep their shape, which the message will then name.
  const whole = alike ? [...parts] : [first];
  const rows = whole.reduce((sum, part) => sum + (part.shape[0] ?? 1), 0);
  const joined = first.shape.length === 0 ? [] : [rows, ...first.shape.slice(1)];
  return new StoredTensor({
    name,
    dtype: first.dtype,
    shape: joined.join() === theirs.join() ? shape : joined,
    readBytes: async (offset, length) => {
      if (whole.length === 1) return await first.readBytes(offset, length);
      const bytes = await Promise.all(whole.map((part) => part.readBytes()));
      return new Uint8Array(await new Blob(bytes).arrayBuffer()).slice(offset, offset + length);
    },
  });
}
