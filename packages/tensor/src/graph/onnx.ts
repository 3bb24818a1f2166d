/** The messages of an ONNX file: the part of the ONNX project's `onnx.proto` that the graphs here use. */
import { byteSize, type DType, ONNX_TYPE } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { Spec } from "./graph.ts";
import { MessageWriter } from "./protobuf.ts";

export const MODEL = {
  irVersion: 1,
  producerName: 2,
  graph: 7,
  opsetImport: 8,
  metadataProps: 14,
} as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const;
const ATTRIBUTE = { name: 1, f: 2, i: 3, s: 4, floats: 7, ints: 8, strings: 9, type: 20 } as const;
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, floats: 6, ints: 7, strings: 8 } as const;
export const TENSOR = {
  dims: 1,
  dataType: 2,
  name: 8,
  rawData: 9,
  externalData: 13,
  dataLocation: 14,
} as const;
/** `TensorProto.DataType`: of integers inside graphs, as there are no arrays of them. */
export const INT8 = 3;
/** `TensorProto.DataLocation` */
export const EXTERNAL = 1;
/** `StringStringEntryProto` */
const ENTRY = { key: 1, value: 2 } as const;
/** `ValueInfoProto`; its `type` is a `TypeProto` of one tensor. */
export const VALUE = { name: 1, type: 2 } as const;
export const TYPE = { tensor: 1 } as const;
export const TENSOR_TYPE = { elemType: 1, shape: 2 } as const;
export const SHAPE = { dim: 1 } as const;
export const DIM = { value: 1, param: 2 } as const;

/** An attribute of an ONNX node: an integer, a string, a list of either, or floats wrapped by `float`. */
export type OnnxAttribute = number | string | readonly number[] | readonly string[] | FloatAttribute;
interface FloatAttribute {
  readonly float: number | readonly number[];
}
/** Marks an attribute as FLOAT or FLOATS; a bare number is INT. */
export function float(value: number | readonly number[]): FloatAttribute {
  return { float: value };
}

function attributeMessage(name: string, value: OnnxAttribute): MessageWriter {
  const to = new MessageWriter().string(ATTRIBUTE.name, name);
  const typed = (type: keyof typeof ATTRIBUTE_TYPE) => to.int(ATTRIBUTE.type, ATTRIBUTE_TYPE[type]);
  if (typeof value === "number") return typed("int").int(ATTRIBUTE.i, value);
  if (typeof value === "string") return typed("string").string(ATTRIBUTE.s, value);
  if ("float" in value)
    return typeof value.float === "number"
      ? typed("float").float(ATTRIBUTE.f, value.float)
      : typed("floats").floats(ATTRIBUTE.floats, value.float);
  if (typeof value[0] !== "string") return typed("ints").ints(ATTRIBUTE.ints, value as readonly number[]);
  typed("strings");
  for (const item of value as readonly string[]) to.string(ATTRIBUTE.strings, item);
  return to;
}

export interface OnnxNode {
  readonly name: string;
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute | undefined>>;
}

export function nodeMessage({ name, type, domain, inputs, outputs, attributes }: OnnxNode): MessageWriter {
  const to = new MessageWriter();
  for (const input of inputs) to.string(NODE.input, input);
  for (const output of outputs) to.string(NODE.output, output);
  to.string(NODE.name, name).string(NODE.opType, type);
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) to.message(NODE.attribute, attributeMessage(key, value));
  return domain === "" ? to : to.string(NODE.domain, domain);
}

/** Type and shape of an input or output; a free extent is a name instead of a number. */
export interface OpenSpec {
  readonly dtype: DType;
  readonly shape: readonly (number | string)[];
}

/** An input or output of the graph. */
export function valueMessage(name: string, { dtype, shape }: OpenSpec): MessageWriter {
  const dims = new MessageWriter();
  for (const size of shape) {
    const dim = new MessageWriter();
    dims.message(
      SHAPE.dim,
      typeof size === "string" ? dim.string(DIM.param, size) : dim.int(DIM.value, size),
    );
  }
  const tensor = new MessageWriter()
    .int(TENSOR_TYPE.elemType, ONNX_TYPE[dtype])
    .message(TENSOR_TYPE.shape, dims);
  const type = new MessageWriter().message(TYPE.tensor, tensor);
  return new MessageWriter().string(VALUE.name, name).message(VALUE.type, type);
}

function tensorHead(name: string, { dtype, shape }: Spec): MessageWriter {
  return new MessageWriter()
    .ints(TENSOR.dims, shape)
    .int(TENSOR.dataType, ONNX_TYPE[dtype])
    .string(TENSOR.name, name);
}

/** An initializer with its values. */
export function tensorMessage(name: string, spec: Spec, values: ArrayBufferView): MessageWriter {
  const { buffer, byteOffset, byteLength } = values;
  return tensorHead(name, spec).bytes(TENSOR.rawData, new Uint8Array(buffer, byteOffset, byteLength));
}

/** An initializer with its values in another file, at byte `offset`. */
export function externalTensorMessage(
  name: string,
  spec: Spec,
  location: string,
  offset: number,
): MessageWriter {
  const length = sizeOf(spec.shape) * byteSize(spec.dtype);
  return tensorHead(name, spec)
    .message(TENSOR.externalData, entryMessage("location", location))
    .message(TENSOR.externalData, entryMessage("offset", String(offset)))
    .message(TENSOR.externalData, entryMessage("length", String(length)))
    .int(TENSOR.dataLocation, EXTERNAL);
}

export function entryMessage(key: string, value: string): MessageWriter {
  return new MessageWriter().string(ENTRY.key, key).string(ENTRY.value, value);
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  /** `TensorProto`s */
  readonly initializers?: Iterable<MessageWriter>;
  readonly inputs: Iterable<readonly [name: string, spec: OpenSpec]>;
  readonly outputs: Iterable<readonly [name: string, spec: OpenSpec]>;
}

export interface OnnxModel {
  readonly irVersion: number;
  /** Version of each operator set, by its domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly graph: OnnxGraph;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The `ModelProto`, serialised. */
export function writeModel({ irVersion, opsets, graph, metadata = {} }: OnnxModel): Uint8Array<ArrayBuffer> {
  const body = new MessageWriter();
  for (const node of graph.nodes) body.message(GRAPH.node, nodeMessage(node));
  body.string(GRAPH.name, graph.name);
  for (const tensor of graph.initializers ?? []) body.message(GRAPH.initializer, tensor);
  for (const [name, spec] of graph.inputs) body.message(GRAPH.input, valueMessage(name, spec));
  for (const [name, spec] of graph.outputs) body.message(GRAPH.output, valueMessage(name, spec));

  const model = new MessageWriter().int(MODEL.irVersion, irVersion).string(MODEL.producerName, "tessera");
  for (const [domain, version] of Object.entries(opsets))
    model.message(MODEL.opsetImport, new MessageWriter().string(1, domain).int(2, version));
  model.message(MODEL.graph, body);
  for (const [key, value] of Object.entries(metadata))
    model.message(MODEL.metadataProps, entryMessage(key, value));
  return model.finish();
}
