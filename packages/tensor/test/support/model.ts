/** Builds small ONNX models for the backend tests. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { type DType, ONNX_TYPE } from "../../src/dtype.ts";
import type { LoadOptions } from "../../src/runtime/backend.ts";

type Spec = readonly [name: string, dtype: DType, shape: readonly number[]];
type Attributes = Readonly<Record<string, readonly number[] | bigint | number>>;

export interface Model {
  readonly nodes: readonly (readonly [
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes?: Attributes,
  ])[];
  readonly inputs?: readonly Spec[];
  readonly outputs: readonly Spec[];
  /** Initializers with values given at load time. */
  readonly weights?: readonly Spec[];
  readonly constants?: readonly (readonly [...Spec, Uint8Array<ArrayBuffer>])[];
}

/** The serialised model and its load options. */
export function build({ nodes, inputs = [], outputs, weights = [], constants = [] }: Model) {
  const info = ([name, dtype, shape]: Spec) => ({
    name,
    type: {
      value: {
        case: "tensorType" as const,
        value: {
          elemType: ONNX_TYPE[dtype],
          shape: {
            dim: shape.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } })),
          },
        },
      },
    },
  });
  const tensor = ([name, dtype, shape]: Spec) => ({
    name,
    dataType: ONNX_TYPE[dtype],
    dims: shape.map(BigInt),
  });
  const attribute = ([name, value]: [string, Attributes[string]]) =>
    typeof value === "bigint"
      ? { name, type: 2, i: value }
      : typeof value === "number"
        ? { name, type: 1, f: value }
        : { name, type: 7, ints: value.map(BigInt) };
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ version: 21n }],
    graph: {
      name: "test",
      node: nodes.map(([opType, input, output, attributes = {}], i) => ({
        name: `${opType}.${i}`,
        opType,
        input: [...input],
        output: [...output],
        attribute: Object.entries(attributes).map(attribute),
      })),
      input: inputs.map(info),
      output: outputs.map(info),
      initializer: [
        ...weights.map((spec) => ({
          ...tensor(spec),
          dataLocation: 1,
          externalData: [{ key: "location", value: spec[0] }],
        })),
        ...constants.map(([name, dtype, shape, rawData]) => ({ ...tensor([name, dtype, shape]), rawData })),
      ],
    },
  });
  const options: LoadOptions = {
    inputs: inputs.map(([name]) => name),
    outputs: outputs.map(([name, dtype, shape]) => ({ name, dtype, shape })),
  };
  return { model: toBinary(ModelProtoSchema, model), options };
}
