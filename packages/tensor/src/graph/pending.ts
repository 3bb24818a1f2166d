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

/** The pending values of all variables, which are then no longer marked. */
export function takePending(): Value[] {
  const values = [...dirty].map((holder) => holder.peekValue());
  dirty.clear();
  return values;
}
