/** The page's connection to a worker: each question gets one answer. */
import type { TrainEvent } from "../../api/index.ts";
import type { Answer, FromWorker, Question, QuestionName, ToWorker } from "./worker.ts";

/** The folder of shipped checkpoints beside the page; `index.json` lists them. */
export const BASE = new URL("models", document.baseURI).href;

interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called for each event of a run, before its answer. */
  readonly heard?: (event: TrainEvent) => void;
}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
  readonly heard: AskOptions["heard"];
}

export class WorkerLink {
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  /** @param name the worker's, in developer tools */
  constructor(name: string) {
    this.#name = name;
  }

  ask<N extends QuestionName>(
    name: N,
    about: Question<N>,
    { signal, heard }: AskOptions = {},
  ): Promise<Answer<N>> {
    this.#worker ??= this.#open();
    const worker = this.#worker;
    const id = ++this.#lastId;
    const tell = (message: ToWorker) => worker.postMessage(message);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, heard });
      signal?.addEventListener("abort", () => tell({ type: "forget", id }), { once: true });
      tell({ type: "ask", id, name, about, base: BASE });
    });
  }

  /** Ends the worker. Questions without an answer fail with the reason. */
  close(why: string): void {
    this.#worker?.terminate();
    // The next question starts a new one.
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }

  #open(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: this.#name });
    worker.onmessage = ({ data: { id, event, answer, failure } }: MessageEvent<FromWorker>) => {
      const waiting = this.#waiting.get(id);
      if (event) return waiting?.heard?.(event);
      this.#waiting.delete(id);
      if (failure === undefined) waiting?.resolve(answer as never);
      else waiting?.reject(new Error(failure));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.close(`Networks could not start in this page: ${event.message ?? "no reason given"}.`);
    };
    return worker;
  }
}
