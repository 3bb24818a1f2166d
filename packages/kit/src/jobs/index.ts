/**
 * Jobs in shards: resumable, in this process or by any number of workers on a queue. Node only.
 *
 * @packageDocumentation
 */
export {
  describeShard,
  JobError,
  type JobProgress,
  type RunJobOptions,
  type Shard,
  type ShardContext,
  type ShardedJob,
  type ShardFailure,
} from "./job.ts";
export { QueueError } from "./queue-error.ts";
export { runJob } from "./run.ts";
