/** Options and results of opening a checkpoint. Types only: nothing here runs. */
import type { CheckpointRecord, ReportProgress } from "@tessera-ml/hub";
import type { Checkpoint, OpenCheckpointOptions } from "@tessera-ml/nn";
import type { Network, Networks } from "../networks/networks.ts";

export interface OpenOptions extends OpenCheckpointOptions {
  /** Progress of a download or of verifying a file. */
  readonly progress?: ReportProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where a browser fetches `NAME/record.json` and the file beside it. Default `models`. */
  readonly base?: string;
  /** For a file without a record: which network it belongs to. */
  readonly network?: string | undefined;
  /** The task's own options: number of classes, labels, … */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Where a task gets its checkpoints. */
export interface Opener<R extends CheckpointRecord = CheckpointRecord> {
  /** The task's name, as in its records. */
  readonly task: string;
  readonly networks: Networks;
  /** Published checkpoints; shipped ones are found without them. */
  readonly records: readonly CheckpointRecord[];
  /** Validates the task-specific fields of a record, if it has any. @throws HubError `bad-data` naming the field */
  check?(record: CheckpointRecord, where: string): R;
  /** A record for a file without one, from its network and keys. Default: no task-specific fields. */
  bareRecord?(network: Network, file: string, checkpoint: Checkpoint): R | Promise<R>;
}

/** A located and opened checkpoint; the caller closes it. */
export interface OpenedFile<R extends CheckpointRecord = CheckpointRecord> {
  readonly record: R;
  readonly checkpoint: Checkpoint;
  /** Paths of the record's files, in order; Node only. */
  readonly paths: readonly string[];
}
