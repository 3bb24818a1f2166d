/** Variables whose new value is not computed yet: the next read computes them all. */
import type { Value } from "./graph.ts";

interface Holder {
  peekValue(): Value;
}
const dirty = new Set<Holder>();

export function markPending(holder: Holder): void {
  dirty.add(holder);
}
export function unmarkPending(holder: Holder): void {
  dirty.delete(holder);
}

/**
 * Calls `compute` with the values and the pending ones of all variables, which are then no longer
 * marked. A variable that cannot be computed does not stand in the way of others: it is left to whoever
 * reads it.
 */
export function withPending(values: readonly Value[], compute: (values: readonly Value[]) => void): void {
  const pending = [...dirty].map((holder) => holder.peekValue());
  dirty.clear();
  try {
    compute([...values, ...pending]);
  } catch {
    for (const value of pending) {
      try {
        compute([value]);
      } catch {}
    }
    compute(values);
  }
}
