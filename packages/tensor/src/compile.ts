/** Compiled functions: traced once per structure and shape of the arguments, then one graph run per call. */

import { materialize, Plan } from "./graph/execute.ts";
import { Value } from "./graph/graph.ts";
import { canonicalize } from "./graph/lower.ts";
import { withPending } from "./graph/pending.ts";
import type { Stored } from "./graph/stored.ts";
import { currentScope, Trace, within } from "./graph/trace.ts";
import { Tensor } from "./tensor.ts";
import { flatten } from "./tree.ts";
import type { Variable } from "./variable.ts";

export interface CompileOptions {
  /**
   * For inference: puts the variables that the function only reads into the session as constants, so that ONNX
   * Runtime can pre-pack and fuse them. The session is rebuilt when one changes.
   */
  readonly freeze?: boolean;
  /**
   * With `freeze`, on the CPU: products with the weights of linear layers ({@link linear}) are of 8-bit integers.
   * Weights are rounded per output when the session is made, inputs as a whole in every run ("dynamic
   * quantization"). Default false.
   */
  readonly int8?: boolean;
  /** A name for error messages. Default: that of the function. */
  readonly name?: string;
}

/** A traced function and everything its graph needs. */
export interface Traced {
  /** For error messages. */
  readonly name: string;
  readonly plan: Plan;
  /** The source of each leaf: an argument (by index), a variable, or a captured tensor. */
  readonly sources: ReadonlyMap<string, number | Variable | Value>;
  /** Frozen variables and their versions when frozen. */
  readonly frozen: ReadonlyMap<Variable, number>;
  readonly written: readonly Variable[];
  /** How many results the function returns; the remaining ones are the new values of `written`. */
  readonly resultCount: number;
  readonly rebuild: (leaves: readonly Tensor[]) => unknown;
  readonly guards: readonly { read: () => unknown; value: unknown }[];
}

export interface Compiled<A extends readonly unknown[], R> {
  (...args: A): R;
  /** The trace for these arguments, created if needed. For export and inspection. */
  trace(...args: A): Traced;
  /** Loads the session for arguments of these shapes on another thread; otherwise the first call does. */
  prepare(...args: A): Promise<void>;
  /** Frees all sessions. */
  release(): void;
}

/** The number of structures and shapes a function keeps sessions for. */
const MOST_TRACES = 64;

/**
 * Compiles a function of tensors into one ONNX graph per structure and shape of its arguments.
 *
 * Variables it reads (parameters, buffers, optimizer state) become inputs, and variables it assigns become
 * outputs of the same graph. A call returns immediately; its results are pending tensors. Everything that is
 * not a tensor is a constant of the trace: the function is retraced if such an argument, or a module's
 * training mode, differs. Inside another compiled function it is inlined.
 *
 * @example
 * const double = compile((x: Tensor) => x.mul(2));
 * await double(tensor([1, 2])).tolist(); // [2, 4]
 */
export function compile<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: CompileOptions = {},
): Compiled<A, R> {
  const traces = new Map<string, Traced[]>();
  let count = 0;

  const lookUp = (args: A): { traced: Traced; leaves: readonly Tensor[] } => {
    const { leaves, key, rebuild } = flatten(args);
    const signature = `${key}|${leaves.map((leaf) => `${leaf.dtype}[${leaf.shape.join()}]`).join(";")}`;
    const candidates = traces.get(signature) ?? [];
    const fits = candidates.findIndex((entry) => entry.guards.every(({ read, value }) => read() === value));
    let traced = candidates[fits];
    if (traced && [...traced.frozen].some(([variable, version]) => variable.version !== version)) {
      traced.plan.release();
      candidates.splice(fits, 1);
      count--;
      traced = undefined;
    }
    if (!traced) {
      if (count >= MOST_TRACES) {
        for (const entry of [...traces.values()].flat()) entry.plan.release();
        traces.clear();
        count = 0;
      }
      traced = trace(fn, leaves, rebuild, options);
      traces.set(signature, [...(traces.get(signature) ?? []), traced]);
      count++;
    }
    return { traced, leaves };
  };

  const compiled = (...args: A): R => {
    if (currentScope()) return fn(...args);
    const { traced, leaves } = lookUp(args);
    return call(traced, leaves) as R;
  };
  return Object.assign(compiled, {
    trace: (...args: A) => lookUp(args).traced,
    prepare: async (...args: A) => {
      const { traced } = lookUp(args);
      materialize(captured(traced));
      await traced.plan.prepare(feedsOf(traced, []));
    },
    release: () => {
      for (const entry of [...traces.values()].flat()) entry.plan.release();
      traces.clear();
      count = 0;
    },
  });
}

function trace<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  leaves: readonly Tensor[],
  rebuildArgs: (leaves: readonly Tensor[]) => unknown,
  options: CompileOptions,
): Traced {
  const scope = new Trace({
    inference: options.freeze ?? false,
    int8: (options.freeze && options.int8) ?? false,
  });
  const placeholders = leaves.map((leaf, i) => {
    const value = new Value(leaf);
    value.label = `argument ${i}`;
    return value;
  });
  const result = within(scope, () =>
    fn(...(rebuildArgs(placeholders.map((value) => new Tensor(value))) as A)),
  );
  const name = options.name ?? (fn.name || "a compiled function");
  if (result instanceof Promise) {
    // Its rejection would only be a consequence of the same mistake.
    result.catch(() => {});
    throw new Error(`${name} is async: building a graph is synchronous; read results outside the function`);
  }
  const flat = flatten(result);
  const written = [...scope.writes.keys()];
  const outputs = within(scope, () => [
    ...flat.leaves.map((leaf) => leaf.value),
    ...written.map((variable) => scope.writes.get(variable) as Value),
  ]);
  try {
    computeCaptured(outputs, scope);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }

  const sourceOf = new Map<Value, number | Variable | Value>();
  placeholders.forEach((value, i) => sourceOf.set(value, i));
  for (const [variable, value] of scope.reads) sourceOf.set(value, variable);
  const graph = canonicalize(outputs);
  const sources = new Map<string, number | Variable | Value>();
  const frozen = new Map<Variable, number>();
  for (const [leafName, leaf] of graph.leaves) {
    const source = sourceOf.get(leaf) ?? leaf;
    if (source instanceof Value && !source.stored)
      throw new Error(`${name}: ${source.describe()} is an input of another function being compiled`);
    sources.set(leafName, source);
    if (
      options.freeze &&
      typeof source === "object" &&
      !(source instanceof Value) &&
      !scope.writes.has(source)
    )
      frozen.set(source, source.version);
  }
  const isFrozen = (leaf: Value): boolean => {
    const source = sourceOf.get(leaf) ?? leaf;
    return typeof source === "object" && (source instanceof Value || frozen.has(source));
  };
  return {
    name,
    plan: new Plan(graph, options.freeze ? isFrozen : undefined, scope.int8),
    sources,
    frozen,
    written,
    resultCount: flat.leaves.length,
    rebuild: flat.rebuild,
    guards: scope.guards,
  };
}

/** Computes uncomputed tensors from outside the function once, instead of in every call. */
function computeCaptured(outputs: readonly Value[], scope: Trace): void {
  const outside = new Set<Value>();
  const seen = new Set<Value>();
  const stack = [...outputs];
  while (stack.length > 0) {
    const value = stack.pop() as Value;
    if (seen.has(value) || value.stored || !value.node) continue;
    seen.add(value);
    if (value.id < scope.mark) {
      if (value.node.operator.name !== "constant") outside.add(value);
    } else stack.push(...value.node.inputs);
  }
  materialize([...outside]);
}

/** The current values of the variables and tensors that the function captures. */
function captured({ sources }: Traced): Value[] {
  const held = [...sources.values()].filter((source) => typeof source === "object");
  return held.map((source) => (source instanceof Value ? source : source.peekValue()));
}

/** The arrays of captured values and given arguments, by name of the leaf. */
function feedsOf(traced: Traced, given: readonly Value[]): Map<string, Stored> {
  const feeds = new Map<string, Stored>();
  for (const [name, source] of traced.sources) {
    if (typeof source === "number") {
      const stored = given[source]?.stored;
      if (stored) feeds.set(name, stored);
      continue;
    }
    const stored = (source instanceof Value ? source : source.peekValue()).stored as Stored;
    if (!(source instanceof Value) && traced.frozen.has(source)) stored.shared = true;
    feeds.set(name, stored);
  }
  return feeds;
}

/** Starts a run and gives the written variables their new values. */
function call(traced: Traced, args: readonly Tensor[]): unknown {
  const given = args.map((arg) => arg.value);
  if (captured(traced).every((value) => value.stored)) materialize(given);
  else {
    withPending(given, materialize);
    materialize(captured(traced));
  }
  const feeds = feedsOf(traced, given);
  const spare = [
    ...new Array<undefined>(traced.resultCount).fill(undefined),
    ...traced.written.map((variable) => variable.takeSpare()),
  ];
  const before = traced.written.map((variable) => variable.peekValue());
  const results = traced.plan.run(feeds, spare, (error, failed) => {
    traced.written.forEach((variable, i) =>
      variable.revert(failed[traced.resultCount + i] as Stored, before[i] as Value),
    );
    if (before.length > 0) warnOfFailure(traced.name, error);
  });
  traced.written.forEach((variable, i) => variable.adopt(results[traced.resultCount + i] as Stored));
  return traced.rebuild(
    results.slice(0, traced.resultCount).map((stored) => {
      stored.shared = true;
      return new Tensor(Value.leaf(stored));
    }),
  );
}

const warnedOf = new WeakSet<Error>();

/** Reports a failed step, as its results may never be read. Steps queued behind it fail with the same error. */
function warnOfFailure(name: string, error: Error): void {
  if (warnedOf.has(error)) return;
  warnedOf.add(error);
  console.warn(`tessera: ${name} failed and its variables keep their values: ${error.message}`);
}
