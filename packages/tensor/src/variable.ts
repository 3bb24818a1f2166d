/** Mutable tensors: parameters, running statistics, optimizer state. */
import type { TypedArray } from "./dtype.ts";
import { topologicalOrder, Value } from "./graph/graph.ts";
import { markFresh, markPending, unmarkPending } from "./graph/pending.ts";
import type { Stored } from "./graph/stored.ts";
import { currentScope, currentTrace } from "./graph/trace.ts";
import { astype } from "./ops/cast.ts";
import { tensor } from "./ops/create.ts";
import { formatShape, sameShape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

export interface VariableOptions {
  readonly name?: string;
  /** Default: true, or false for a buffer. */
  readonly trainable?: boolean;
  readonly buffer?: boolean;
  readonly persistent?: boolean;
}

/**
 * A mutable tensor. Reading it gives its current value; `assign` replaces that with another of the same shape
 * and type. In a compiled function, the values read and written become inputs and outputs of the graph.
 */
export class Variable extends Tensor {
  /** The path in the module tree (`blocks.3.attn.qkv.weight`), once the tree has been traversed. */
  name: string | undefined;
  /** Whether it gets a gradient and optimizers update it. */
  trainable: boolean;
  /** Whether it is non-parameter state, such as a running statistic: never trained. */
  readonly isBuffer: boolean;
  /** Whether checkpoints include it; false for a buffer that can be recomputed. */
  readonly persistent: boolean;
  /** Increments with each new value. */
  version = 0;
  #value: Value;
  #spare: Stored | undefined;
  /** Whether its value was ever read outside compiled functions. */
  #wasRead = false;

  constructor(initial: Tensor, options: VariableOptions = {}) {
    // Not the initial value itself: its array would stay in memory as long as the variable.
    super(new Value(initial));
    this.#value = initial.value;
    this.name = options.name;
    this.isBuffer = options.buffer ?? false;
    this.trainable = options.trainable ?? !this.isBuffer;
    this.persistent = options.persistent ?? true;
    if (this.#value.stored) return;
    if (currentTrace() && dependsOnInputs(this.#value))
      throw new Error(
        `${this.name ?? "variable"}: the initial value depends on inputs of the function being compiled; create the variable outside it`,
      );
    markFresh(this);
  }

  override get value(): Value {
    const scope = currentScope();
    if (scope) return scope.read(this);
    this.#wasRead = true;
    const value = this.#value;
    if (value.stored) value.stored.shared = true;
    if (value.label === undefined && this.name !== undefined) value.label = this.name;
    return value;
  }

  /** Replaces the value: with a tensor of the same shape, or host values (row-major). */
  assign(next: Tensor | TypedArray): void {
    const given = next instanceof Tensor ? next : tensor(next, { dtype: this.dtype });
    const fits = next === given ? sameShape(given.shape, this.shape) : given.size === this.size;
    if (!fits)
      throw new Error(
        `${this.name ?? "variable"}: expected ${formatShape(this.shape)}, got ${formatShape(given.shape)}`,
      );
    this.assignValue(astype(given.reshape(this.shape), this.dtype).value);
  }

  /** `assign` for a graph value of the same shape and type. For scopes. */
  assignValue(value: Value): void {
    const scope = currentScope();
    if (scope) {
      scope.write(this, value);
      return;
    }
    this.#spare = undefined;
    this.#value = value;
    this.version++;
    if (value.stored) return;
    // An assignment before the first read sets the initial value, as constructors of networks do. It stays lazy,
    // so that a network that is only counted does not pay for it.
    if (this.#wasRead) markPending(this);
    else markFresh(this);
  }

  /** The value, without marking it as shared. For the compiler. */
  peekValue(): Value {
    return this.#value;
  }

  /** Adopts the result of a compiled run as the new value. For the compiler. */
  adopt(stored: Stored): void {
    const old = this.#value.stored;
    this.#spare = old && !old.shared ? old : undefined;
    this.#value = Value.leaf(stored, this.name);
    this.version++;
    unmarkPending(this);
  }

  /** Reverts the result of a failed run to the value `before` it. For the compiler. */
  revert(failed: Stored, before: Value): void {
    failed.instead = before;
    if (this.#value.stored !== failed) return;
    let value = before;
    while (value.stored?.instead) value = value.stored.instead;
    this.#value = value;
    this.#spare = undefined;
    this.version++;
  }

  /** The array of the previous value, to write the next result into, if it is not shared. For the compiler. */
  takeSpare(): Stored | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare;
  }
}

/** Whether an uncomputed value depends on an input of the function being compiled. */
function dependsOnInputs(value: Value): boolean {
  return topologicalOrder([value]).some(({ inputs }) => inputs.some(isInput)) || isInput(value);
}
function isInput(value: Value): boolean {
  return !value.stored && !value.node;
}

/**
 * A variable that optimizers do not update: a running statistic, a counter, a table. Checkpoints omit it
 * unless `persistent` (the default).
 */
export function buffer(initial: Tensor, options: { persistent?: boolean } = {}): Variable {
  return new Variable(initial, { ...options, buffer: true });
}

/** A trainable variable. */
export function parameter(initial: Tensor): Variable {
  return new Variable(initial);
}
