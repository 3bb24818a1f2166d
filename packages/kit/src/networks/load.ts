/** Loads published checkpoints into networks, under any known parameter naming. */
import {
  type Checkpoint,
  CheckpointError,
  type CheckpointInput,
  type KeyFit,
  KeyIndex,
  type KeyReport,
  type Module,
  type OpenCheckpointOptions,
  openCheckpoint,
  StoredTensor,
} from "@tessera-ml/nn";
import { keysOf, type Naming, same, sourceShape } from "./naming.ts";
import type { Network, Networks } from "./networks.ts";

export interface LoadNetworkOptions<M extends Module, O extends object> extends OpenCheckpointOptions {
  /** Options for building the network. The number of classes defaults to that of the file's head. */
  readonly create?: O;
  /** An existing instance of the network to load into, instead of a new one. */
  readonly module?: M;
}

export interface LoadedNetwork<M extends Module> {
  readonly module: M;
  /** The naming the file uses: `torchvision`, `timm`, `hf`, …, or `own`. */
  readonly source: string;
  readonly report: KeyReport;
}

/**
 * Builds a network by name and loads a checkpoint into it. The file may use any naming the registry knows for the
 * network, with prefixes such as `module.`, `_orig_mod.` and `model.`, and its number of classes may differ from the
 * network's default.
 *
 * @param name one of our names (`vit_base_patch16_224`) or a source's (`torchvision/vit_b_16`)
 * @throws CheckpointError listing missing tensors, unexpected tensors and shape mismatches, or naming the first tensor
 *   with NaN or infinity
 */
export async function loadNetwork<M extends Module, O extends object>(
  networks: Networks<Network<M, O>>,
  name: string,
  source: Checkpoint | CheckpointInput,
  options: LoadNetworkOptions<M, O> = {},
): Promise<LoadedNetwork<M>> {
  networks.find(name); // Fail on an unknown name before opening the file.
  if (typeof source === "object" && "names" in source) return await load(networks, name, source, options);
  const checkpoint = await openCheckpoint(source, options);
  try {
    return await load(networks, name, checkpoint, options);
  } finally {
    await checkpoint.close();
  }
}

async function load<M extends Module, O extends object>(
  networks: Networks<Network<M, O>>,
  name: string,
  checkpoint: Checkpoint,
  options: LoadNetworkOptions<M, O>,
): Promise<LoadedNetwork<M>> {
  const { network, best, fit, index } = fitNetwork(networks, name, checkpoint, options.module);
  if (fit.ambiguous && fit.missing === 0)
    throw new CheckpointError(
      `${checkpoint.name}: ${name} matches under several prefixes: ${[fit.prefix, ...fit.copies].join(" and ")}; ` +
        "choose one (--strip-prefix)",
    );
  const found = fit.classes === undefined ? {} : { classes: fit.classes };
  const module = options.module ?? best.create({ ...found, ...options.create } as O);
  const { trainingOnly } = network;
  const has = [...module.stateDict().keys()].some((path) => trainingOnly?.test(path));
  const report = await module.load(translated(index.select(fit), module, best.naming), {
    finite: true,
    // If the network is built without its training heads, they stay in the file.
    optional: (path) => !has && trainingOnly?.test(path) === true,
  });
  return { module, source: best.source, report };
}

interface Candidate<M extends Module, O extends object> {
  readonly source: string;
  readonly naming: Naming;
  readonly create: (options?: O) => M;
}

/** The naming under which a checkpoint covers most of a network. */
function fitNetwork<M extends Module, O extends object>(
  networks: Networks<Network<M, O>>,
  name: string,
  checkpoint: Checkpoint,
  module?: M,
): { network: Network<M, O>; best: Candidate<M, O>; fit: KeyFit; index: KeyIndex } {
  const { network, create } = networks.find(name);
  const index = new KeyIndex(checkpoint);
  const state = (module ?? create()).stateDict();
  const fits = namingsOf(network, (options) => create(options)).map((best) => ({
    network,
    best,
    fit: index.fit(needed(network, best.naming, state), fitOptions(network)),
    index,
  }));
  // On a tie the first wins: our own names before a source with the same names.
  return fits.reduce((a, b) => (b.fit.named > a.fit.named ? b : a));
}

function fitOptions({ classes, trainingOnly }: Network) {
  return { classes, optional: (key: string) => trainingOnly?.test(key) === true };
}

function namingsOf<M extends Module, O extends object>(
  network: Network<M, O>,
  create = (options?: O) => network.create(options),
): Candidate<M, O>[] {
  return [
    { source: "own", naming: { keyOf: same }, create },
    ...Object.entries(network.sources).map(([source, published]) => ({
      source,
      naming: published,
      create: (options?: O) => published.create?.(options) ?? network.create(options),
    })),
  ];
}

function needed(
  { trainingOnly }: Network,
  naming: Naming,
  state: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): { keys: readonly string[]; shape: readonly number[] }[] {
  return [...state]
    .filter(([path]) => !path.endsWith("num_batches_tracked") && !trainingOnly?.test(path))
    .map(([path, { shape }]) => ({
      keys: keysOf(naming, path),
      shape: sourceShape(naming, naming.keyOf(path), shape),
    }));
}

/** Number of classes of a checkpoint's head, if it differs from the network's default. */
export function classesInFile(networks: Networks, name: string, checkpoint: Checkpoint): number | undefined {
  return fitNetwork(networks, name, checkpoint).fit.classes;
}

/** How well a checkpoint fits a network under the best-matching naming. */
export interface NetworkFit extends KeyFit {
  readonly network: string;
  /** The naming of the keys: `own`, `torchvision`, `timm`, `hf`, … */
  readonly source: string;
}

/** The networks a checkpoint covers by at least half, best first; one fit per network. */
export function fitNetworks(networks: Networks, checkpoint: Checkpoint): NetworkFit[] {
  const index = new KeyIndex(checkpoint);
  const fits = networks.list().map((network) => {
    const own = network.create().stateDict();
    return namingsOf(network)
      .map(({ source, naming, create }): NetworkFit => {
        const state = network.sources[source]?.create ? create().stateDict() : own;
        return {
          network: network.name,
          source,
          ...index.fit(needed(network, naming, state), fitOptions(network)),
        };
      })
      .reduce((a, b) => (share(b) > share(a) ? b : a));
  });
  return fits
    .filter(({ matched, missing }) => matched > 0 && matched >= missing)
    .toSorted((a, b) => share(b) - share(a) || (a.classes ?? 0) - (b.classes ?? 0));
}

/**
 * Those of the fits, best first, that are exact and equally good. Several networks with the same parameters use them
 * differently: the file alone does not tell which is meant.
 */
export function exactFits([best, ...others]: readonly NetworkFit[]): NetworkFit[] {
  if (!best?.exact) return [];
  // A network whose own head fits comes before one that would be built with another number of classes.
  return [best, ...others.filter((fit) => fit.exact && fit.classes === best.classes)];
}

/** From 0 (no keys in common) to 1 (all keys in common). */
function share({ matched, missing, unexpected }: KeyFit): number {
  return matched / Math.max(1, matched + missing + unexpected);
}

/** The checkpoint translated to our paths and shapes; keys without a matching path keep their names. */
function translated(checkpoint: Checkpoint, module: Module, naming: Naming): Checkpoint {
  const tensors = new Map<string, StoredTensor>();
  const used = new Set<string>();
  for (const [path, { shape }] of module.stateDict()) {
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

/** Joins parts along the first axis and reshapes from the source's shape to ours. */
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
  // Parts that cannot be joined keep their shape, so that the error message names it.
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
