import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type * as z from "zod";
import { shippedRoot } from "./environment.ts";
import { HubError } from "./error.ts";
import { statFile, writeAtomic } from "./files.ts";
import { type CheckpointRecord, type FileRecord, parseRecord, parseRecordAs } from "./record.ts";
import { sha256File } from "./verify.ts";

/*
 * The checkpoints that ship with Tessera: one folder each, models/<name>/, with record.json (a CheckpointRecord), the
 * files it names, and README.md, the model card. Every folder with a record is a model; there is no list to maintain.
 */

export function shippedPath(record: CheckpointRecord, file: FileRecord): string {
  return join(shippedRoot(), record.name, file.file);
}

function recordPath(name: string): string {
  return join(shippedRoot(), name, "record.json");
}

/**
 * Reads all records of `models/`, ordered by name. Throws `bad-data` naming the file and
 * the field.
 */
export function shippedRecords(): CheckpointRecord[] {
  const root = shippedRoot();
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .toSorted()
    .filter((folder) => existsSync(recordPath(folder)))
    .map((folder) => {
      const path = recordPath(folder);
      const record = readRecord(path);
      if (record.name === folder) return record;
      throw new HubError(
        "bad-data",
        `${path}: expected name ${JSON.stringify(folder)}, got ${JSON.stringify(record.name)}`,
      );
    });
}

/** Like {@link shippedRecords}, but only those of one task, validated by its schema. */
export function shippedRecordsOf<T extends CheckpointRecord>(task: string, schema: z.ZodType<T>): T[] {
  return shippedRecords()
    .filter((record) => record.task === task)
    .map((record) => parseRecordAs(schema, record, recordPath(record.name)));
}

/** Reads one `record.json` of any task. Throws `bad-data` naming the file and the field. */
export function readRecord(path: string): CheckpointRecord {
  return parseRecord(readFileSync(path, "utf8"), path);
}

/** Like {@link readRecord}, with the schema of a task. */
export function readRecordAs<T extends CheckpointRecord>(schema: z.ZodType<T>, path: string): T {
  return parseRecordAs(schema, readFileSync(path, "utf8"), path);
}

/**
 * Adds a checkpoint to `models/`: writes its record with the sizes and hashes of the files, which are in its folder
 * already. Returns that record.
 * Throws `absent` if a file is missing, `bad-data` if the record is invalid.
 */
export async function shipCheckpoint<T extends CheckpointRecord>(record: T): Promise<T> {
  const [first, ...rest] = record.files;
  const whole = {
    ...record,
    files: [
      await measured(record, first),
      ...(await Promise.all(rest.map((file) => measured(record, file)))),
    ],
  };
  const path = recordPath(record.name);
  const json = `${JSON.stringify(whole, null, 2)}\n`;
  parseRecord(json, path);
  await writeAtomic(path, json);
  return whole;
}

async function measured(record: CheckpointRecord, file: FileRecord): Promise<FileRecord> {
  const path = shippedPath(record, file);
  const found = await statFile(path);
  if (!found) throw new HubError("absent", `${path}: no such file; save the checkpoint before its record`);
  return { ...file, size: found.size, sha256: await sha256File(path) };
}
