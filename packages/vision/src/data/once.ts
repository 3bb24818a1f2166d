import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Meter, statFile, withFileLock, writeAtomic } from "@tessera-ml/hub";
import { cifarRecord } from "./formats.ts";
import type { Split } from "./record.ts";
import type { Unpacked } from "./unpack.ts";

/**
 * Reads a split's records from `folder`, where `train.bin` and `test.bin` are cached; unpacks them first if missing, in
 * one process at a time. An unwritable folder is not an error.
 */
export async function unpackedOnce(
  folder: string,
  split: Split,
  count: number,
  unpack: () => Promise<Unpacked>,
  meter: Meter,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const kept = (part: Split) => join(folder, `${part}.bin`);
  const ready = async () =>
    (await statFile(kept(split)))?.size === count * cifarRecord ? await readFile(kept(split)) : undefined;
  const there = await ready();
  if (there) return there;
  const writable = await mkdir(folder, { recursive: true }).then(
    () => true,
    () => false,
  );
  if (!writable) return (await unpack())[split];
  const onWait = () => meter.begin("waiting", 0);
  return await withFileLock(join(folder, "unpack.lock"), { signal, onWait }, async () => {
    const again = await ready();
    if (again) return again;
    const all = await unpack();
    // The images are already in memory; if the disk is full, the next start unpacks again.
    for (const part of ["train", "test"] as const) await writeAtomic(kept(part), all[part]).catch(() => {});
    return all[split];
  });
}
