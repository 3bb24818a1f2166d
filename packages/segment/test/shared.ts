import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Large reference data: next to the repository, or in `TESSERA_SHARED`. */
const shared = process.env.TESSERA_SHARED ?? resolve(import.meta.dirname, "../../../../shared");

export const goldenFile = join(shared, "golden/segmentation/segmentation.json");
export const goldens: Readonly<Record<string, unknown>> = existsSync(goldenFile)
  ? (JSON.parse(readFileSync(goldenFile, "utf8")) as Record<string, unknown>)
  : {};
if (Object.keys(goldens).length === 0) console.log(`segment: not checked against goldens: no ${goldenFile}`);

/** Cases that take long. */
export const HEAVY =
  /^(sam1-vit-|mobilesam\/|evaluate\/davis|training\/step-)|-1024|\/(long|reverse|clear|remove|corrections|corrections-legacy|conditioning-again|formula-frames|occlusion)$/;
