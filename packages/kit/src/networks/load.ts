/** Published checkpoints into networks, whoever named the parameters. */
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
  /** Options for building the network. Its number of classes, if not given, is that of the file's head. */
  readonly create?: O;
  /** An existing network of that name, loaded instead of a new one. */
  readonly module?: M;
}

export interface LoadedNetwork<M extends Module> {
  readonly module: M;
  /** Whose names the file uses: `torchvision`, `timm`, `hf`, …, or `own`. */
  readonly source: string;
  readonly report: KeyReport;
}

/**
 * Builds a network by name and loads a checkpoint into it. The file may use any naming that the registry knows for the
 * network, behind prefixes such as `module.`, `_orig_mod.` and `model.`, and have another number of classes than the
 * network's own.
 *
 * @param name ours (`vit_base_patch16_224`) or a source's (`torchvision/vit_b_16`)
 * @throws CheckpointError listing missing, unexpected and misshapen tensors, or naming the first tensor that holds NaN
 *   or infinity
 */
export async function loadNetwork<M extends Module, O extends object>(
  networks: Networks<Network<M, O>>,
  name: string,
  source: Checkpoint | CheckpointInput,
  options: LoadNetworkOptions<M, O> = {},
): Promise<LoadedNetwork<M>> {
  networks.find(name); // An unknown name fails before a file is opened.
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
      `${checkpoint.name}: ${name} fits under several prefixes: ${[fit.prefix, ...fit.copies].join(" and ")}; ` +
        "choose one (--strip-prefix)",
    );
  const found = fit.classes === undefined ? {} : { classes: fit.classes };
  const module = options.module ?? best.create({ ...found, ...options.create } as O);
  const { trainingOnly } = network;
  const has = [...module.stateDict().keys()].some((path) => trainingOnly?.test(path));
  const report = await module.load(translated(index.select(fit), module, best.naming), {
    finite: true,
    // A network built without its training heads leaves them in the file.
    optional: (path) => !has && trainingOnly?.test(path) === true,
  });
  return { module, source: best.source, report };
}

interface Candidate<M extends Module, O extends object> {
  readonly source: string;
  readonly naming: Naming;
  readonly create: (options?: O) => M;
}

/** The naming under which a checkpoint has most of a network. */
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
  // Among equals the first wins: our own names before a source that uses the same.
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

/** Classes that the head of a checkpoint has, if they are not as many as the network's. */
export function classesInFile(networks: Networks, name: string, checkpoint: Checkpoint): number | undefined {
  return fitNetwork(networks, name, checkpoint).fit.classes;
}

/** How well a checkpoint fits a network, under the names of the source that has most of them. */
export interface NetworkFit extends KeyFit {
  readonly network: string;
  /** Whose names the keys are: `own`, `torchvision`, `timm`, `hf`, … */
  readonly source: string;
}

/** The networks of which a checkpoint has at least half, best first; one fit per network. */
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

/** 1 if the two have all keys in common, 0 if none. */
function share({ matched, missing, unexpected }: KeyFit): number {
  return matched / Math.max(1, matched + missing + unexpected);
}

/** The same checkpoint under our paths and in our shapes; keys that no path has keep their names. */
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
