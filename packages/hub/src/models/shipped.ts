import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { shippedRoot } from "../environment.ts";
import { HubError } from "../error.ts";
import { statFile, writeAtomic } from "../files.ts";
import { sha256File } from "../verify.ts";
import { type CheckpointRecord, parseRecord } from "./record.ts";

/*
 * The checkpoints that come with Tessera: one folder each, models/<name>/, with record.json (a CheckpointRecord),
 * the file it names, and README.md, the model card. There is no list to keep: a folder with a record is a model.
 */

export function shippedPath(record: CheckpointRecord): string {
  return join(shippedRoot(), record.name, record.file);
}

/** Reads the records of `models/`, in order of their names. Throws `bad-data` naming the file and the field. */
export function shippedRecords(): CheckpointRecord[] {
  const root = shippedRoot();
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .toSorted()
    .filter((folder) => existsSync(join(root, folder, "record.json")))
    .map((folder) => {
      const path = join(root, folder, "record.json");
      const record = readRecord(path);
      if (record.name === folder) return record;
      throw new HubError(
        "bad-data",
        `${path}: expected name ${JSON.stringify(folder)}, got ${JSON.stringify(record.name)}`,
      );
    });
}

/** Reads one `record.json`. Throws `bad-data` naming the file and the field. */
export function readRecord(path: string): CheckpointRecord {
  return parseRecord(readFileSync(path, "utf8"), path);
}

/**
 * Adds a checkpoint to `models/`: writes its record with the size and hash of the file that lies in its folder.
 * Throws `absent` where no file lies there, `bad-data` where the record is wrong.
 */
export async function shipModel(
  record: Omit<CheckpointRecord, "size" | "sha256" | "source">,
): Promise<CheckpointRecord> {
  const path = join(shippedRoot(), record.name, record.file);
  const found = await statFile(path);
  if (!found) throw new HubError("absent", `${path}: no such file; save the checkpoint before its record`);
  const whole = { ...record, source: "tessera" as const, size: found.size, sha256: await sha256File(path) };
  const file = join(shippedRoot(), record.name, "record.json");
  const json = `${JSON.stringify(whole, null, 2)}\n`;
  const checked = parseRecord(json, file);
  await writeAtomic(file, json);
  return checked;
}
