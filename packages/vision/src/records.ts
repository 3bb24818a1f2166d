/** From the record of a checkpoint to its network. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import { type FoundModel, findModel } from "./registry.ts";

/** Sources that have names of their own for networks; the others call them as we do. */
const NAMING: ReadonlySet<CheckpointRecord["source"]> = new Set(["torchvision", "timm"]);

/** A record's network, and its name in the registry. */
export interface FoundNetwork extends FoundModel {
  readonly name: string;
}

/** @throws Error naming the networks that are close to the record's */
export function findNetwork({ source, preset }: Pick<CheckpointRecord, "source" | "preset">): FoundNetwork {
  const found = findModel(NAMING.has(source) ? `${source}/${preset}` : preset);
  return { ...found, name: found.entry.name };
}
