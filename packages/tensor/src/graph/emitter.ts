/** Writes an ONNX graph: what an operator's `emit` speaks to. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { byteSize, type DType, fromNumbers, ONNX_TYPE, type TypedArray } from "../dtype.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import type { Spec } from "./graph.ts";
import { Layout } from "./layout.ts";

/** The operator set the graphs are written in, and the file format that goes with it. */
export const OPSET = 21;
const IR_VERSION = 10n;
/** ONNX Runtime's own operators, used only where they are faster. */
export const CONTRIB = "com.microsoft";

/** An attribute of an ONNX node: an integer, text, lists of them, or a float marked as such by `float`. */
export type OnnxAttribute = number | string | readonly number[] | readonly string[] | FloatAttribute;
interface FloatAttribute {
  readonly float: number | readonly number[];
}
/** Marks an attribute as FLOAT or FLOATS; a bare number is INT. */
export function float(value: number | readonly number[]): FloatAttribute {
  return { float: value };
}

function attribute(name: string, value: OnnxAttribute): AttributeProto {
  const proto = create(AttributeProtoSchema, { name });
  const text = new TextEncoder();
  if (typeof value === "number") {
    proto.type = AttributeProto_AttributeType.INT;
    proto.i = BigInt(value);
  } else if (typeof value === "string") {
    proto.type = AttributeProto_AttributeType.STRING;
    proto.s = text.encode(value);
  } else if (!("float" in value)) {
    if (typeof value[0] === "string") {
      proto.type = AttributeProto_AttributeType.STRINGS;
      proto.strings = value.map((item) => text.encode(item as string));
    } else {
      proto.type = AttributeProto_AttributeType.INTS;
      proto.ints = value.map((item) => BigInt(item));
    }
  } else if (typeof value.float === "number") {
    proto.type = AttributeProto_AttributeType.FLOAT;
    proto.f = value.float;
  } else {
    proto.type = AttributeProto_AttributeType.FLOATS;
    proto.floats = [...value.float];
  }
  return proto;
}

function valueInfo(name: string, spec: Spec): ValueInfoProto {
  const dim = spec.shape.map((extent) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: "dimValue", value: BigInt(extent) } }),
  );
  const shape = create(TensorShapeProtoSchema, { dim });
  const tensor = create(TypeProto_TensorSchema, { elemType: ONNX_TYPE[spec.dtype], shape });
  const type = create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } });
  return create(ValueInfoProtoSchema, { name, type });
}

function bytesOf(data: TypedArray): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export class Emitter {
  /** `"cpu"`, `"wasm"` or `"webgpu"`: some forms are faster, or only work, on some. */
  readonly device: string;
  /** Whether the file must run outside ONNX Runtime: no operator of its own domain then. */
  readonly portable: boolean;
  private readonly nodes: NodeProto[] = [];
  private readonly initializers = new Map<string, TensorProto>();
  private readonly constants = new Map<string, string>();
  private readonly made = new Map<string, string>();
  /** Which values stand in another memory layout than their shape says. */
  readonly layout: Layout = new Layout(this);
  private fresh = 0;
  private scope = "graph";

  constructor(device: string, portable = false) {
    this.device = device;
    this.portable = portable;
  }

  /** Begins the nodes of one operator; its name stands in ONNX Runtime's messages and profiles. */
  begin(scope: string): void {
    this.scope = scope;
  }

  /** Adds a node with the output names given. */
  node(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute | undefined>> = {},
    domain = "",
  ): void {
    const list: AttributeProto[] = [];
    for (const [name, value] of Object.entries(attributes))
      if (value !== undefined) list.push(attribute(name, value));
    this.nodes.push(
      create(NodeProtoSchema, {
        opType: type,
        name: `${this.scope}/${type}_${this.nodes.length}`,
        input: [...inputs],
        output: [...outputs],
        attribute: list,
        domain,
      }),
    );
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

  /** The result of `make`, made once for each key. */
  once(key: string, make: () => string): string {
    let name = this.made.get(key);
    if (name === undefined) {
      name = make();
      this.made.set(key, name);
    }
    return name;
  }

  /** A constant matrix, computed once for each key. */
  table(key: string, shape: Shape, make: () => Float32Array<ArrayBuffer>): string {
    return this.once(`table:${key}`, () => {
      const name = `table.${key}`;
      this.initializer(name, make(), { dtype: "float32", shape });
      return name;
    });
  }

  /** A name that nothing else has. */
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
      this.initializer(name, fromNumbers(dtype, values), { dtype, shape });
    }
    return name;
  }

  /** A vector of int64, the form in which ONNX takes shapes, axes and pads. */
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

  /** Adds an initializer that stands in the file. */
  initializer(name: string, data: TypedArray, spec: Spec): void {
    this.initializers.set(
      name,
      create(TensorProtoSchema, {
        name,
        dims: spec.shape.map(BigInt),
        dataType: ONNX_TYPE[spec.dtype],
        rawData: bytesOf(data),
      }),
    );
  }

  /** Adds an initializer whose bytes stand beside the file: in `location` from byte `offset` on. */
  externalInitializer(name: string, spec: Spec, location = name, offset = 0): void {
    const length = sizeOf(spec.shape) * byteSize(spec.dtype);
    const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
    this.initializers.set(
      name,
      create(TensorProtoSchema, {
        name,
        dims: spec.shape.map(BigInt),
        dataType: ONNX_TYPE[spec.dtype],
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: [
          entry("location", location),
          entry("offset", String(offset)),
          entry("length", String(length)),
        ],
      }),
    );
  }

  /** The `ModelProto`, serialised. */
  model(
    inputs: ReadonlyMap<string, Spec>,
    outputs: ReadonlyMap<string, Spec>,
    metadata: Readonly<Record<string, string>> = {},
  ): Uint8Array {
    const graph = create(GraphProtoSchema, {
      name: "tessera",
      node: this.nodes,
      initializer: [...this.initializers.values()],
      input: [...inputs].map(([name, spec]) => valueInfo(name, spec)),
      output: [...outputs].map(([name, spec]) => valueInfo(name, spec)),
    });
    const opsets = [create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(OPSET) })];
    if (this.nodes.some((node) => node.domain === CONTRIB))
      opsets.push(create(OperatorSetIdProtoSchema, { domain: CONTRIB, version: 1n }));
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: "tessera",
      opsetImport: opsets,
      graph,
      metadataProps: Object.entries(metadata).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
    });
    return toBinary(ModelProtoSchema, model);
  }
}
