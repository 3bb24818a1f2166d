/** Builds an ONNX graph, for the operators' `emit`. */
import { type DType, fromNumbers, type TypedArray } from "../dtype.ts";
import { formatShape, type Shape } from "../shape.ts";
import type { Spec } from "./graph.ts";
import { Layout } from "./layout.ts";
import {
  externalTensorMessage,
  type OnnxAttribute,
  type OnnxNode,
  type OpenSpec,
  tensorMessage,
  writeModel,
} from "./onnx.ts";
import type { MessageWriter } from "./protobuf.ts";

/** The operator set of the graphs, and the matching file format version. */
export const OPSET = 21;
const IR_VERSION = 10;
/** The domain of ONNX Runtime's own operators, used only where they are faster. */
export const CONTRIB = "com.microsoft";

/** A constant emitted by an operator: a shape, an axis, a number. */
export interface Literal extends Spec {
  readonly values: readonly number[];
}

/** A graph of ONNX nodes before serialisation. */
export interface Draft {
  readonly nodes: readonly OnnxNode[];
  /** Literals, tables and weights by name. */
  readonly initializers: ReadonlyMap<string, MessageWriter>;
  /** The initializers that are literals. */
  readonly literals: ReadonlyMap<string, Literal>;
  readonly inputs: ReadonlyMap<string, OpenSpec>;
  readonly outputs: ReadonlyMap<string, OpenSpec>;
}

/** The `ModelProto` of a graph. */
export function serialize(draft: Draft, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const { nodes, initializers, inputs, outputs } = draft;
  const contrib = nodes.some((node) => node.domain === CONTRIB);
  return writeModel({
    irVersion: IR_VERSION,
    opsets: { "": OPSET, ...(contrib && { [CONTRIB]: 1 }) },
    graph: { name: "tessera", nodes, initializers: initializers.values(), inputs, outputs },
    metadata,
  });
}

export class Emitter {
  /** `"cpu"`, `"wasm"` or `"webgpu"`: some forms are faster, or only work, on some. */
  readonly device: string;
  /** Whether the file must run outside ONNX Runtime, hence without operators of its own domain. */
  readonly portable: boolean;
  /** The largest magnitude of an 8-bit weight; undefined if there are to be none. */
  readonly int8Levels: number | undefined;
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers = new Map<string, MessageWriter>();
  private readonly constants = new Map<string, string>();
  private readonly literals = new Map<string, Literal>();
  private readonly made = new Map<string, string>();
  /** Which values are held in another memory layout than their shape suggests. */
  readonly layout: Layout = new Layout(this);
  private fresh = 0;
  private scope = "graph";

  constructor(device: string, options: { readonly portable?: boolean; readonly int8Levels?: number } = {}) {
    this.device = device;
    this.portable = options.portable ?? false;
    this.int8Levels = options.int8Levels;
  }

  /** Begins the nodes of one operator; `scope` appears in ONNX Runtime's messages and profiles. */
  begin(scope: string): void {
    this.scope = scope;
  }

  /** Adds a node with the given output names. */
  node(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute | undefined>> = {},
    domain = "",
  ): void {
    const name = `${this.scope}/${type}_${this.nodes.length}`;
    this.nodes.push({ name, type, domain, inputs, outputs, attributes });
  }

  /** Adds a node with one fresh output and returns its name. */
  op(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute | undefined>> = {},
    domain = "",
  ): string {
    const output = this.name(type);
    this.node(type, inputs, [output], attributes, domain);
    return output;
  }

  /** The result of `make`, computed once per key. */
  once(key: string, make: () => string): string {
    let name = this.made.get(key);
    if (name === undefined) {
      name = make();
      this.made.set(key, name);
    }
    return name;
  }

  /** A constant float32 array, computed once per key. */
  table(key: string, shape: Shape, make: () => Float32Array<ArrayBuffer>): string {
    return this.once(`table:${key}`, () => {
      const name = `table.${key}`;
      this.initializer(name, make(), { dtype: "float32", shape });
      return name;
    });
  }

  /** A unique name. */
  name(hint: string): string {
    return `${this.scope}/${hint}.${this.fresh++}`;
  }

  /** The name of a constant; equal constants share one. */
  constant(dtype: DType, values: readonly number[], shape: Shape = [values.length]): string {
    const key = `${dtype}${formatShape(shape)}${values.map((v) => (Object.is(v, -0) ? "-0" : v)).join(",")}`;
    let name = this.constants.get(key);
    if (name === undefined) {
      name = `literal.${this.constants.size}`;
      this.constants.set(key, name);
      this.literals.set(name, { dtype, values, shape });
      this.initializer(name, fromNumbers(dtype, values), { dtype, shape });
    }
    return name;
  }

  /** An int64 vector, as ONNX takes shapes, axes and pads. */
  ints(values: readonly number[]): string {
    return this.constant("int64", values);
  }

  scalar(value: number, dtype: DType = "float32"): string {
    return this.constant(dtype, [value], []);
  }

  /** Whether a name is a constant of the file: a literal or a frozen weight. */
  isConstant(name: string): boolean {
    return this.initializers.has(name);
  }

  /** Adds an initializer stored in the file. */
  initializer(name: string, data: TypedArray, spec: Spec): void {
    this.initializers.set(name, tensorMessage(name, spec, data));
  }

  /** Adds an initializer stored outside the file, in `location` at byte `offset`. */
  externalInitializer(name: string, spec: Spec, location = name, offset = 0): void {
    this.initializers.set(name, externalTensorMessage(name, spec, location, offset));
  }

  /** The finished graph. */
  draft(inputs: ReadonlyMap<string, Spec>, outputs: ReadonlyMap<string, Spec>): Draft {
    const { nodes, initializers, literals } = this;
    return { nodes, initializers, literals, inputs, outputs };
  }
}
