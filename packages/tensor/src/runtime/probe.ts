import { writeModel } from "../graph/onnx.ts";
import type { Backend, Executable } from "./backend.ts";

/** Loads the smallest model there is. Rejects where the backend's device can load none, and says so. */
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
    throw new Error(`device ${backend.device} cannot be opened: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
