/** What reading and assigning a variable means while a function is traced or differentiated. */

import type { Variable } from "../variable.ts";
import { idMark, Value } from "./graph.ts";

export interface Scope {
  read(variable: Variable): Value;
  write(variable: Variable, value: Value): void;
  /** The compiled function that is being traced, if any. */
  readonly trace: Trace | undefined;
}

/** The function being compiled: which variables it reads and writes. */
export class Trace implements Scope {
  readonly trace: Trace = this;
  /** Whether the function is compiled for inference: its parameters are frozen. */
  readonly inference: boolean;
  /** Values with a smaller id were made outside. */
  readonly mark: number = idMark();
  readonly reads: Map<Variable, Value> = new Map();
  readonly writes: Map<Variable, Value> = new Map();
  readonly guards: { read: () => unknown; value: unknown }[] = [];

  constructor(inference = false) {
    this.inference = inference;
  }

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

/**
 * A function that is differentiated or computed again: variables have the values given, and otherwise
 * those of the scope around it.
 */
export class Overlay implements Scope {
  /** The first value that was read of each variable. */
  readonly reads: Map<Variable, Value> = new Map();
  private readonly values: Map<Variable, Value>;
  private readonly dry: boolean;
  private readonly outer = current;

  /** `dry`: assignments end with the scope. */
  constructor(values: ReadonlyMap<Variable, Value> = new Map(), options: { dry?: boolean } = {}) {
    this.values = new Map(values);
    this.dry = options.dry ?? false;
  }

  get trace(): Trace | undefined {
    return this.outer?.trace;
  }

  read(variable: Variable): Value {
    let value = this.values.get(variable);
    if (!value) {
      value = within(this.outer, () => variable.value);
      this.values.set(variable, value);
    }
    if (!this.reads.has(variable)) this.reads.set(variable, value);
    return value;
  }

  write(variable: Variable, value: Value): void {
    this.values.set(variable, value);
    if (!this.dry) within(this.outer, () => variable.assignValue(value));
  }
}

let current: Scope | undefined;

/** What variables are read and assigned through; `undefined` where they are so themselves. */
export function currentScope(): Scope | undefined {
  return current;
}

/** The trace under way, or `undefined` outside of compiled functions. */
export function currentTrace(): Trace | undefined {
  return current?.trace;
}

/** Runs `fn` in a scope. */
export function within<T>(scope: Scope | undefined, fn: () => T): T {
  const outer = current;
  current = scope;
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
  current?.trace?.guards.push({ read, value });
  return value;
}
