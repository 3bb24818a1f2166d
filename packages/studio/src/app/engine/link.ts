/** The page's way to a worker: questions, each with one answer. */
import type { TrainEvent } from "../../api/index.ts";
import type { Answer, FromWorker, Question, QuestionName, ToWorker } from "./worker.ts";

/** Where the shipped checkpoints lie, beside the page; `index.json` lists them. */
export const BASE = new URL("models", document.baseURI).href;

interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of a run, before its answer. */
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

  /** @param name of the worker, for whoever debugs */
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

  /** Ends the worker; who waits for an answer is told why there is none. */
  close(why: string): void {
    this.#worker?.terminate();
    // The next question gets a new one.
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
      this.close(`The networks could not be started in this page: ${event.message ?? "no reason given"}.`);
    };
    return worker;
  }
}
