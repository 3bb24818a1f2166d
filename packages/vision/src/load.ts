/** Published checkpoints into networks, whoever named the parameters. */

import {
  type Checkpoint,
  type CheckpointInput,
  type KeyReport,
  type OpenCheckpointOptions,
  openCheckpoint,
  StoredTensor,
} from "@tessera-ml/nn";
import type { Classifier } from "./classifier.ts";
import { type CreateOptions, findModel } from "./registry.ts";
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
 * Makes a network by name and gives it the parameters of a checkpoint. The file may have any of the
 * namings that the registry knows for the network, and `module.` before all of its keys.
 *
 * @param name ours (`vit_base_patch16_224`) or a source's (`torchvision/vit_b_16`)
 * @throws CheckpointError naming what is missing, unexpected or of another shape
 */
export async function loadClassifier(
  name: string,
  source: Checkpoint | CheckpointInput,
  options: LoadClassifierOptions = {},
): Promise<LoadedClassifier> {
  findModel(name); // An unknown name is said before a file is opened.
  if (typeof source === "object" && "names" in source) return await load(name, source, options);
  await using checkpoint = await openCheckpoint(source, options);
  return await load(name, checkpoint, options);
}

async function load(
  name: string,
  checkpoint: Checkpoint,
  options: LoadClassifierOptions,
): Promise<LoadedClassifier> {
  const found = findModel(name);
  const keys = withoutPrefix(checkpoint);
  const classes = options.classes === undefined ? {} : { classes: options.classes };
  const own = options.model ?? found.create(classes);
  const candidates = [
    { source: "own", naming: { keyOf: same }, create: found.create },
    ...Object.entries(found.entry.sources).map(([source, published]) => ({
      source,
      naming: published,
      create: published.create ?? found.entry.create,
    })),
  ];
  const paths = [...own.stateDict().keys()].filter((path) => !path.endsWith("num_batches_tracked"));
  const share = (naming: Naming) =>
    paths.filter((path) => keysOf(naming, path).every((key) => keys.has(key)));
  // The first of equals: our own names before a source that has the same.
  const scores = candidates.map(({ naming }) => share(naming).length);
  const best = candidates[scores.indexOf(Math.max(...scores))] as (typeof candidates)[number];
  const model = options.model ?? (best.create === found.create ? own : best.create(classes));
  const state = model.stateDict();
  const heads = [...state.keys()].some((path) => path.startsWith("aux1."));
  const report = await model.load(translated(checkpoint, keys, model, best.naming), {
    // GoogLeNet's auxiliary heads are for training: a network without them leaves them in the file.
    optional: (path) => !heads && /^aux[12]\./.test(path),
  });
  return { model, source: best.source, report };
}

function keysOf({ keyOf, partsOf }: Naming, path: string): readonly string[] {
  const key = keyOf(path);
  return partsOf?.(key) ?? [key];
}

/** The file's keys, by what they are called without `module.` (`DataParallel` writes it before all). */
function withoutPrefix(checkpoint: Checkpoint): Map<string, string> {
  const names = checkpoint.names();
  const prefix = names.length > 0 && names.every((name) => name.startsWith("module.")) ? "module." : "";
  return new Map(names.map((name) => [name.slice(prefix.length), name]));
}

/** The same checkpoint under our paths and in our shapes; keys that no path has keep their names. */
function translated(
  checkpoint: Checkpoint,
  keys: ReadonlyMap<string, string>,
  model: Classifier,
  naming: Naming,
): Checkpoint {
  const tensors = new Map<string, StoredTensor>();
  const used = new Set<string>();
  for (const [path, { shape }] of model.stateDict()) {
    const parts = keysOf(naming, path);
    if (!parts.every((key) => keys.has(key))) continue;
    const stored = parts.map((key) => checkpoint.get(keys.get(key) as string));
    tensors.set(path, ours(path, stored, shape, sourceShape(naming, naming.keyOf(path), shape)));
    for (const key of parts) used.add(key);
  }
  for (const [key, name] of keys) if (!used.has(key)) tensors.set(key, checkpoint.get(name).rename(key));
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
