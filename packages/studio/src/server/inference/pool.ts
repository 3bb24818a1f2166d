/** Work that computes, off the event loop: jobs wait in a line of bounded length for a worker thread. */
import { Worker } from "node:worker_threads";
import { ApiError, type TaskEvent } from "../../api/index.ts";
import type { Failure, Incoming, JobAbout, JobName, JobOutput, Outgoing } from "./protocol.ts";

export interface PoolOptions {
  /** The worker's script: `worker.ts` of this folder, except in tests. */
  readonly script: URL;
  readonly workers: number;
  /** Jobs that wait or are worked on; one more is refused. */
  readonly capacity: number;
}

interface Job {
  readonly id: number;
  readonly name: JobName;
  readonly about: JobAbout<JobName>;
  readonly signal: AbortSignal | undefined;
  readonly tell: ((event: TaskEvent) => void) | undefined;
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
  readonly #line: Job[] = [];
  #lastId = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Jobs that wait or are worked on. */
  get size(): number {
    return this.#line.length + [...this.#seats].filter(({ job }) => job).length;
  }

  /** Throws `overloaded` where `busy` requests, by default the jobs, leave no room for another. */
  checkRoom(busy = this.size): void {
    if (this.#closed) throw new ApiError("overloaded", "the server is closing");
    if (busy >= this.#options.capacity)
      throw new ApiError("overloaded", `${busy} requests wait already; try again in a moment`);
  }

  /**
   * What the worker makes of the input. An aborted job leaves the line, or ends at the worker's next look
   * at its signal; the promise rejects at once with the signal's reason.
   */
  async run<N extends JobName>(
    name: N,
    about: JobAbout<N>,
    signal?: AbortSignal,
    tell?: (event: TaskEvent) => void,
  ): Promise<JobOutput<N>> {
    this.checkRoom();
    signal?.throwIfAborted();
    return await new Promise<JobOutput<N>>((resolve, reject) => {
      const job: Job = { id: ++this.#lastId, name, about, signal, tell, resolve, reject };
      this.#line.push(job);
      signal?.addEventListener("abort", () => this.#abort(job), { once: true });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const gone = new ApiError("overloaded", "the server is closing");
    for (const job of this.#line.splice(0)) job.reject(gone);
    await Promise.all(
      [...this.#seats].map(async ({ worker, job }) => {
        job?.reject(gone);
        await worker.terminate();
      }),
    );
  }

  #next(): void {
    if (this.#line.length === 0 || this.#closed) return;
    let seat = [...this.#seats].find(({ job }) => !job);
    if (!seat && this.#seats.size < this.#options.workers) seat = this.#open();
    if (!seat) return;
    const job = this.#line.shift()!;
    seat.job = job;
    const { id, name, about } = job;
    this.#tell(seat, { type: "job", id, name, about });
  }

  #tell(seat: Seat, message: Incoming): void {
    seat.worker.postMessage(message);
  }

  #open(): Seat {
    const worker = new Worker(this.#options.script);
    const seat: Seat = { worker, job: undefined };
    this.#seats.add(seat);
    worker.on("message", (message: Outgoing) => this.#hear(seat, message));
    worker.on("error", (error) => this.#lose(seat, error));
    worker.on("exit", (code) => this.#lose(seat, new Error(`the worker ended with code ${code}`)));
    return seat;
  }

  #hear(seat: Seat, message: Outgoing): void {
    const { job } = seat;
    if (job?.id !== message.id) return;
    if (message.type === "event") {
      job.tell?.(message.event);
      return;
    }
    seat.job = undefined;
    if (message.type === "done") job.resolve(message.output as never);
    else job.reject(revived(message.failure));
    this.#next();
  }

  /** A worker that died: its job fails, and the next job gets a new one. */
  #lose(seat: Seat, error: unknown): void {
    if (!this.#seats.delete(seat)) return;
    seat.job?.reject(new Error("the worker failed", { cause: error }));
    seat.job = undefined;
    this.#next();
  }

  #abort(job: Job): void {
    const at = this.#line.indexOf(job);
    if (at >= 0) this.#line.splice(at, 1);
    const seat = [...this.#seats].find((other) => other.job === job);
    if (seat) this.#tell(seat, { type: "abort", id: job.id });
    job.reject(job.signal?.reason);
  }
}

/** An error of another thread, with the name and code by which it is known. */
function revived({ name, message, code, field, stack }: Failure): Error {
  if (name === "ApiError") return new ApiError(code as ApiError["code"], message, field);
  return Object.assign(new Error(message), { name, stack, field, ...(code !== undefined && { code }) });
}
