/** Files written by the reference libraries, with their expected contents (tools/fixtures/checkpoints.py). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Checkpoint } from "../../../src/files/index.ts";

export function fixture(name: string): string {
  return join(import.meta.dirname, "../fixtures", name);
}

type Expected = Readonly<Record<string, Readonly<Record<string, { shape: number[]; values: number[] }>>>>;
export const expected = JSON.parse(readFileSync(fixture("expected.json"), "utf8")) as Expected;

/** Compares every tensor of a file with the reference: shape, values, and a single row read by itself. */
export async function expectTensors(
  file: string,
  checkpoint: Checkpoint,
  only?: readonly string[],
): Promise<void> {
  for (const [key, { shape, values }] of Object.entries(expected[file] ?? {})) {
    if (only && !only.includes(key)) continue;
    const tensor = checkpoint.get(key);
    expect(tensor.shape, key).toEqual(shape);
    expect(Array.from(await tensor.read(), Number), key).toEqual(values.map((value) => Number(value)));
    const rows = shape[0] ?? 0;
    if (rows < 2) continue;
    const row = values.length / rows;
    const middle = await tensor.readRange(1, 2);
    expect(Array.from(middle, Number), `${key}, row 1`).toEqual(values.slice(row, 2 * row));
  }
}

/** Shared data next to the repository, which may be absent. */
export function shared(path: string): string | undefined {
  const root = process.env.TESSERA_SHARED ?? join(import.meta.dirname, "../../../../../../shared");
  const full = join(root, "data", path);
  return existsSync(full) ? full : undefined;
}
