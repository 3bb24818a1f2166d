/** Reads labels from a file on Node. */
import { readFile } from "node:fs/promises";
import { parseLabels } from "./labels.ts";

/** @throws RangeError if the file holds no labels */
export async function readLabels(file: string): Promise<string[]> {
  return parseLabels(await readFile(file, "utf8"), file);
}
