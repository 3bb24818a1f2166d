/** Messages between the server and its workers. */
import type { TaskEvent } from "../../api/index.ts";
import type { jobs } from "./jobs.ts";

type Jobs = typeof jobs;
export type JobName = keyof Jobs;
export type JobAbout<N extends JobName> = Parameters<Jobs[N]>[0];
export type JobOutput<N extends JobName> = Awaited<ReturnType<Jobs[N]>>;

export type Incoming =
  | { readonly type: "job"; readonly id: number; readonly name: JobName; readonly about: JobAbout<JobName> }
  | { readonly type: "abort"; readonly id: number };

/** A serialised error, as messages do not preserve classes. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly field: string | undefined;
  readonly stack: string | undefined;
}

export type Outgoing =
  | { readonly type: "event"; readonly id: number; readonly event: TaskEvent }
  | { readonly type: "done"; readonly id: number; readonly output: unknown }
  | { readonly type: "failed"; readonly id: number; readonly failure: Failure };
