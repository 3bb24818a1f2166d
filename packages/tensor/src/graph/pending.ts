/** Variables with a pending value: the next read of anything computes them too. */
import { topologicalOrder, type Value } from "./graph.ts";

interface Holder {
  peekValue(): Value;
}
/** Variables that were assigned. If not computed, the graph of a loop of assignments would grow without bound. */
const assigned = new Set<Holder>();
/**
 * Variables with an initial value that was never read. It is computed only with a graph that needs it, so a
 * model that is loaded from a file, counted or discarded never pays for its random numbers.
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

/** The initial values that a graph needs. Variables with a computed value are unmarked. */
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
 * Calls `compute` with the values, the pending values of all variables (which are then unmarked), and the
 * initial values these need. A variable that fails does not block the others: the error surfaces when it is
 * read.
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
