/** Scopes that redirect reads and assignments of variables while a function is traced or differentiated. */

import type { Variable } from "../variable.ts";
import { idMark, Value } from "./graph.ts";

export interface Scope {
  read(variable: Variable): Value;
  write(variable: Variable, value: Value): void;
  /** The trace of the compiled function being traced, if any. */
  readonly trace: Trace | undefined;
}

/** A function being compiled: the variables it reads and writes. */
export class Trace implements Scope {
  readonly trace: Trace = this;
  /** Whether the function is compiled for inference: its parameters are frozen. */
  readonly inference: boolean;
  /** Whether its linear layers may compute in 8 bits. */
  readonly int8: boolean;
  /** Values with a smaller id were created outside the function. */
  readonly mark: number = idMark();
  readonly reads: Map<Variable, Value> = new Map();
  readonly writes: Map<Variable, Value> = new Map();
  readonly guards: { read: () => unknown; value: unknown }[] = [];

  constructor(options: { readonly inference?: boolean; readonly int8?: boolean } = {}) {
    this.inference = options.inference ?? false;
    this.int8 = options.int8 ?? false;
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
 * The scope of a function being differentiated or recomputed: variables have the given values, or else those
 * of the enclosing scope.
 */
export class Overlay implements Scope {
  /** The first value read from each variable. */
  readonly reads: Map<Variable, Value> = new Map();
  private readonly values: Map<Variable, Value>;
  private readonly dry: boolean;
  private readonly outer = current;

  /** `dry`: assignments are discarded with the scope. */
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

/** The scope for reads and assignments of variables; `undefined` means direct access. */
export function currentScope(): Scope | undefined {
  return current;
}

/** The current trace, or `undefined` outside compiled functions. */
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
 * Makes the compiled function depend on something other than a tensor, such as a module's training mode: it is
 * retraced when `read()` returns a different value than now.
 */
export function guard<T>(read: () => T): T {
  const value = read();
  current?.trace?.guards.push({ read, value });
  return value;
}
