/** Writing exported models. Node only. */
import type { ExportedModel } from "@tessera-ml/tensor";
import { atomicWrite } from "./atomic.ts";

/** Writes an exported model to `path`, and external weights, if any, to the same folder; both atomically. */
export async function writeOnnx(path: string, { model, external }: ExportedModel): Promise<void> {
  if (external) {
    const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
    // Weights first: a model without them is useless.
    await atomicWrite(`${path.slice(0, end + 1)}${external.name}`, async (file) => {
      for (const part of external.parts) await file.write(part);
    });
  }
  await atomicWrite(path, model);
}
