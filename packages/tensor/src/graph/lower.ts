/** Lowers lazy values to an ONNX model: equal nodes merged, dead ones left out. */
import type { OutputSpec } from "../runtime/backend.ts";
import { sizeOf } from "../shape.ts";
import type { Bounds } from "./bounds.ts";
import { type Draft, Emitter, serialize } from "./emitter.ts";
import { type EmitContext, Node, type Operands, type Spec, topologicalOrder, Value } from "./graph.ts";
import { hwncPays } from "./layout.ts";
import type { Stored } from "./stored.ts";

/** A graph with equal nodes merged; equal values share a name. */
export interface Canonical {
  /** Names of the results, in the requested order. */
  readonly results: readonly string[];
  readonly resultSpecs: readonly Spec[];
  /** Leaves in the order of their first use, by name. */
  readonly leaves: ReadonlyMap<string, Value>;
  readonly steps: readonly Step[];
  /** Equal for graphs that compute the same. */
  readonly key: string;
}

interface Step {
  readonly node: Node;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface CanonicalOptions {
  /** Turns scalar constants into inputs, so that graphs that differ only in them share a session. */
  readonly liftScalars?: boolean;
}

const attributeKeys = new WeakMap<object, string>();

/** Attributes as text; JSON has no infinities, no NaN and no minus zero. */
function attributeKey(attrs: object): string {
  let key = attributeKeys.get(attrs);
  if (key === undefined) {
    key = JSON.stringify(attrs, (_, value: unknown) =>
      typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
        ? Object.is(value, -0)
          ? "-0"
          : String(value)
        : value,
    );
    attributeKeys.set(attrs, key);
  }
  return key;
}

/** Merges equal nodes and names everything. */
export function canonicalize(results: readonly Value[], options: CanonicalOptions = {}): Canonical {
  const names = new Map<Value, string>();
  const leaves = new Map<string, Value>();
  const storedNames = new Map<Stored, string>();
  const known = new Map<string, readonly string[]>();
  const steps: Step[] = [];
  const keys: string[] = [];

  const addLeaf = (value: Value): string => {
    const name = `input.${leaves.size}`;
    leaves.set(name, value);
    keys.push(`${value.dtype}[${value.shape.join()}]`);
    return name;
  };
  const nameOf = (value: Value): string => {
    let name = names.get(value);
    if (name === undefined) {
      // Nodes come in topological order, so only leaves are unnamed here.
      name = value.stored && storedNames.get(value.stored);
      if (name === undefined) {
        name = addLeaf(value);
        if (value.stored) storedNames.set(value.stored, name);
      }
      names.set(value, name);
    }
    return name;
  };

  for (const node of topologicalOrder(results)) {
    const { operator, attrs } = node;
    if (options.liftScalars && operator.name === "constant" && node.outputs[0]?.shape.length === 0) {
      names.set(node.outputs[0] as Value, addLeaf(node.outputs[0] as Value));
      continue;
    }
    if (operator.alias) {
      names.set(node.outputs[0] as Value, nameOf(node.inputs[0] as Value));
      continue;
    }
    const inputs = node.inputs.map(nameOf);
    const key = `${operator.name}(${inputs.join()})${attributeKey(attrs)}`;
    let outputs = known.get(key);
    if (!outputs) {
      const step = steps.length;
      const base = `${operator.name}.${step}`;
      outputs = node.outputs.map((_, i) => (i === 0 ? base : `${base}:${i}`));
      known.set(key, outputs);
      steps.push({ node, inputs, outputs });
      keys.push(key);
    }
    node.outputs.forEach((output, i) => names.set(output, outputs[i] as string));
  }
  const resultNames = results.map(nameOf);
  return {
    results: resultNames,
    resultSpecs: results,
    leaves,
    steps,
    key: `${keys.join("\n")}\n->${resultNames.join()}`,
  };
}

/** The same graph without the tensors it was made from: a cached plan must not keep their arrays alive. */
export function detached(graph: Canonical): Canonical {
  const bare = (value: Spec): Value => new Value({ dtype: value.dtype, shape: value.shape });
  return {
    ...graph,
    resultSpecs: graph.resultSpecs.map(bare),
    leaves: new Map([...graph.leaves].map(([name, leaf]) => [name, bare(leaf)])),
    steps: graph.steps.map((step) => {
      const { operator, attrs, inputs, outputs } = step.node;
      return { ...step, node: new Node(operator, attrs, inputs.map(bare), outputs) };
    }),
  };
}

/** An index to be checked, before a run by the name of its leaf, after it by the output with its extremes. */
export interface Check {
  readonly of: string;
  readonly bounds: Bounds;
}

/** A serialised model and how to feed it. */
export interface Lowered {
  readonly model: Uint8Array;
  /** Names of the graph's inputs, each a leaf of the canonical graph. */
  readonly inputs: readonly string[];
  /** The results, and after them the extremes of indices computed in the graph. */
  readonly outputs: readonly OutputSpec[];
  readonly checksBefore: readonly Check[];
  readonly checksAfter: readonly Check[];
  /** Names of the leaves that became external initializers. */
  readonly frozen: readonly string[];
}

export interface LowerOptions {
  readonly device: string;
  /** Leaves to write as external initializers instead of inputs. */
  readonly freeze?: (leaf: Value) => boolean;
  readonly portable?: boolean;
  readonly int8Levels?: number;
  /** Names for the inputs, initializers and outputs of an exported file. */
  readonly inputName?: (leaf: Value) => string;
  readonly frozenName?: (leaf: Value) => string;
  readonly outputName?: (index: number) => string;
  /** Adds the initializer of a frozen leaf. Default: external, under its own name. */
  readonly addFrozen?: (emitter: Emitter, name: string, leaf: Value) => void;
}

/** Writes the ONNX model of a canonical graph. */
export function lower(graph: Canonical, options: LowerOptions): Lowered {
  const { draft, ...rest } = drafted(graph, options);
  return { ...rest, model: serialize(draft), inputs: [...draft.inputs.keys()] };
}

/** The same before it is serialised. */
export function drafted(
  graph: Canonical,
  options: LowerOptions,
): Omit<Lowered, "model" | "inputs"> & { readonly draft: Draft } {
  const emitter = new Emitter(options.device, options);
  const renamed = new Map<string, string>();
  const resolve = (name: string): string => renamed.get(name) ?? name;

  const inputs = new Map<string, Spec>();
  const frozen: string[] = [];
  for (const [name, leaf] of graph.leaves) {
    if (options.freeze?.(leaf)) {
      const initializer = options.frozenName?.(leaf) ?? name;
      if (initializer !== name) renamed.set(name, initializer);
      if (options.addFrozen) options.addFrozen(emitter, initializer, leaf);
      else emitter.externalInitializer(initializer, leaf);
      frozen.push(name);
    } else {
      const external = options.inputName?.(leaf) ?? name;
      if (external !== name) renamed.set(name, external);
      inputs.set(external, leaf);
    }
  }

  const hwnc =
    options.device === "cpu" && !options.portable && hwncPays(graph.steps.map((step) => step.node));
  const checksBefore: Check[] = [];
  const checksAfter: Check[] = [];
  const extremes = new Map<string, Spec>();
  /** Leaves by the names that their checks give them. */
  const checked = new Map<string, string>();
  const read = new Set([...graph.results, ...graph.steps.flatMap((step) => step.inputs)]);
  for (const step of graph.steps) {
    emitter.begin(step.outputs[0] as string);
    const names = step.inputs.map(resolve);
    const bounds = step.node.operator.bounds?.(step.node.attrs);
    if (bounds) {
      const [[input], [output, ends]] = [step.inputs, step.outputs] as [[string], [string, string]];
      const leaf = checked.get(input) ?? input;
      const given = graph.leaves.has(leaf);
      // A file for others checks nothing: they could not tell the extremes from a result.
      if (given || options.portable || sizeOf((step.node.inputs[0] as Value).shape) === 0) {
        renamed.set(output, resolve(input));
        checked.set(output, leaf);
        if (given) checksBefore.push({ of: leaf, bounds });
        continue;
      }
      checksAfter.push({ of: ends, bounds });
      extremes.set(ends, step.node.outputs[1] as Spec);
    }
    const context: EmitContext<typeof step.node.attrs> = {
      attrs: step.node.attrs,
      inputs: step.node.inputs as unknown as Operands<Spec>,
      outputs: step.node.outputs as unknown as Operands<Spec>,
      used: step.outputs.map((output) => read.has(output)),
    };
    const { operator } = step.node;
    const outputs = step.outputs as unknown as Operands<string>;
    // ONNX Runtime's kernels divide by extents, so an empty result never reaches them.
    const empty = step.node.outputs.filter((output, i) => context.used[i] && sizeOf(output.shape) === 0);
    if (empty.length > 0 && empty.length === context.used.filter(Boolean).length) {
      for (const { dtype, shape, index } of empty)
        emitter.node("Expand", [emitter.scalar(0, dtype), emitter.ints(shape)], [outputs[index] as string]);
      continue;
    }
    if (hwnc && operator.emitHwnc?.(emitter, names as unknown as Operands<string>, outputs, context))
      continue;
    const plain = names.map((name) => emitter.layout.plain(name));
    operator.emit(emitter, plain as unknown as Operands<string>, outputs, context);
  }

  // A result that is an input, a constant or a duplicate needs a name of its own.
  const outputs = new Map<string, Spec>();
  emitter.begin("result");
  graph.results.forEach((result, i) => {
    const source = emitter.layout.plain(resolve(result));
    const wanted = options.outputName?.(i);
    const spec = graph.resultSpecs[i] as Spec;
    let name = source;
    if (
      wanted !== undefined ||
      outputs.has(source) ||
      inputs.has(source) ||
      graph.leaves.has(source) ||
      source !== result
    ) {
      name = wanted ?? `result.${i}`;
      emitter.node("Identity", [source], [name]);
    }
    outputs.set(name, { dtype: spec.dtype, shape: spec.shape });
  });
  for (const [name, spec] of extremes) outputs.set(name, spec);
  return {
    draft: emitter.draft(inputs, outputs),
    outputs: [...outputs].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    checksBefore,
    checksAfter,
    frozen,
  };
}
