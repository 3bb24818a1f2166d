/** Variables whose new value is not computed yet: the next read computes them with it. */
import { topologicalOrder, type Value } from "./graph.ts";

interface Holder {
  peekValue(): Value;
}
/** Variables that were assigned: left alone, a loop of assignments would grow without bound. */
const assigned = new Set<Holder>();
/**
 * Variables with an initial value that nothing has asked for. It is computed only with a graph that needs
 * it: a model that is loaded from a file, counted or dropped never pays for its random numbers.
 */
const fresh = new Set<WeakRef<Holder>>();

export function markPending(holder: Holder): void {
  assigned.add(holder);
}
export function markFresh(holder: Holder): void {
  fresh.add(new WeakRef(holder));
}
export function unmarkPending(holder: Holder): void {
  assigned.delete(holder);
}

/** The initial values that a graph needs; their variables are no longer marked once these are there. */
function takeFresh(roots: readonly Value[]): Value[] {
  if (fresh.size === 0) return [];
  const needed = new Set<Value>(roots);
  for (const node of topologicalOrder(roots)) for (const output of node.outputs) needed.add(output);
  const taken: Value[] = [];
  for (const reference of fresh) {
    const value = reference.deref()?.peekValue();
    if (!value || value.stored) fresh.delete(reference);
    else if (needed.has(value)) taken.push(value);
  }
  return taken;
}

/**
 * Calls `compute` with the values, the new ones of all variables, which are then no longer marked, and the
 * initial ones they need. A variable that cannot be computed does not stand in the way of others: it is left
 * to whoever reads it.
 */
export function withPending(values: readonly Value[], compute: (values: readonly Value[]) => void): void {
  const pending = [...assigned].map((holder) => holder.peekValue());
  assigned.clear();
  pending.push(...takeFresh([...values, ...pending]));
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
