import { writeModel } from "../graph/onnx.ts";
import type { Backend, Executable } from "./backend.ts";

/** Loads a minimal model. Rejects with a message that names the device if the backend cannot load it. */
export async function probe(backend: Backend): Promise<Executable> {
  const scalar = { dtype: "float32", shape: [] } as const;
  const model = writeModel({
    irVersion: 8,
    opsets: { "": 17 },
    graph: {
      name: "probe",
      nodes: [{ name: "probe", type: "Identity", domain: "", inputs: ["x"], outputs: ["y"], attributes: {} }],
      inputs: [["x", scalar]],
      outputs: [["y", scalar]],
    },
  });
  const outputs = [{ name: "y", ...scalar }];
  try {
    return await backend.load(model, { inputs: ["x"], outputs });
  } catch (error) {
    throw new Error(`cannot open device ${backend.device}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
