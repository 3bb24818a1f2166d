/** What is needed to open a checkpoint. Types only: nothing here runs. */
import type { CheckpointRecord, ReportProgress } from "@tessera-ml/hub";
import type { Checkpoint, OpenCheckpointOptions } from "@tessera-ml/nn";
import type { Network, Networks } from "../networks/networks.ts";

export interface OpenOptions extends OpenCheckpointOptions {
  /** Progress of a download, or of checking a file. */
  readonly progress?: ReportProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where a browser fetches `NAME/record.json` and the file beside it. Default `models`. */
  readonly base?: string;
  /** For a file without a record: which network it belongs to. */
  readonly network?: string | undefined;
  /** The task's own options: number of classes, labels, … */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Where a task's checkpoints come from. */
export interface Opener<R extends CheckpointRecord = CheckpointRecord> {
  /** The task's name, as its records have it. */
  readonly task: string;
  readonly networks: Networks;
  /** Published checkpoints; those that come with Tessera are found without them. */
  readonly records: readonly CheckpointRecord[];
  /** A record with the task's own fields checked, if it has any. @throws HubError `bad-data` naming the field */
  check?(record: CheckpointRecord, where: string): R;
  /** What can be said of a file without a record, from its network and its keys. Default: no fields of the task's own. */
  bareRecord?(network: Network, file: string, checkpoint: Checkpoint): R | Promise<R>;
}

/** A checkpoint that was found and opened; the caller closes it. */
export interface OpenedFile<R extends CheckpointRecord = CheckpointRecord> {
  readonly record: R;
  readonly checkpoint: Checkpoint;
  /** Where the record's files lie, in their order; on Node alone. */
  readonly paths: readonly string[];
}
