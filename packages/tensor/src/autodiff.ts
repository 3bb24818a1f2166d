/** Reverse-mode differentiation. Gradients are graphs of the same operators, so they can be differentiated again. */

import { isFloat } from "./dtype.ts";
import { defineOp, idMark, type Node, type Operands, topologicalOrder, type Value } from "./graph/graph.ts";
import { Overlay, within } from "./graph/trace.ts";
import { apply, kindOf } from "./ops/apply.ts";
import { onesLike, scalar, zerosLike } from "./ops/create.ts";
import { stopGradient, where } from "./ops/elementwise.ts";
import { formatShape, sameShape } from "./shape.ts";
import { Tensor } from "./tensor.ts";
import type { Variable } from "./variable.ts";

/**
 * Cotangents of `wrt` from those of `outputs`, by reverse mode over the graph between them. Each of `wrt` is
 * treated as independent of the others. `undefined` if no output depends on it.
 */
export function backward(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  wrt: readonly Tensor[],
): (Tensor | undefined)[] {
  const targets = new Set<Value>(wrt.map((tensor) => tensor.value));
  const roots = outputs.map((output) => output.value);
  const order = topologicalOrder(roots);
  const depends = new Set<Value>(targets);
  for (const node of order)
    if (node.operator.gradient && node.inputs.some((input) => depends.has(input)))
      for (const output of node.outputs) if (isFloat(output.dtype)) depends.add(output);

  const gradients = new Map<Value, Tensor>();
  const accumulate = (value: Value, gradient: Tensor): void => {
    const sum = gradients.get(value);
    gradients.set(value, sum ? sum.add(gradient) : gradient);
  };
  roots.forEach((root, i) => {
    const cotangent = cotangents[i];
    if (cotangent && depends.has(root)) accumulate(root, cotangent);
  });
  const flowing = (value: Value): Tensor | undefined =>
    targets.has(value) ? undefined : gradients.get(value);
  for (let i = order.length - 1; i >= 0; i--) differentiate(order[i] as Node, depends, flowing, accumulate);
  return wrt.map((tensor) => gradients.get(tensor.value));
}

function differentiate(
  node: Node,
  depends: ReadonlySet<Value>,
  flowing: (value: Value) => Tensor | undefined,
  accumulate: (value: Value, gradient: Tensor) => void,
): void {
  const { operator } = node;
  const cotangents = node.outputs.map(flowing);
  if (!operator.gradient || cotangents.every((cotangent) => cotangent === undefined)) return;
  const needs = node.inputs.map((input) => depends.has(input));
  if (!needs.includes(true)) return;
  const parts = operator.gradient(
    {
      inputs: node.inputs.map((input) => new Tensor(input)) as unknown as Operands<Tensor>,
      outputs: node.outputs.map((output) => new Tensor(output)) as unknown as Operands<Tensor>,
      attrs: node.attrs,
      needs,
    },
    cotangents,
  );
  node.inputs.forEach((input, i) => {
    const part = parts[i];
    if (!part || !needs[i]) return;
    if (!sameShape(part.shape, input.shape) || part.dtype !== input.dtype)
      throw new Error(
        `gradient of ${operator.name}: input ${i} is ${input.describe()}, its gradient is ${part}`,
      );
    accumulate(input, part);
  });
}

function checkScalar(loss: unknown, where: string): asserts loss is Tensor {
  if (!(loss instanceof Tensor))
    throw new Error(
      `${where}: expected the function to return a scalar tensor, got ${kindOf(loss)}${loss instanceof Promise ? ": building a graph is synchronous" : ""}`,
    );
  if (loss.size !== 1 || !isFloat(loss.dtype))
    throw new Error(`${where}: expected a scalar float loss, got ${loss}`);
}

/** Something `valueAndGrad` can differentiate with respect to. */
export interface Differentiable {
  /** The trainable variables, by path. */
  trainable(): ReadonlyMap<string, Variable>;
}
/** Gradients by path of the variable. */
export type Gradients = ReadonlyMap<string, Tensor>;

/**
 * The loss computed by `fn` and its gradients with respect to the trainable variables of a module (or to a
 * record or map of variables). `fn` may return `[loss, …]`; the rest is passed through. Variables that the
 * loss does not depend on get zeros.
 */
export function valueAndGrad<R extends Tensor | readonly [Tensor, ...unknown[]]>(
  target: Differentiable | ReadonlyMap<string, Variable> | Readonly<Record<string, Variable>>,
  fn: () => R,
): { value: R; grads: Gradients } {
  const named = variablesOf(target);
  // Fresh values, so that variables holding the same value, or a tensor with it, get separate gradients.
  const before = [...named.values()].map((variable) => {
    const fresh = apply(rename, [variable], {});
    fresh.value.label = variable.name;
    return fresh;
  });
  const values = new Map([...named.values()].map((variable, i) => [variable, (before[i] as Tensor).value]));
  const scope = new Overlay(values);
  const value = within(scope, fn);
  const loss: unknown = Array.isArray(value) ? value[0] : value;
  checkScalar(loss, "valueAndGrad");
  if (isModule(target)) warnOfHidden(scope.reads.keys());
  const parts = backward([loss], [onesLike(loss)], before);
  const grads = new Map<string, Tensor>();
  [...named.keys()].forEach((name, i) => grads.set(name, parts[i] ?? zerosLike(before[i] as Tensor)));
  return { value, grads };
}

function isModule(target: object): target is Differentiable {
  return typeof (target as Differentiable).trainable === "function";
}

const warnedOf = new WeakSet<Variable>();

/** A parameter without a name was not found in any module. The user probably expects it to be trained. */
function warnOfHidden(read: Iterable<Variable>): void {
  const hidden = [...read].filter(
    (variable) => variable.trainable && variable.name === undefined && !warnedOf.has(variable),
  );
  if (hidden.length === 0) return;
  for (const variable of hidden) warnedOf.add(variable);
  const shapes = hidden.map(({ shape }) => formatShape(shape)).join(", ");
  console.warn(
    `tessera: the loss depends on parameters that belong to no module and are not trained: ${shapes}. ` +
      "Parameters and modules in #private fields and closures are not found: keep them in public fields, " +
      "or freeze() modules that should not be trained.",
  );
}

function variablesOf(
  target: Differentiable | ReadonlyMap<string, Variable> | Readonly<Record<string, Variable>>,
): ReadonlyMap<string, Variable> {
  if (target instanceof Map) return target as ReadonlyMap<string, Variable>;
  if (isModule(target)) return target.trainable();
  return new Map(Object.entries(target as Readonly<Record<string, Variable>>));
}

/**
 * The gradient of a scalar function with respect to its tensor arguments at the positions `wrt` (default: the
 * first): one tensor for a number, a list for a list.
 */
export function grad<A extends readonly unknown[]>(
  fn: (...args: A) => Tensor,
  wrt?: number,
): (...args: A) => Tensor;
export function grad<A extends readonly unknown[]>(
  fn: (...args: A) => Tensor,
  wrt: readonly number[],
): (...args: A) => Tensor[];
export function grad<A extends readonly unknown[]>(
  fn: (...args: A) => Tensor,
  wrt: number | readonly number[] = 0,
): (...args: A) => Tensor | Tensor[] {
  return (...args) => {
    const { grads } = vjp(fn, args, typeof wrt === "number" ? [wrt] : wrt);
    return typeof wrt === "number" ? (grads[0] as Tensor) : grads;
  };
}

function vjp<A extends readonly unknown[]>(fn: (...args: A) => Tensor, args: A, wrt: readonly number[]) {
  // Fresh values, so that a tensor passed twice gets a gradient for each position.
  const inputs = wrt.map((i) => {
    const argument = args[i];
    if (!(argument instanceof Tensor)) throw new Error(`grad: argument ${i} is not a tensor`);
    return apply(rename, [argument], {});
  });
  const renamed = args.map((argument, i) => (wrt.includes(i) ? inputs[wrt.indexOf(i)] : argument));
  const loss = within(new Overlay(), () => fn(...(renamed as unknown as A)));
  checkScalar(loss, "grad");
  const parts = backward([loss], [onesLike(loss)], inputs);
  return { loss, grads: parts.map((part, i) => part ?? zerosLike(inputs[i] as Tensor)) };
}

/** The same value with a new identity. */
const rename = defineOp({
  name: "rename",
  infer: ([x]) => [x],
  alias: true,
  emit: () => {},
  gradient: (_, [dy]) => [dy],
});

/** The result of a function with a custom gradient. */
export interface WithGradient {
  readonly value: Tensor;
  /** Maps the gradient of the value to those of the inputs, in order; `undefined` for none. */
  readonly gradient: (dy: Tensor) => readonly (Tensor | undefined)[];
}

/**
 * A function with a custom gradient instead of the derived one, e.g. a faster or more stable form, or a
 * straight-through estimator.
 */
export function customGradient(fn: (...inputs: Tensor[]) => WithGradient): (...inputs: Tensor[]) => Tensor {
  return (...inputs) => {
    const { value, gradient } = fn(...inputs);
    return apply(custom, [stopGradient(value), ...inputs], { gradient });
  };
}

const custom = defineOp<{ gradient: (dy: Tensor) => readonly (Tensor | undefined)[] }>({
  name: "custom",
  infer: ([value]) => [value],
  alias: true,
  emit: () => {},
  gradient: ({ attrs }, [dy]) => [null, ...(dy ? attrs.gradient(dy) : [])],
});

/**
 * Gradient checkpointing: recomputes `fn` in the backward pass instead of keeping its intermediate values,
 * trading time for memory (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). The arguments
 * and any variables and other tensors that `fn` reads get gradients. The second pass draws the same random
 * numbers, and its assignments to variables are discarded.
 */
export function checkpoint(fn: (...inputs: Tensor[]) => Tensor): (...inputs: Tensor[]) => Tensor {
  return (...inputs) => {
    const given = inputs.map(stopGradient);
    const scope = new Overlay();
    const mark = idMark();
    const value = within(scope, () => fn(...given));
    const captured = capturedValues(value, mark);
    const operands = [...inputs, ...captured.map((each) => new Tensor(each))];
    const forward = (...again: Tensor[]) =>
      within(new Overlay(scope.reads, { dry: true }), () => fn(...again));
    return apply(recompute, [stopGradient(value), ...operands], { forward, count: inputs.length });
  };
}

/** The values created before `mark` that `output` depends on: in practice, parameters. */
function capturedValues(output: Tensor, mark: number): Value[] {
  const captured = new Set<Value>();
  const seen = new Set<Value>();
  const stack = [output.value];
  while (stack.length > 0) {
    const value = stack.pop() as Value;
    if (seen.has(value)) continue;
    seen.add(value);
    if (value.id >= mark && value.node && !value.stored) stack.push(...value.node.inputs);
    else if (isFloat(value.dtype)) captured.add(value);
  }
  return [...captured];
}

const recompute = defineOp<{ forward: (...inputs: Tensor[]) => Tensor; count: number }>({
  name: "recompute",
  infer: ([value]) => [value],
  alias: true,
  emit: () => {},
  gradient: ({ inputs, attrs: { forward, count } }, [dy]) => {
    if (!dy) return [];
    // A zero that depends on the cotangent, so that the second pass is not merged with the first and does
    // not start before the backward pass gets here.
    const first = dy.size === 0 ? scalar(0) : dy.reshape([-1]).narrow(0, 0, 1).reshape([]);
    const zero = where(first.equal(first), 0, zerosLike(first));
    const later = inputs
      .slice(1, 1 + count)
      .map((input) => (input.dtype === "bool" ? input : input.add(zero.astype(input.dtype))));
    return [null, ...backward([forward(...later)], [dy], [...later, ...inputs.slice(1 + count)])];
  },
});
