/** The graph between the inputs and outputs of a network. */
import type { Tensor } from "@tessera-ml/tensor";
import { type Field, fieldAfter, inputField, type Node, type Value } from "./field.ts";

/** Computes the receptive fields and costs of all values between inputs and outputs. */
export function walk(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
): { fields: Map<Value, Field>; costs: { id: number; macs: number }[] } {
  const fields = new Map(inputs.map(({ value }) => [value, inputField(value.shape)] as const));
  const costs: { id: number; macs: number }[] = [];
  for (const node of nodesAfter(outputs, inputs)) {
    const known = node.inputs.map((value) => fields.get(value));
    if (known.every((field) => field === undefined)) continue;
    const macs = macsOf(node);
    if (macs > 0) costs.push({ id: (node.outputs[0] as Value).id, macs });
    const field = fieldAfter(node, known);
    for (const value of node.outputs) fields.set(value, field);
  }
  return { fields, costs };
}

/** Nodes created after the inputs, in topological order. */
function nodesAfter(outputs: readonly Tensor[], inputs: readonly Tensor[]): Node[] {
  const first = Math.min(...inputs.map(({ value }) => value.id));
  const found = new Set<Node>();
  const stack = outputs.map(({ value }) => value);
  while (stack.length > 0) {
    const { id, node } = stack.pop() as Value;
    if (!node || id < first || found.has(node)) continue;
    found.add(node);
    stack.push(...node.inputs);
  }
  const age = (node: Node) => (node.outputs[0] as Value).id;
  return [...found].sort((a, b) => age(a) - age(b));
}

function macsOf({ operator, attrs, inputs, outputs }: Node): number {
  const size = (value: Value | undefined) => value?.shape.reduce((a, b) => a * b, 1) ?? 0;
  const [x, weight, third] = inputs;
  switch (operator.name) {
    case "conv":
      return (size(outputs[0]) * size(weight)) / (weight?.shape[0] as number);
    case "convInputGradient": // a transposed convolution
      return (size(x) * size(weight)) / (weight?.shape[0] as number);
    case "linear":
      return size(x) * (weight?.shape[0] as number);
    case "matmul":
      return size(outputs[0]) * (x?.shape.at(attrs.transA ? -2 : -1) as number);
    case "attention":
      return (
        (size(x) + (size(x) / (x?.shape[3] as number)) * (third?.shape[3] as number)) *
        (weight?.shape[2] as number)
      );
    default:
      return 0;
  }
}

/** Counts the multiply-accumulates between inputs and outputs. Computes no values. */
export function countMacs(outputs: readonly Tensor[], inputs: readonly Tensor[]): number {
  return walk(outputs, inputs).costs.reduce((sum, { macs }) => sum + macs, 0);
}
