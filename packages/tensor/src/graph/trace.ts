/** The function being compiled, if any: which variables it reads and writes. */

import type { Variable } from "../variable.ts";
import { idMark, Value } from "./graph.ts";

export class Trace {
  /** Values with a smaller id were made outside. */
  readonly mark: number = idMark();
  readonly reads: Map<Variable, Value> = new Map();
  readonly writes: Map<Variable, Value> = new Map();
  readonly guards: { read: () => unknown; value: unknown }[] = [];

  read(variable: Variable): Value {
    const written = this.writes.get(variable);
    if (written) return written;
    let value = this.reads.get(variable);
    if (!value) {
      value = new Value(variable);
      value.label = variable.name;
      this.reads.set(variable, value);
    }
    return value;
  }

  write(variable: Variable, value: Value): void {
    this.writes.set(variable, value);
  }
}

let current: Trace | undefined;

/** The trace under way, or `undefined` outside of compiled functions. */
export function currentTrace(): Trace | undefined {
  return current;
}

/** Runs `fn` under a trace. */
export function underTrace<T>(trace: Trace, fn: () => T): T {
  const outer = current;
  current = trace;
  try {
    return fn();
  } finally {
    current = outer;
  }
}

/**
 * Tells a compiled function that it depends on something that is not a tensor, such as a module's
 * training mode: it is traced again when `read()` gives another value than now.
 */
export function guard<T>(read: () => T): T {
  const value = read();
  current?.guards.push({ read, value });
  return value;
}
