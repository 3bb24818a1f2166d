/** Default records of opened checkpoints. Runs on Node and in browsers. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import type { Checkpoint } from "@tessera-ml/nn";
import type { Network } from "../networks/networks.ts";
import type { Opener } from "./types.ts";

/** Validates the task-specific fields of a record. */
export function checked<R extends CheckpointRecord>(
  opener: Opener<R>,
  record: CheckpointRecord,
  where: string,
): R {
  return opener.check?.(record, where) ?? (record as R);
}

/** A record for a file without one. */
export async function bareRecord<R extends CheckpointRecord>(
  opener: Opener<R>,
  network: Network,
  file: string,
  checkpoint: Checkpoint,
): Promise<R> {
  const own = await opener.bareRecord?.(network, file, checkpoint);
  if (own) return own;
  const { name, paper } = network;
  const record: CheckpointRecord = {
    name: file,
    task: opener.task,
    network: name,
    source: "tessera",
    files: [{ file }],
    licence: "unknown",
    reference: paper,
  };
  return record as R;
}
