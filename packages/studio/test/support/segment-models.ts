/** Our small network of segmentation with made-up weights, as if it shipped. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fillGolden } from "@tessera-ml/nn/golden";
import { networks } from "@tessera-ml/segment";

export async function shipSegmentModel(folder: string): Promise<void> {
  const at = join(folder, "sam2_lite.random");
  await mkdir(at, { recursive: true });
  const model = networks.find("sam2_lite").network.create();
  fillGolden(model);
  await model.save(join(at, "model.safetensors"));
  const record = {
    ...{ name: "sam2_lite.random", task: "mask-generation", network: "sam2_lite", source: "tessera" },
    ...{ licence: "Apache-2.0", reference: "None", files: [{ file: "model.safetensors" }] },
    segment: { size: 256 },
  };
  await writeFile(join(at, "record.json"), JSON.stringify(record));
}
