/** Keeps computation off the event loop: a bounded queue of jobs for worker threads. */
import { Worker } from "node:worker_threads";
import { ApiError, type TaskEvent } from "../../api/index.ts";
import type { Failure, Incoming, JobAbout, JobName, JobOutput, Outgoing } from "./protocol.ts";

export interface PoolOptions {
  /** The worker's script: `worker.ts` of this folder, except in tests. */
  readonly script: URL;
  readonly workers: number;
  /** Jobs queued or in progress; further ones are rejected. */
  readonly capacity: number;
}

interface Job {
  readonly id: number;
  readonly name: JobName;
  readonly about: JobAbout<JobName>;
  readonly signal: AbortSignal | undefined;
  readonly emit: ((event: TaskEvent) => void) | undefined;
  readonly resolve: (output: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Seat {
  readonly worker: Worker;
  job: Job | undefined;
}

export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #seats = new Set<Seat>();
  readonly #queue: Job[] = [];
  #lastId = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Jobs queued or in progress. */
  get size(): number {
    return this.#queue.length + [...this.#seats].filter(({ job }) => job).length;
  }

  /** @throws ApiError `overloaded` if `busy` requests, by default the jobs, have reached the capacity */
  checkRoom(busy = this.size): void {
    if (this.#closed) throw new ApiError("overloaded", "the server is closing");
    if (busy >= this.#options.capacity)
      throw new ApiError("overloaded", `${busy} requests are queued; try again in a moment`);
  }

  /**
   * Runs a job on a worker. An aborted job leaves the queue, or ends when the worker next checks its signal; the promise
   * rejects immediately with the signal's reason.
   */
  async run<N extends JobName>(
    name: N,
    about: JobAbout<N>,
    signal?: AbortSignal,
    emit?: (event: TaskEvent) => void,
  ): Promise<JobOutput<N>> {
    this.checkRoom();
    signal?.throwIfAborted();
    return await new Promise<JobOutput<N>>((resolve, reject) => {
      const job: Job = { id: ++this.#lastId, name, about, signal, emit, resolve, reject };
      this.#queue.push(job);
      signal?.addEventListener("abort", () => this.#abort(job), { once: true });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const gone = new ApiError("overloaded", "the server is closing");
    for (const job of this.#queue.splice(0)) job.reject(gone);
    await Promise.all(
      [...this.#seats].map(async ({ worker, job }) => {
        job?.reject(gone);
        await worker.terminate();
      }),
    );
  }

  #next(): void {
    if (this.#queue.length === 0 || this.#closed) return;
    let seat = [...this.#seats].find(({ job }) => !job);
    if (!seat && this.#seats.size < this.#options.workers) seat = this.#open();
    if (!seat) return;
    const job = this.#queue.shift()!;
    seat.job = job;
    const { id, name, about } = job;
    this.#post(seat, { type: "job", id, name, about });
  }

  #post(seat: Seat, message: Incoming): void {
    seat.worker.postMessage(message);
  }

  #open(): Seat {
    const worker = new Worker(this.#options.script);
    const seat: Seat = { worker, job: undefined };
    this.#seats.add(seat);
    worker.on("message", (message: Outgoing) => this.#receive(seat, message));
    worker.on("error", (error) => this.#lose(seat, error));
    worker.on("exit", (code) => this.#lose(seat, new Error(`the worker ended with code ${code}`)));
    return seat;
  }

  #receive(seat: Seat, message: Outgoing): void {
    const { job } = seat;
    if (job?.id !== message.id) return;
    if (message.type === "event") {
      job.emit?.(message.event);
      return;
    }
    seat.job = undefined;
    if (message.type === "done") job.resolve(message.output as never);
    else job.reject(revived(message.failure));
    this.#next();
  }

  /** Handles a dead worker: its job fails, and the next job starts a new worker. */
  #lose(seat: Seat, error: unknown): void {
    if (!this.#seats.delete(seat)) return;
    seat.job?.reject(new Error("the worker failed", { cause: error }));
    seat.job = undefined;
    this.#next();
  }

  #abort(job: Job): void {
    const at = this.#queue.indexOf(job);
    if (at >= 0) this.#queue.splice(at, 1);
    const seat = [...this.#seats].find((other) => other.job === job);
    if (seat) this.#post(seat, { type: "abort", id: job.id });
    job.reject(job.signal?.reason);
  }
}

/** Rebuilds a worker's error with its name and code. */
function revived({ name, message, code, field, stack }: Failure): Error {
  if (name === "ApiError") return new ApiError(code as ApiError["code"], message, field);
  return Object.assign(new Error(message), { name, stack, field, ...(code !== undefined && { code }) });
}
