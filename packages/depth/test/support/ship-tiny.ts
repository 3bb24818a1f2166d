import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors } from "@tessera-ml/nn";
import { networks } from "../../src/index.ts";
import { fillTiny } from "../support.ts";
import "./tiny-system.ts";

/** Adds a checkpoint of a tiny network to a folder of shipped ones. @param depth the task's fields of its record */
export async function shipTiny(models: string, name: string, network: string, depth: object): Promise<void> {
  const at = join(models, name);
  await mkdir(at, { recursive: true });
  const weights = Array.from(
    fillTiny(networks.find(network).network.create()).stateDict(),
    ([name, variable]) => ({
      ...{ name, dtype: "float32" as const, shape: variable.shape },
      data: async () => (await variable.data()) as Float32Array<ArrayBuffer>,
    }),
  );
  await writeSafetensors(join(at, "model.safetensors"), weights);
  const record = {
    ...{ name, task: "depth-estimation", network, source: "tessera" },
    ...{ licence: "Apache-2.0", reference: "None" },
    ...{ files: [{ file: "model.safetensors" }], aliases: [`${network}-small`], depth },
  };
  await writeFile(join(at, "record.json"), JSON.stringify(record));
}
