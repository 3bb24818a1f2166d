/** What happened in a run, for whoever comes late. */
import type { TrainEvent } from "../../api/index.ts";

/** An event and its place in the run, which a client that lost its connection names to go on from there. */
export interface Told {
  readonly number: number;
  readonly event: TrainEvent;
}

export type Listener = (told: Told) => void;

/** Steps are thinned out when there are more. */
const MOST_STEPS = 2000;
/** Milliseconds between two steps that are told. */
const PAUSE = 95;

export class History {
  #told: Told[] = [];
  #steps = 0;
  #lastNumber = 0;
  #lastStepAt = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Set<Listener>();

  get last(): Told | undefined {
    return this.#told.at(-1);
  }

  /** Whether the run has ended. */
  get ended(): boolean {
    const type = this.last?.event.type;
    return type === "done" || type === "error";
  }

  add(event: TrainEvent): void {
    if (this.ended) return;
    if (event.type === "step") {
      const now = performance.now();
      if (now - this.#lastStepAt < PAUSE && event.step < event.steps) return;
      this.#lastStepAt = now;
      if (++this.#steps > MOST_STEPS) this.#thin();
    }
    const told = { number: ++this.#lastNumber, event };
    this.#told.push(told);
    for (const listener of this.#listeners) listener(told);
  }

  /** Tells all events after `after`, the old ones at once; the function that comes back ends it. */
  follow(after: number, listener: Listener): () => void {
    for (const told of this.#told) if (told.number > after) listener(told);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Drops every other step. */
  #thin(): void {
    let step = 0;
    this.#told = this.#told.filter(({ event }) => event.type !== "step" || step++ % 2 === 0);
    this.#steps = Math.ceil(step / 2);
  }
}
