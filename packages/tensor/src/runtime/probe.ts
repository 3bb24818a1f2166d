import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import type { Backend, Executable } from "./backend.ts";

/** Loads the smallest model there is. Rejects where the backend's device can load none, and says so. */
export async function probe(backend: Backend): Promise<Executable> {
  const type = { value: { case: "tensorType" as const, value: { elemType: 1, shape: { dim: [] } } } };
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ version: 17n }],
    graph: {
      name: "probe",
      node: [{ opType: "Identity", input: ["x"], output: ["y"] }],
      input: [{ name: "x", type }],
      output: [{ name: "y", type }],
    },
  });
  const outputs = [{ name: "y", dtype: "float32", shape: [] }] as const;
  try {
    return await backend.load(toBinary(ModelProtoSchema, model), { inputs: ["x"], outputs });
  } catch (error) {
    throw new Error(`device ${backend.device} cannot be opened: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
