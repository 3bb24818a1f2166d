/** Compiled functions as ONNX files that run elsewhere. */
import type { Compiled, Traced } from "./compile.ts";
import type { TypedArray } from "./dtype.ts";
import { materialize } from "./graph/execute.ts";
import { Value } from "./graph/graph.ts";
import { lower } from "./graph/lower.ts";
import { withPending } from "./graph/pending.ts";
import { Variable } from "./variable.ts";

export interface ExportOptions {
  /** Names of the tensor arguments, in order. Default: `input0`, `input1`, … */
  readonly inputNames?: readonly string[];
  /** Names of the tensors that the function returns, in order. Default: `output0`, … */
  readonly outputNames?: readonly string[];
  /**
   * Puts the weights into a file of this name beside the model, as ONNX wants above 2 GB. Default: inside
   * where they fit.
   */
  readonly externalData?: string;
  /** What the file says of itself, for its readers: `metadata_props` of the model. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A model, and the file beside it if there is one. */
export interface ExportedModel {
  /** A `ModelProto` of operator set 21, without operators of ONNX Runtime's own. */
  readonly model: Uint8Array;
  readonly external?: {
    readonly name: string;
    /** Pieces of the file, in order. */
    readonly parts: readonly Uint8Array[];
  };
}

/** Protocol buffers end at 2 GB; the graph itself needs some of it. */
const MOST_INSIDE = 2 ** 31 - 2 ** 26;
/** Readers map the file into memory: arrays begin at multiples of a page. */
const PAGE = 4096;

/**
 * Writes the graph of a compiled function for these arguments (their structure and shapes count) as an
 * ONNX model.
 *
 * Variables that the function only reads, and tensors it captured, become initializers under their
 * names. Variables that it assigns, as a training step does, become an input of their name and an output
 * `NAME.next`: whoever runs the model feeds the one back into the other.
 *
 * @throws where names are missing, or weights are over 2 GB and `externalData` is not given
 */
export async function exportOnnx<A extends readonly unknown[], R>(
  compiled: Compiled<A, R>,
  args: A,
  options: ExportOptions = {},
): Promise<ExportedModel> {
  const traced = compiled.trace(...args);
  const { graph } = traced.plan;
  const names = namesOf(traced, options);
  const arrays = await arraysOf(traced, names.constants);
  const total = [...arrays.values()].reduce((sum, array) => sum + array.byteLength, 0);
  if (total > MOST_INSIDE && options.externalData === undefined)
    throw new Error(`exportOnnx: ${total} bytes of weights need a file beside the model: give externalData`);

  const parts: Uint8Array[] = [];
  let offset = 0;
  const { model } = lower(graph, {
    device: "cpu",
    portable: true,
    metadata: options.metadata,
    freeze: (leaf) => names.constants.has(leaf),
    frozenName: (leaf) => names.constants.get(leaf) as string,
    inputName: (leaf) => names.inputs.get(leaf) as string,
    outputName: (index) => names.outputs[index] as string,
    addFrozen: (g, name, leaf) => {
      const array = arrays.get(leaf) as TypedArray;
      if (options.externalData === undefined) return g.initializer(name, array, leaf);
      const gap = (PAGE - (offset % PAGE)) % PAGE;
      parts.push(new Uint8Array(gap), new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      g.externalInitializer(name, leaf, options.externalData, offset + gap);
      offset += gap + array.byteLength;
    },
  });
  return options.externalData === undefined
    ? { model }
    : { model, external: { name: options.externalData, parts } };
}

interface Names {
  readonly inputs: ReadonlyMap<Value, string>;
  readonly constants: ReadonlyMap<Value, string>;
  readonly outputs: readonly string[];
}

function namesOf(traced: Traced, { inputNames, outputNames }: ExportOptions): Names {
  const taken = new Set<string>();
  const unique = (name: string): string => {
    let free = name;
    for (let i = 1; taken.has(free); i++) free = `${name}.${i}`;
    taken.add(free);
    return free;
  };
  const given = (list: readonly string[] | undefined, index: number, what: string): string => {
    const name = list ? list[index] : `${what}${index}`;
    if (name === undefined)
      throw new Error(`exportOnnx: no name for ${what} ${index}, got ${list?.join(", ")}`);
    return name;
  };
  const inputs = new Map<Value, string>();
  const constants = new Map<Value, string>();
  const written = new Set(traced.written);
  const stateNames = new Map<Variable, string>();
  for (const [leafName, leaf] of traced.plan.graph.leaves) {
    const source = traced.sources.get(leafName) as number | Variable | Value;
    if (typeof source === "number") inputs.set(leaf, unique(given(inputNames, source, "input")));
    else if (source instanceof Value) constants.set(leaf, unique("constant"));
    else {
      const name = unique(source.name ?? "state");
      stateNames.set(source, name);
      (written.has(source) ? inputs : constants).set(leaf, name);
    }
  }
  const outputs = traced.plan.graph.results.map((_, i) => {
    if (i < traced.resultCount) return unique(given(outputNames, i, "output"));
    const variable = traced.written[i - traced.resultCount] as Variable;
    return unique(`${stateNames.get(variable) ?? variable.name ?? "state"}.next`);
  });
  return { inputs, constants, outputs };
}

/** The values of the leaves that become initializers. */
async function arraysOf(
  traced: Traced,
  constants: ReadonlyMap<Value, string>,
): Promise<Map<Value, TypedArray>> {
  const values = [...traced.sources.values()].flatMap((source) =>
    typeof source === "number" ? [] : [source instanceof Variable ? source.value : source],
  );
  withPending(values, materialize);
  const arrays = new Map<Value, TypedArray>();
  for (const [leafName, leaf] of traced.plan.graph.leaves) {
    if (!constants.has(leaf)) continue;
    const source = traced.sources.get(leafName);
    const value = source instanceof Variable ? source.value : (source as Value);
    arrays.set(leaf, await (value.stored as NonNullable<typeof value.stored>).read());
  }
  return arrays;
}
