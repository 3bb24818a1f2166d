/** Running graphs: backend selection, cached sessions, and pending results. */
import { openBackend } from "#runtime";
import { fromNumbers } from "../dtype.ts";
import type { Backend, BackendOptions, DeviceArray, Executable } from "../runtime/backend.ts";
import { int8Levels } from "../runtime/int8-levels.ts";
import { checkBounds, extremesOf } from "./bounds.ts";
import type { Node, Value } from "./graph.ts";
import { type Canonical, canonicalize, detached, type Lowered, lower } from "./lower.ts";
import { Stored } from "./stored.ts";

let backendOptions: BackendOptions = {};
let opened: Promise<Backend> | undefined;

/**
 * Selects the backend for all later runs, e.g. `{ device: "webgpu" }` or `{ threads: 1 }`. Existing arrays
 * move on their next use. The backend opens at the first run, which rejects if something is missing.
 */
export function configure(options: BackendOptions): void {
  backendOptions = options;
  opened = undefined;
  for (const plan of eagerPlans.values()) plan.release();
  eagerPlans.clear();
}

/** The current backend, opened at the first call. */
export function backend(): Promise<Backend> {
  return (opened ??= openBackend(backendOptions));
}

/** Runs in flight; grows without bound in a loop that never awaits. */
let inFlight = 0;
let warnedQueue = false;
const MANY_RUNS = 512;

/** A canonical graph and its session, which is loaded at the first run. */
export class Plan {
  readonly graph: Canonical;
  private readonly freeze: ((leaf: Value) => boolean) | undefined;
  private readonly int8: boolean;
  private loaded: Promise<{ backend: Backend; executable: Executable; lowered: Lowered }> | undefined;
  private loadedFor: Promise<Backend> | undefined;
  private readonly running = new Set<Promise<unknown>>();

  constructor(graph: Canonical, freeze?: (leaf: Value) => boolean, int8 = false) {
    this.graph = graph;
    this.freeze = freeze;
    this.int8 = int8;
  }

  /** Loads the session without running it; `feeds` holds the arrays of the frozen leaves. */
  async prepare(feeds: ReadonlyMap<string, Stored>): Promise<void> {
    if (this.graph.results.length > 0) await this.load(feeds);
  }

  /**
   * Starts a run. `feeds` holds the array of each leaf by name; `spare[i]` may be overwritten with result i
   * once it has no readers. If the run fails, `failed` is called first.
   */
  run(
    feeds: ReadonlyMap<string, Stored>,
    spare: readonly (Stored | undefined)[] = [],
    failed?: (error: Error, results: readonly Stored[]) => void,
  ): Stored[] {
    // ONNX has no graphs without outputs, so `prepare` loads none either.
    if (this.graph.results.length === 0) return [];
    inFlight++;
    if (inFlight > MANY_RUNS && !warnedQueue) {
      warnedQueue = true;
      console.warn(
        `tessera: ${inFlight} runs are queued without being awaited; await a result inside the loop.`,
      );
    }
    for (const feed of feeds.values()) feed.readers++;
    const pending = this.start(feeds, spare).finally(() => {
      inFlight--;
      this.running.delete(pending);
      for (const feed of feeds.values()) feed.readers--;
    });
    this.running.add(pending);
    const results = this.graph.resultSpecs.map((spec, i) =>
      Stored.fromRun(
        pending.then(({ arrays, on }) => ({ array: arrays[i] as DeviceArray, backend: on })),
        spec.dtype,
        spec.shape,
      ),
    );
    if (failed) pending.catch((error: Error) => failed(error, results));
    return results;
  }

  private async start(
    feeds: ReadonlyMap<string, Stored>,
    spare: readonly (Stored | undefined)[],
  ): Promise<{ arrays: DeviceArray[]; on: Backend }> {
    const { backend: on, executable, lowered } = await this.load(feeds);
    for (const { of, bounds } of lowered.checksBefore)
      checkBounds(bounds, await (feeds.get(of) as Stored).extremes(bounds.ignore));
    const inputs = await Promise.all(lowered.inputs.map((name) => (feeds.get(name) as Stored).on(on)));
    const recycle = lowered.outputs.map(({ dtype, shape }, i) => spare[i]?.takeForReuse(on, dtype, shape));
    const arrays = await executable.run(inputs, recycle);
    for (const { of, bounds } of lowered.checksAfter) {
      const array = arrays[lowered.outputs.findIndex(({ name }) => name === of)] as DeviceArray;
      checkBounds(bounds, extremesOf(await array.read()));
      array.release();
    }
    return { arrays, on };
  }

  private load(feeds: ReadonlyMap<string, Stored>): NonNullable<typeof this.loaded> {
    const wanted = backend();
    if (!this.loaded || this.loadedFor !== wanted) {
      this.release();
      this.loadedFor = wanted;
      const loaded = this.open(wanted, feeds);
      this.loaded = loaded;
      // Every run waiting for this load rejects; the next run retries.
      loaded.catch(() => {
        if (this.loaded === loaded) this.loaded = undefined;
      });
    }
    return this.loaded;
  }

  private async open(wanted: Promise<Backend>, feeds: ReadonlyMap<string, Stored>) {
    const on = await wanted;
    const int8 = this.int8 && on.device !== "webgpu";
    const lowered = lower(this.graph, {
      device: on.device,
      ...(int8 ? { int8Levels: await int8Levels(on) } : {}),
      ...(this.freeze ? { freeze: this.freeze } : {}),
    });
    const weights = new Map<string, DeviceArray>();
    for (const name of lowered.frozen) weights.set(name, await (feeds.get(name) as Stored).on(on));
    const executable = await on.load(lowered.model, {
      inputs: lowered.inputs,
      outputs: lowered.outputs,
      weights,
    });
    return { backend: on, executable, lowered };
  }

  /** Frees the session once all started runs have finished; a later run loads a new one. */
  release(): void {
    const { loaded } = this;
    this.loaded = undefined;
    if (loaded)
      Promise.allSettled([...this.running])
        .then(() => loaded)
        .then(({ executable }) => executable.release())
        .catch(() => {});
  }
}

/** Sessions of graphs evaluated without `compile`, least recently used first. */
const eagerPlans = new Map<string, Plan>();
const MOST_EAGER_PLANS = 256;

/** Starts computing the uncomputed values; each then holds its pending array. */
export function materialize(values: readonly Value[]): void {
  const wanted = [...new Set(values)].filter((value) => !value.stored);
  if (wanted.length === 0) return;
  const graph = canonicalize(wanted, { liftScalars: true });
  let plan = eagerPlans.get(graph.key);
  if (plan) eagerPlans.delete(graph.key);
  else plan = new Plan(detached(graph));
  eagerPlans.set(graph.key, plan);
  if (eagerPlans.size > MOST_EAGER_PLANS) {
    const [oldest, stale] = eagerPlans.entries().next().value as [string, Plan];
    eagerPlans.delete(oldest);
    stale.release();
  }
  const feeds = new Map<string, Stored>();
  for (const [name, leaf] of graph.leaves) feeds.set(name, feedOf(leaf));
  const before = wanted.map(({ node, depth }) => ({ node, depth }));
  const results = plan.run(feeds, [], () => {
    // Only one of the values may have caused the failure, so all become uncomputed again: a parameter
    // initialised or updated in the same graph must not be lost.
    wanted.forEach((value, i) => {
      if (value.stored === results[i]) Object.assign(value, before[i], { stored: undefined });
    });
  });
  wanted.forEach((value, i) => {
    const stored = results[i] as Stored;
    stored.shared = true;
    value.stored = stored;
    value.node = undefined;
    value.depth = 0;
  });
}

/** The array of a leaf; a lifted scalar constant is wrapped in one. */
function feedOf(leaf: Value): Stored {
  if (leaf.stored) return leaf.stored;
  const node = leaf.node as Node | undefined;
  if (!node)
    throw new Error(
      `${leaf.describe()} is an input of a function being compiled and has no value outside it`,
    );
  return Stored.fromHost(fromNumbers(leaf.dtype, [node.attrs.value as number]), leaf.dtype, leaf.shape);
}
