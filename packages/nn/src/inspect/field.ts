/**
 * Theoretical receptive fields: which input positions a unit depends on, computed along the graph. A window of k
 * steps adds k − 1 steps, a stride lengthens all later steps, a sum over positions adds all of them.
 * Padding is not subtracted, so a field can be larger than the input.
 */
import type { Tensor } from "@tessera-ml/tensor";

export type Value = Tensor["value"];
export type Node = NonNullable<Value["node"]>;

/** A factor of an axis that indexes positions: `count` of them, `step` input positions apart. */
interface Run {
  /** The spatial axis of the input, or positions whose order is lost (tokens next to a class token). */
  readonly along: number | "any";
  readonly count: number;
  readonly step: number;
  /** Number of positions along this axis: a run of all of them sees the whole input. */
  readonly of: number;
}

/** The receptive field of the units of a value. */
export interface Field {
  /** Extent along each spatial axis of the input: height and width of an image. */
  readonly size: readonly number[];
  /** The runs that make up each axis, slowest first; empty if it does not index positions. */
  readonly axes: readonly (readonly Run[])[];
  /** For each spatial axis, whether each unit depends on all of it. */
  readonly whole: readonly boolean[];
}

/** The field of an input: channels-first, [N, C, ...], or a batch of sequences [N, T]. */
export function inputField(shape: readonly number[]): Field {
  const first = shape.length === 2 ? 1 : 2;
  const spatial = shape.slice(first);
  const runs = spatial.map((count, along) => [{ along, count, step: 1, of: count }]);
  return {
    size: spatial.map(() => 1),
    axes: [...shape.slice(0, first).map(() => []), ...runs],
    whole: spatial.map(() => false),
  };
}

/** The largest extent of a field, in input positions; null if it is the whole input. */
export function fieldSide({ size, axes, whole }: Field): number | null {
  return whole.every(Boolean) || axes.every((runs) => runs.length === 0) ? null : Math.max(...size);
}

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** The field of the outputs of a node, given those of its inputs; an input without one is a constant. */
export function fieldAfter(node: Node, inputs: readonly (Field | undefined)[]): Field {
  const { attrs, operator } = node;
  const output = node.outputs[0] as Value;
  const at = inputs.findIndex((field) => field !== undefined);
  const [x, first] = [node.inputs[at] as Value, inputs[at] as Field];
  if (attrs.window && operator.name !== "convInputGradient")
    return slide(first, attrs.window as Window, output.shape);
  switch (operator.name) {
    case "reshape":
      return { ...first, axes: regroup(first.axes, x.shape, output.shape) };
    case "permute":
      return { ...first, axes: (attrs.order as number[]).map((axis) => first.axes[axis] ?? []) };
    case "expand": {
      const added = output.shape.length - x.shape.length;
      return { ...first, axes: output.shape.map((_, i) => first.axes[i - added] ?? []) };
    }
    case "slice":
      return { ...first, axes: cut(first.axes, output.shape, attrs.steps as number[]) };
    case "split":
      return { ...first, axes: cut(first.axes, output.shape) };
    case "pad":
      return { ...first, axes: grown(first.axes, output.shape) };
    case "concat": {
      const field = joined(inputs, output);
      return { ...field, axes: grown(field.axes, output.shape) };
    }
    case "sum":
    case "mean":
    case "max":
    case "min":
      return without(first, attrs.axes as number[], attrs.keepDims as boolean);
    case "softmax":
    case "logSoftmax":
      return mixed(first, attrs.axis as number);
    case "layerNorm":
      return mixed(first, x.shape.length - 1);
    case "linear": {
      const { axes, ...rest } = absorb(first, 1);
      return { ...rest, axes: [axes[0] ?? [], []] };
    }
    case "matmul":
      return product(node, inputs);
    case "take":
      return taken(node, inputs);
    default:
      return joined(inputs, output);
  }
}

function slide(field: Field, { kernel, strides, dilations }: Window, shape: readonly number[]): Field {
  const size = [...field.size];
  let { whole } = field;
  const axes = field.axes.map((runs, axis) => {
    const i = axis - 2;
    const [k, stride, dilation] = [kernel[i] ?? 1, strides[i] ?? 1, dilations[i] ?? 1];
    const [run, ...more] = runs;
    if (!run || (k === 1 && stride === 1)) return runs;
    if (more.length > 0 || run.along === "any") whole = whole.map(() => true);
    else size[run.along]! += (k - 1) * dilation * run.step;
    const count = shape[axis] as number;
    return [{ ...run, count, of: count, step: run.step * stride }];
  });
  return { size, axes, whole };
}

/** Sums over an axis: the result sees all its positions. */
function absorb(field: Field, axis: number): Field {
  const size = [...field.size];
  const whole = [...field.whole];
  for (const { along, count, step, of } of field.axes[axis] ?? [])
    if (along === "any") whole.fill(true);
    else {
      size[along]! += (count - 1) * step;
      whole[along] ||= count === of;
    }
  return { ...field, size, whole };
}

/** Sums over an axis but keeps its positions, as in normalization. */
function mixed(field: Field, axis: number): Field {
  return absorb(field, axis < 0 ? axis + field.axes.length : axis);
}

function without(field: Field, axes: readonly number[], keepDims: boolean): Field {
  const after = axes.reduce(absorb, field);
  const left = after.axes.flatMap((runs, i) => (axes.includes(i) ? (keepDims ? [[]] : []) : [runs]));
  return { ...after, axes: left };
}

function product({ inputs: values, attrs, outputs }: Node, inputs: readonly (Field | undefined)[]): Field {
  const rank = (outputs[0] as Value).shape.length;
  const sides = inputs.slice(0, 2).map((field, side) => {
    if (!field) return undefined;
    const own = (values[side] as Value).shape.length;
    const turned = Boolean(side === 0 ? attrs.transA : attrs.transB);
    // Rows of the left operand and columns of the right one remain.
    const [stays, summed] = (side === 0) === turned ? [own - 1, own - 2] : [own - 2, own - 1];
    const after = absorb(field, summed);
    const axes = Array.from({ length: rank }, (_, i) => {
      if (i === rank - 2 + side) return field.axes[stays] ?? [];
      return i < rank - 2 ? (field.axes[i - rank + own] ?? []) : [];
    });
    return { ...after, axes };
  });
  return joined(sides, outputs[0] as Value);
}

/** Takes rows of a table by index: each axis of the indices becomes an axis of the result. */
function taken({ attrs, inputs: [table], outputs }: Node, inputs: readonly (Field | undefined)[]): Field {
  const [rows, indices] = inputs;
  if (rows || !indices) return joined(inputs, outputs[0] as Value);
  const axis = attrs.axis as number;
  const none = (count: number) => Array.from({ length: count }, () => []);
  const after = (table as Value).shape.length - axis - 1;
  return { ...indices, axes: [...none(axis), ...indices.axes, ...none(after)] };
}

/** For values that are added, multiplied or concatenated: the larger field. */
function joined(inputs: readonly (Field | undefined)[], { shape }: Value): Field {
  const fields = inputs.filter((field) => field !== undefined);
  const spatial = Array.from({ length: Math.max(...fields.map(({ size }) => size.length)) }, (_, i) => i);
  const axes = shape.map((_, i) => {
    const runs = fields.map((field) => field.axes[i - shape.length + field.axes.length] ?? []);
    return runs.find((list) => list.length > 0) ?? [];
  });
  return {
    size: spatial.map((i) => Math.max(...fields.map(({ size }) => size[i] ?? 1))),
    axes,
    whole: spatial.map((i) => fields.some(({ whole }) => whole[i] ?? false)),
  };
}

/** Axes after slicing, possibly with steps. */
function cut(axes: Field["axes"], shape: readonly number[], steps: readonly number[] = []): Run[][] {
  return axes.map((runs, axis) => {
    const count = shape[axis] as number;
    const stride = Math.abs(steps[axis] ?? 1);
    const [run, ...more] = runs;
    if (!run || (extentOf(runs) === count && stride === 1)) return [...runs];
    const along = more.length > 0 ? "any" : run.along;
    return [{ along, count, step: run.step * stride, of: Math.ceil(run.of / stride) }];
  });
}

/** Axes after padding or concatenation. */
function grown(axes: Field["axes"], shape: readonly number[]): Run[][] {
  return axes.map((runs, axis) => {
    const count = shape[axis] as number;
    const [run, ...more] = runs;
    if (!run || extentOf(runs) === count) return [...runs];
    return [
      { along: more.length > 0 ? "any" : run.along, count, step: run.step, of: Math.max(count, run.of) },
    ];
  });
}

function extentOf(runs: readonly Run[]): number {
  return runs.reduce((product, { count }) => product * count, 1);
}

/** Runs after a reshape, which splits and merges axes. */
function regroup(axes: Field["axes"], from: readonly number[], to: readonly number[]): Run[][] {
  const pieces = from.flatMap((extent, axis): { count: number; run: Run | undefined }[] => {
    const runs = axes[axis] ?? [];
    return runs.length === 0
      ? [{ count: extent, run: undefined }]
      : runs.map((run) => ({ count: run.count, run }));
  });
  let next = 0;
  const regrouped = to.map((extent) => {
    const runs: Run[] = [];
    for (let need = extent; need > 1; ) {
      const piece = pieces[next];
      if (!piece) return undefined;
      if (piece.count <= need && need % piece.count === 0) {
        if (piece.run && piece.count > 1) runs.push(piece.run);
        need /= piece.count;
        next++;
      } else if (piece.count % need === 0) {
        const inner = piece.count / need;
        if (piece.run) runs.push({ ...piece.run, count: need, step: piece.run.step * inner });
        pieces[next] = { count: inner, run: piece.run && { ...piece.run, count: inner } };
        need = 1;
      } else return undefined;
    }
    return runs;
  });
  if (regrouped.every((runs) => runs !== undefined)) return regrouped;
  return to.map((count) => [{ along: "any", count, step: 1, of: count }]);
}
