import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { HubError, type Meter } from "@tessera-ml/hub";
import { readImage } from "@tessera-ml/media";
import { cifarPixels, cifarRecord } from "./formats.ts";
import type { Split } from "./record.ts";

/** CIFAR-10's archives unpacked to binary-version records, both splits at once since they share one file. */
export type Unpacked = Record<Split, Uint8Array<ArrayBuffer>>;

async function wholeEntry(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of entry) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Calls `each` for every file of a `.tar.gz`, in order, awaiting each call. */
async function eachFile(
  path: string,
  signal: AbortSignal | undefined,
  each: (name: string, bytes: () => Promise<Buffer>) => Promise<void>,
): Promise<void> {
  const { extract } = await import("tar-stream");
  const archive = extract();
  const feeding = pipeline(createReadStream(path), createGunzip(), archive, { signal });
  feeding.catch(() => {}); // the loop below ends with the same error
  try {
    for await (const entry of archive) {
      if (entry.header.type === "file") await each(entry.header.name, () => wholeEntry(entry));
      entry.resume();
    }
    await feeding;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof HubError) throw error;
    throw new HubError("bad-data", `${path}: not a complete .tar.gz archive (${String(error)})`, {
      cause: error,
    });
  }
}

/** `cifar-10-binary.tar.gz`: data_batch_1.bin to data_batch_5.bin and test_batch.bin, 10,000 records each. */
export async function unpackCifarArchive(path: string, signal: AbortSignal | undefined): Promise<Unpacked> {
  const batches = new Map<string, Buffer>();
  await eachFile(path, signal, async (name, bytes) => {
    const batch = /(data_batch_[1-5]|test_batch)\.bin$/.exec(name)?.[1];
    if (batch) batches.set(batch, await bytes());
  });
  const take = (name: string): Buffer => {
    const batch = batches.get(name);
    if (batch?.length === 10_000 * cifarRecord) return batch;
    throw new HubError(
      "bad-data",
      `${path}: expected ${name}.bin with 10,000 records, got ${batch?.length ?? "no"} bytes`,
    );
  };
  const train = [1, 2, 3, 4, 5].map((i) => take(`data_batch_${i}`));
  return { train: new Uint8Array(Buffer.concat(train)), test: new Uint8Array(take("test_batch")) };
}

/** Images decoded concurrently: enough to keep the decoder's threads busy. */
const batchSize = 64;

/**
 * Unpacks folders of JPEG files, `test/cat/0000.jpg`: 10,000 and 50,000 images by split and class. Records are ordered
 * by class and number, whatever the order of the archive.
 */
export async function unpackCifarJpeg(
  path: string,
  classes: readonly string[],
  counts: Record<Split, number>,
  meter: Meter,
  signal: AbortSignal | undefined,
): Promise<Unpacked> {
  const out: Unpacked = {
    train: new Uint8Array(counts.train * cifarRecord),
    test: new Uint8Array(counts.test * cifarRecord),
  };
  const filled = { train: 0, test: 0 };
  const waiting: Promise<void>[] = [];
  const decode = async (name: string, bytes: Buffer, split: Split, at: number, label: number) => {
    const { width, height, data } = await readImage(bytes, { orient: false });
    if (width !== 32 || height !== 32) {
      throw new HubError("bad-data", `${path}: ${name}: expected 32x32 pixels, got ${width}x${height}`);
    }
    writeRecord(out[split], at, label, data);
    meter.add(1);
  };
  meter.begin("decoding", 0, counts.train + counts.test);
  await eachFile(path, signal, async (name, bytes) => {
    const match = /(train|test)\/(\w+)\/(\d+)\.jpe?g$/.exec(name);
    if (!match) return;
    const split = match[1] as Split;
    const label = classes.indexOf(match[2]!);
    const perClass = counts[split] / classes.length;
    const number = Number(match[3]);
    if (label < 0 || number >= perClass)
      throw new HubError("bad-data", `${path}: ${name}: not part of this data set`);
    filled[split]++;
    waiting.push(decode(name, await bytes(), split, label * perClass + number, label));
    if (waiting.length === batchSize) await Promise.all(waiting.splice(0));
  });
  await Promise.all(waiting);
  meter.end();
  for (const split of ["train", "test"] as const) {
    if (filled[split] === counts[split]) continue;
    throw new HubError(
      "bad-data",
      `${path}: expected ${counts[split]} images in ${split}, got ${filled[split]}`,
    );
  }
  return out;
}

/** Writes one record: the label, then the image [H, W, 3] plane by plane. */
function writeRecord(records: Uint8Array, at: number, label: number, pixels: Uint8Array): void {
  const start = at * cifarRecord;
  const area = cifarPixels / 3;
  records[start] = label;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) records[start + 1 + c * area + i] = pixels[i * 3 + c]!;
  }
}
