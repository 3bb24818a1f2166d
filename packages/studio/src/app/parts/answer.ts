/** A question to the engine, for a component to show. */
import { type ReadonlySignal, useSignal, useSignalEffect } from "@preact/signals";
import { messageOf } from "../engine/message.ts";

export interface Loaded<T> {
  /** The last answer. It stays until the next one comes. */
  readonly value?: T;
  readonly failure?: string;
  readonly waiting: boolean;
}

/**
 * Asks again whenever a signal that `question` reads changes. Undefined asks nothing and drops the answer. The question
 * must read its signals before its first `await`.
 */
export function useAnswer<T>(
  question: (signal: AbortSignal) => Promise<T> | undefined,
): ReadonlySignal<Loaded<T>> {
  const loaded = useSignal<Loaded<T>>({ waiting: true });
  useSignalEffect(() => {
    const stop = new AbortController();
    const answer = question(stop.signal);
    if (!answer) {
      loaded.value = { waiting: false };
      return undefined;
    }
    const { failure: _, ...before } = loaded.peek();
    loaded.value = { ...before, waiting: true };
    void answer.then(
      (value) => {
        if (!stop.signal.aborted) loaded.value = { value, waiting: false };
      },
      (error: unknown) => {
        if (!stop.signal.aborted) loaded.value = { failure: messageOf(error), waiting: false };
      },
    );
    return () => stop.abort();
  });
  return loaded;
}
