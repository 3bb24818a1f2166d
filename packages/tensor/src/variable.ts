/** Tensors that change: parameters, running statistics, optimizer state. */
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
  /** Default: true, false for a buffer. */
  readonly trainable?: boolean;
  readonly buffer?: boolean;
  readonly persistent?: boolean;
}

/**
 * A tensor with a place of its own. Reading one gives its value at that moment; `assign` gives it
 * another, of the same shape and type. In a compiled function the values it reads and writes become
 * inputs and outputs of the graph.
 */
export class Variable extends Tensor {
  /** The path in the module tree (`blocks.3.attn.qkv.weight`), once the tree was walked. */
  name: string | undefined;
  /** Whether gradients are taken and optimizers change it. */
  trainable: boolean;
  /** Whether it is state beside the parameters, such as a running statistic: never trained. */
  readonly isBuffer: boolean;
  /** Whether checkpoints keep it; false for a buffer that can be computed again. */
  readonly persistent: boolean;
  /** Grows with each new value. */
  version = 0;
  #value: Value;
  #spare: Stored | undefined;
  /** Whether anything outside of compiled functions has read a value of it. */
  #asked = false;

  constructor(initial: Tensor, options: VariableOptions = {}) {
    // Not the initial value itself: its array would stay in memory for as long as the variable.
    super(new Value(initial));
    this.#value = initial.value;
    this.name = options.name;
    this.isBuffer = options.buffer ?? false;
    this.trainable = options.trainable ?? !this.isBuffer;
    this.persistent = options.persistent ?? true;
    if (this.#value.stored) return;
    if (currentTrace() && dependsOnInputs(this.#value))
      throw new Error(
        `${this.name ?? "variable"}: the initial value depends on inputs of the function that is being compiled; make the variable outside of it`,
      );
    markFresh(this);
  }

  override get value(): Value {
    const scope = currentScope();
    if (scope) return scope.read(this);
    this.#asked = true;
    const value = this.#value;
    if (value.stored) value.stored.shared = true;
    if (value.label === undefined && this.name !== undefined) value.label = this.name;
    return value;
  }

  /** Gives the variable another value: a tensor of its shape, or host values (row-major). */
  assign(next: Tensor | TypedArray): void {
    const given = next instanceof Tensor ? next : tensor(next, { dtype: this.dtype });
    const fits = next === given ? sameShape(given.shape, this.shape) : given.size === this.size;
    if (!fits)
      throw new Error(
        `${this.name ?? "variable"}: expected ${formatShape(this.shape)}, got ${formatShape(given.shape)}`,
      );
    this.assignValue(astype(given.reshape(this.shape), this.dtype).value);
  }

  /** The same for a value of this shape and type. For scopes. */
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
    // In the place of a value that nothing has read, this is the initial one: a network sets its own in its
    // constructor, and one that is only counted must not pay for them.
    if (this.#asked) markPending(this);
    else markFresh(this);
  }

  /** The value without marking it as held by somebody. For the compiler. */
  peekValue(): Value {
    return this.#value;
  }

  /** Takes the result of a compiled run as the new value. For the compiler. */
  adopt(stored: Stored): void {
    const old = this.#value.stored;
    this.#spare = old && !old.shared ? old : undefined;
    this.#value = Value.leaf(stored, this.name);
    this.version++;
    unmarkPending(this);
  }

  /** Takes back the result of a run that failed: the value is then what it was `before`. For the compiler. */
  revert(failed: Stored, before: Value): void {
    failed.instead = before;
    if (this.#value.stored !== failed) return;
    let value = before;
    while (value.stored?.instead) value = value.stored.instead;
    this.#value = value;
    this.#spare = undefined;
    this.version++;
  }

  /** An array that no one reads any more, for the next result to be written into. For the compiler. */
  takeSpare(): Stored | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare;
  }
}

/** Whether a value not computed yet depends on an input that only the function being compiled has. */
function dependsOnInputs(value: Value): boolean {
  return topologicalOrder([value]).some(({ inputs }) => inputs.some(isInput)) || isInput(value);
}
function isInput(value: Value): boolean {
  return !value.stored && !value.node;
}

/**
 * A variable that optimizers leave alone: a running statistic, a counter, a table. One that is not
 * `persistent` is left out of checkpoints.
 */
export function buffer(initial: Tensor, options: { persistent?: boolean } = {}): Variable {
  return new Variable(initial, { ...options, buffer: true });
}

/** A variable that is trained. */
export function parameter(initial: Tensor): Variable {
  return new Variable(initial);
}
