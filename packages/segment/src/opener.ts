/** Where checkpoints of promptable segmentation come from. */
import { defaultOf, type Opener, recordsOf } from "@tessera-ml/kit";
import { networks } from "./networks/index.ts";
import { checkSegmentRecord, records, type SegmentRecord, TASK } from "./records.ts";

export const opener: Opener<SegmentRecord> = { task: TASK, networks, records, check: checkSegmentRecord };

/**
 * The best checkpoint on this machine: a published one that was downloaded, else one that ships with Tessera.
 *
 * @throws HubError `absent`
 */
export async function defaultCheckpoint(): Promise<string> {
  return await defaultOf(opener, [...records, ...(await recordsOf(opener))]);
}
