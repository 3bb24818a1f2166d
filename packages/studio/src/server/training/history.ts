/** The events of a run, for clients that connect late. */
import type { TrainEvent } from "../../api/index.ts";

/** An event and its number in the run, from which a client that lost its connection can resume. */
export interface NumberedEvent {
  readonly number: number;
  readonly event: TrainEvent;
}

export type Listener = (numbered: NumberedEvent) => void;

/** Beyond this many steps, every other one is dropped. */
const MOST_STEPS = 2000;
/** Minimum milliseconds between two recorded steps. */
const PAUSE = 95;

export class History {
  #events: NumberedEvent[] = [];
  #steps = 0;
  #lastNumber = 0;
  #lastStepAt = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Set<Listener>();

  get last(): NumberedEvent | undefined {
    return this.#events.at(-1);
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
    const numbered = { number: ++this.#lastNumber, event };
    this.#events.push(numbered);
    for (const listener of this.#listeners) listener(numbered);
  }

  /** Calls `listener` with all events after `after`, past ones immediately. Returns a function that unsubscribes it. */
  follow(after: number, listener: Listener): () => void {
    for (const numbered of this.#events) if (numbered.number > after) listener(numbered);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Drops every other step. */
  #thin(): void {
    let step = 0;
    this.#events = this.#events.filter(({ event }) => event.type !== "step" || step++ % 2 === 0);
    this.#steps = Math.ceil(step / 2);
  }
}
