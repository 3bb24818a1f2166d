/** Training in the page: one run at a time, in its own worker, so that networks keep answering. */
import type { ModelInfo, TrainRequest } from "../../api/index.ts";
import type { Training } from "./engine.ts";
import { WorkerLink } from "./link.ts";
import { messageOf } from "./message.ts";

interface PageRun {
  readonly id: string;
  readonly link: WorkerLink;
  readonly stop: AbortController;
  heard: Parameters<Training["follow"]>[1] | undefined;
  failed: Parameters<Training["follow"]>[2] | undefined;
  ended: Promise<void> | undefined;
}

export class PageTraining implements Training {
  readonly #networks: WorkerLink;
  readonly #trained: (model: ModelInfo) => void;
  #run: PageRun | undefined;
  #lastId = 0;

  /**
   * @param networks the worker that answers questions: it gets the trained network
   * @param trained called once `networks` has a trained network
   */
  constructor(networks: WorkerLink, trained: (model: ModelInfo) => void) {
    this.#networks = networks;
    this.#trained = trained;
  }

  recipes() {
    return this.#networks.ask("recipes", {});
  }

  async start(request: TrainRequest) {
    if (this.#run) throw new Error("A run is in progress in this page: stop it or wait for it to end.");
    const run: PageRun = {
      id: String(++this.#lastId),
      link: new WorkerLink("training"),
      stop: new AbortController(),
      heard: undefined,
      failed: undefined,
      ended: undefined,
    };
    this.#run = run;
    run.ended = this.#train(run, request);
    return run.id;
  }

  async running() {
    return this.#run?.id;
  }

  /** Called right after the start, before the first event: only this page can follow the run. */
  follow(...[id, heard, failed]: Parameters<Training["follow"]>) {
    const run = this.#run;
    if (run?.id === id) Object.assign(run, { heard, failed });
    else failed("This page has no such run.");
    return () => void (run && Object.assign(run, { heard: undefined, failed: undefined }));
  }

  async stop(id: string) {
    if (this.#run?.id !== id) return;
    this.#run.stop.abort();
    await this.#run.ended;
  }

  close(why: string): void {
    this.#run?.link.close(why);
  }

  async #train(run: PageRun, request: TrainRequest): Promise<void> {
    try {
      const { done, ...trained } = await run.link.ask(
        "train",
        { id: run.id, ...request },
        { signal: run.stop.signal, heard: (event) => run.heard?.(event) },
      );
      this.#trained(await this.#networks.ask("keep", trained));
      run.heard?.(done);
    } catch (error) {
      run.failed?.(messageOf(error));
    } finally {
      run.link.close("The run has ended.");
      this.#run = undefined;
    }
  }
}
