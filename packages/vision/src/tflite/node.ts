/** TensorFlow Lite checkpoints on Node: a file with the graph sits beside the tensors. */
import { readFile } from "node:fs/promises";
import { HubError } from "@tessera-ml/hub";
import type { Checkpoint } from "@tessera-ml/nn";
import type { Classifier } from "../classifier.ts";
import { fromTFLite, type TFLiteGraph } from "./graph.ts";

/** Loads a network from its tensors and its graph. @throws HubError `absent` if the graph cannot be read */
export async function loadTFLite<M extends Classifier>(
  module: M,
  checkpoint: Checkpoint,
  [path = ""]: readonly string[],
): Promise<M> {
  const file = path.replace(/\.safetensors$/, ".graph.json");
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new HubError("absent", `${file}: cannot read the graph beside the checkpoint`, { cause: error });
  });
  await module.load(await fromTFLite(module, checkpoint, JSON.parse(text) as TFLiteGraph), { finite: true });
  return module;
}
