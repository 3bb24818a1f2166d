/** The lazy graph: operators applied to values. Nothing here computes. */
import type { DType } from "../dtype.ts";
import { checkShape, formatShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { Bounds } from "./bounds.ts";
import type { Emitter } from "./emitter.ts";
import type { Stored } from "./stored.ts";

/** Type and shape of a value. */
export interface Spec {
  readonly dtype: DType;
  readonly shape: Shape;
}

/**
 * The operands of an operator. Typed as a tuple so that `([x, y]) => …` needs no casts: an operator knows
 * how many operands it takes.
 */
export type Operands<T> = readonly [T, T, T, T, T, T, ...T[]];

/** Attributes are part of the key under which equal graphs share a session. */
export type Attribute = string | number | boolean | undefined | readonly Attribute[] | object;
export type Attributes = Readonly<Record<string, Attribute>>;

/** A gradient rule's view of the node it differentiates. */
export interface GradientContext<A> {
  readonly inputs: Operands<Tensor>;
  readonly outputs: Operands<Tensor>;
  readonly attrs: A;
  /** `needs[i]`: whether the gradient of input i is needed; a rule may skip the others. */
  readonly needs: readonly boolean[];
}

/** One operator: its shape rule, its gradient and its ONNX form, side by side. */
export interface Operator<A> {
  readonly name: string;
  /** Types and shapes of the outputs; throws on invalid operands. */
  infer(inputs: Operands<Spec>, attrs: A): readonly Spec[];
  /** The output is the first input unchanged: nothing is emitted. */
  readonly alias?: boolean;
  /** Writes ONNX nodes that compute `outputs` from `inputs` (names). */
  emit(g: Emitter, inputs: Operands<string>, outputs: Operands<string>, node: EmitContext<A>): void;
  /**
   * The first output is the first input, and runs in which an entry of it lies outside these bounds fail. An
   * input of the graph is checked on the host before the run, and nothing is emitted. Otherwise `emit` writes it
   * to the first output, with entries inside only, and its least and greatest entry, [2], to the second: the
   * host checks these after the run.
   */
  readonly bounds?: (attrs: A) => Bounds;
  /**
   * The same for values in HWNC layout (see `Layout`). Returns false to decline, before emitting anything.
   * Called only for graphs that gain from the layout.
   */
  readonly emitHwnc?: (
    g: Emitter,
    inputs: Operands<string>,
    outputs: Operands<string>,
    node: EmitContext<A>,
  ) => boolean;
  /**
   * Cotangents of the inputs from those of the outputs (`undefined` means zero). An operator without this
   * rule passes no gradient to its inputs.
   */
  readonly gradient?: (
    context: GradientContext<A>,
    cotangents: readonly (Tensor | undefined)[],
  ) => readonly (Tensor | undefined | null)[];
}

/** An ONNX form's view of its node. */
export interface EmitContext<A> {
  readonly attrs: A;
  readonly inputs: Operands<Spec>;
  readonly outputs: Operands<Spec>;
  /** `used[i]`: whether anything reads output i. */
  readonly used: readonly boolean[];
}

export function defineOp<A extends Attributes = Attributes>(operator: Operator<A>): Operator<A> {
  return operator;
}

let nextId = 0;

/** One output of a node, or a leaf: an input of a traced function, or an array. */
export class Value implements Spec {
  readonly id: number = nextId++;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The node that computes it; none for a leaf, and dropped once the array is computed. */
  node: Node | undefined;
  readonly index: number;
  /** The array, once it is computed or pending. */
  stored: Stored | undefined;
  /** A name for messages, such as a parameter's path. */
  label: string | undefined;
  /** Length of the longest chain of nodes not computed yet. */
  depth = 0;

  constructor(spec: Spec, node?: Node, index = 0) {
    this.dtype = spec.dtype;
    this.shape = spec.shape;
    this.node = node;
    this.index = index;
  }

  /** An array as a leaf. */
  static leaf(stored: Stored, label?: string): Value {
    const value = new Value(stored);
    value.stored = stored;
    value.label = label;
    return value;
  }

  describe(): string {
    const type = this.dtype === "float32" ? "" : ` ${this.dtype}`;
    return `${this.label ? `${this.label} ` : ""}${formatShape(this.shape)}${type}`;
  }
}

/** One application of an operator. */
export class Node {
  readonly operator: Operator<Attributes>;
  readonly attrs: Attributes;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];

  constructor(
    operator: Operator<Attributes>,
    attrs: Attributes,
    inputs: readonly Value[],
    specs: readonly Spec[],
  ) {
    this.operator = operator;
    this.attrs = attrs;
    this.inputs = inputs;
    const depth = 1 + inputs.reduce((most, input) => (input.stored ? most : Math.max(most, input.depth)), 0);
    this.outputs = specs.map((spec, i) => {
      const value = new Value(spec, this, i);
      value.depth = depth;
      return value;
    });
  }
}

/** Ids grow with time: a value with a smaller id than a mark was made before the mark. */
export function idMark(): number {
  return nextId;
}

/** A pending graph of this depth triggers a warning, once. */
const DEEP = 20_000;
let warned = false;

/** Applies an operator: infers the outputs, or throws naming the operator and its operands. */
export function applyNode<A extends Attributes>(
  operator: Operator<A>,
  inputs: readonly Value[],
  attrs: A,
): readonly Value[] {
  let specs: readonly Spec[];
  try {
    specs = operator.infer(inputs as unknown as Operands<Spec>, attrs);
    for (const { shape } of specs) checkShape(shape);
  } catch (error) {
    const operands = inputs.map((input) => input.describe()).join(", ");
    throw new Error(`${operator.name}(${operands}): ${(error as Error).message}`, { cause: error });
  }
  const node = new Node(operator as unknown as Operator<Attributes>, attrs, inputs, specs);
  if (!warned && (node.outputs[0]?.depth ?? 0) > DEEP) {
    warned = true;
    console.warn(
      `tessera: a pending graph is ${DEEP} operators deep and grows with each one (${operator.name}${callSite()}). ` +
        "Read a result, or call evaluate(…), inside the loop.",
    );
  }
  return node.outputs;
}

/** The first frame outside this package, for warnings. */
function callSite(): string {
  const frames = new Error().stack?.split("\n").slice(1) ?? [];
  const outside = frames.find(
    (frame) => !/packages\/(tensor|nn)\/src|@tessera-ml\/(tensor|nn)\//.test(frame),
  );
  return outside ? `, ${outside.trim()}` : "";
}

/** The uncomputed nodes that `roots` depend on, inputs first. */
export function topologicalOrder(roots: readonly Value[]): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, boolean>(); // false: entered, true: done
  const stack: { node: Node; next: number }[] = [];
  const enter = (value: Value): void => {
    const node = value.stored ? undefined : value.node;
    if (node && !state.has(node)) {
      state.set(node, false);
      stack.push({ node, next: 0 });
    }
  };
  for (const root of roots) {
    enter(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: Node; next: number };
      const input = top.node.inputs[top.next++];
      if (input) enter(input);
      else {
        state.set(top.node, true);
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}
