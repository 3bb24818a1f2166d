/** Exporting compiled functions as ONNX files. */
import type { Compiled, Traced } from "./compile.ts";
import type { TypedArray } from "./dtype.ts";
import { type Draft, serialize } from "./graph/emitter.ts";
import { materialize } from "./graph/execute.ts";
import { openAxis, TRIED } from "./graph/free-axis.ts";
import { Value } from "./graph/graph.ts";
import { drafted, type LowerOptions } from "./graph/lower.ts";
import { withPending } from "./graph/pending.ts";
import { zeros } from "./ops/create.ts";
import { formatShape, sameShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { flatten } from "./tree.ts";
import { Variable } from "./variable.ts";

export interface ExportOptions {
  /** Names of the tensor arguments, in order. Default: `input0`, `input1`, … */
  readonly inputNames?: readonly string[];
  /** Names of the returned tensors, in order. Default: `output0`, … */
  readonly outputNames?: readonly string[];
  /**
   * Stores the weights in a separate file of this name, as ONNX requires above 2 GB. Default: inside the model.
   */
  readonly externalData?: string;
  /**
   * An axis of any extent (a dynamic axis), by its name in the file. A string such as `"batch"` means the first
   * axis of every tensor argument; `{ name: "length", axes: { text: 1 } }` says which axis of which input.
   */
  readonly freeAxis?: string | FreeAxis;
  /** Metadata for readers of the file: `metadata_props` of the model. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A free (dynamic) axis, which may be shared by several inputs. */
export interface FreeAxis {
  /** Its name in the file. */
  readonly name: string;
  /** The index of the axis in each input that has it, by name of the input. */
  readonly axes: Readonly<Record<string, number>>;
}

/** A model, and the file of external data if there is one. */
export interface ExportedModel {
  /** A `ModelProto` of operator set 21, with standard ONNX operators only. */
  readonly model: Uint8Array;
  readonly external?: {
    readonly name: string;
    /** Pieces of the file, in order. */
    readonly parts: readonly Uint8Array[];
  };
}

/** Protocol buffers are limited to 2 GB; the graph itself needs some of it. */
const MOST_INSIDE = 2 ** 31 - 2 ** 26;
/** Readers memory-map the file, so arrays start at page boundaries. */
const PAGE = 4096;

/**
 * Writes the graph of a compiled function for these arguments (only structure and shapes matter) as an ONNX
 * model.
 *
 * Variables that the function only reads, and tensors it captures, become initializers with their names.
 * Variables that it assigns, as a training step does, become an input of that name and an output `NAME.next`,
 * to be fed back into the input for the next run.
 *
 * With `freeAxis` the model works for any extent of an axis, including 1: the function is traced for several
 * extents, and numbers that are linear in the extent are computed from the shape of an input. If anything else
 * depends on the extent, the error names the operator. Special cases for small or large extents (`squeeze()`
 * without axes, `Math.min(extent, 20)`) are lost.
 *
 * @throws if names are missing, an axis cannot be free, or weights exceed 2 GB without `externalData`
 */
export async function exportOnnx<A extends readonly unknown[], R>(
  compiled: Compiled<A, R>,
  args: A,
  options: ExportOptions = {},
): Promise<ExportedModel> {
  const open = options.freeAxis === undefined ? undefined : opened(args, options.freeAxis, options);
  const versions = (open?.versions ?? [args]).map((version) => {
    const traced = compiled.trace(...(version as A));
    return { traced, names: namesOf(traced, options) };
  });
  const [{ traced, names }, ...others] = versions as [Version, ...Version[]];
  const arrays = await arraysOf(traced, names.constants);
  for (const other of others) await checkCaptured(open as Opened, other, names, arrays);
  const total = [...arrays.values()].reduce((sum, array) => sum + array.byteLength, 0);
  if (total > MOST_INSIDE && options.externalData === undefined)
    throw new Error(`exportOnnx: ${total} bytes of weights do not fit into the model: set externalData`);

  const parts: Uint8Array[] = [];
  let offset = 0;
  let draft = draftOf(traced, names, (g, name, leaf) => {
    const array = arrays.get(leaf) as TypedArray;
    if (options.externalData === undefined) return g.initializer(name, array, leaf);
    const gap = (PAGE - (offset % PAGE)) % PAGE;
    parts.push(new Uint8Array(gap), bytesIn(array));
    g.externalInitializer(name, leaf, options.externalData, offset + gap);
    offset += gap + array.byteLength;
  });
  if (open) draft = open.join([draft, ...others.map((other) => draftOf(other.traced, other.names))]);
  const model = serialize(draft, options.metadata);
  return options.externalData === undefined
    ? { model }
    : { model, external: { name: options.externalData, parts } };
}

/** A traced function and the names of its tensors in the file. */
interface Version {
  readonly traced: Traced;
  readonly names: Names;
}

function draftOf(traced: Traced, names: Names, addFrozen?: LowerOptions["addFrozen"]): Draft {
  return drafted(traced.plan.graph, {
    device: "cpu",
    portable: true,
    freeze: (leaf) => names.constants.has(leaf),
    frozenName: (leaf) => names.constants.get(leaf) as string,
    inputName: (leaf) => names.inputs.get(leaf) as string,
    outputName: (index) => names.outputs[index] as string,
    ...(addFrozen && { addFrozen }),
  }).draft;
}

/** A free axis being exported. */
interface Opened {
  readonly name: string;
  /** The arguments with several extents of the axis. */
  readonly versions: readonly unknown[];
  /** Merges their graphs into one. */
  readonly join: (drafts: readonly Draft[]) => Draft;
}

function opened(args: readonly unknown[], axis: string | FreeAxis, { inputNames }: ExportOptions): Opened {
  const { leaves, rebuild } = flatten(args);
  const names = leaves.map((_, i) => inputNames?.[i] ?? `input${i}`);
  const { name, axes } =
    typeof axis === "string" ? { name: axis, axes: Object.fromEntries(names.map((n) => [n, 0])) } : axis;
  for (const [input, at] of Object.entries(axes)) {
    const leaf = leaves[names.indexOf(input)];
    if (!leaf) throw new Error(`exportOnnx: freeAxis ${name}: no input ${input}, only ${names.join(", ")}`);
    if (!Number.isInteger(at) || at < 0 || at >= leaf.rank)
      throw new Error(`exportOnnx: freeAxis ${name}: no axis ${at} in ${input}, which is ${leaf}`);
  }
  const versions = TRIED.map((extent) =>
    rebuild(
      leaves.map((leaf, i): Tensor => {
        const free = axes[names[i] as string];
        return zeros(
          leaf.shape.map((given, at) => (at === free ? extent : given)),
          leaf.dtype,
        );
      }),
    ),
  );
  const join = (drafts: readonly Draft[]): Draft => {
    const input = Object.keys(axes).find((given) => drafts[0]?.inputs.has(given));
    if (input === undefined)
      throw new Error(`exportOnnx: freeAxis ${name}: the function reads no input with this axis`);
    return openAxis(name, { input, axis: axes[input] as number }, drafts as [Draft, Draft, Draft]);
  };
  return { name, versions, join };
}

/** Throws if tensors that the function makes from host values depend on the extent. */
async function checkCaptured(
  { name }: Opened,
  { traced, names }: Version,
  first: Names,
  arrays: ReadonlyMap<Value, TypedArray>,
): Promise<void> {
  const known = new Map([...first.constants].map(([leaf, constant]) => [constant, leaf]));
  const captured = [...names.constants].filter(([leaf]) => leaf.stored);
  const values = await arraysOf(traced, new Map(captured));
  for (const [leaf, constant] of captured) {
    const before = known.get(constant);
    if (before?.stored === leaf.stored) continue;
    const same = before && arrays.get(before);
    if (!same || !sameShape(before.shape, leaf.shape) || !sameBytes(same, values.get(leaf) as TypedArray))
      throw new Error(
        `exportOnnx: ${name} cannot be a free axis: the function makes a tensor from host values, ${formatShape(leaf.shape)}, that depends on it`,
      );
  }
}

function sameBytes(a: TypedArray, b: TypedArray): boolean {
  const [left, right] = [bytesIn(a), bytesIn(b)];
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

function bytesIn({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
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
