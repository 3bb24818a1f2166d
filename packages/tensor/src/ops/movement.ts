/** Rearranging entries: shape, order, slicing, concatenation, repetition. */
import type { DType } from "../dtype.ts";
import { promote } from "../dtype.ts";
import { defineOp, type Operator } from "../graph/graph.ts";
import { hwncAxis, toHwncOrder } from "../graph/layout.ts";
import {
  broadcastShapes,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
} from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, applyAll } from "./apply.ts";
import { astype } from "./cast.ts";
import { zeros } from "./create.ts";
import { sumTo } from "./reduce.ts";

const reshapeOp = defineOp<{ shape: Shape }>({
  name: "reshape",
  infer: ([x], { shape }) => {
    if (sizeOf(shape) !== sizeOf(x.shape))
      throw new Error(
        `${formatShape(shape)} has ${sizeOf(shape)} entries, the tensor has ${sizeOf(x.shape)}`,
      );
    return [{ dtype: x.dtype, shape }];
  },
  // allowzero: an extent of 0 means 0, not "copy from the input".
  emit: (g, [x], [y], { attrs, inputs: [spec] }) => {
    g.node("Reshape", [x, g.ints(attrs.shape)], [y], { allowzero: 1 });
    if (attrs.shape.filter((extent) => extent !== 1).length <= 1) g.layout.noteVector(y, x, spec);
  },
  gradient: ({ inputs: [x] }, [dy]) => [dy?.reshape(x.shape)],
});

/** The same entries in another shape; one extent may be -1 and is then inferred. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const free = shape.indexOf(-1);
  let target = [...shape];
  if (free >= 0) {
    const known = sizeOf(shape.filter((_, i) => i !== free));
    const rest = sizeOf(x.shape) / known;
    if (!Number.isInteger(rest) || shape.lastIndexOf(-1) !== free)
      throw new Error(`reshape(${x}): cannot become ${formatShape(shape)}`);
    target = shape.map((extent, i) => (i === free ? rest : extent));
  }
  if (sameShape(target, x.shape)) return x;
  const from = x.value.node;
  // A reshape of a reshape collapses into one.
  const source = from?.operator === (reshapeOp as object) ? x.inputOf(0) : x;
  return sameShape(source.shape, target) ? source : apply(reshapeOp, [source], { shape: target });
}

/** Merges the axes `start` to `end` (inclusive) into one. */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  if (x.rank === 0) return x.reshape([1]);
  const [first, last] = [normalizeAxis(start, x.rank), normalizeAxis(end, x.rank)];
  return reshape(x, [
    ...x.shape.slice(0, first),
    sizeOf(x.shape.slice(first, last + 1)),
    ...x.shape.slice(last + 1),
  ]);
}
/** Inserts an axis of extent 1 at `axis` of the result. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const at = normalizeAxis(axis, x.rank + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}
/** Drops axes of extent 1: the ones given, or all. */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  const list = axes === undefined ? undefined : normalizeAxes(axes, x.rank);
  for (const axis of list ?? [])
    if (x.shape[axis] !== 1)
      throw new Error(`squeeze(${x}): axis ${axis} has extent ${x.shape[axis]}, not 1`);
  return reshape(
    x,
    x.shape.filter((extent, i) => (list ? !list.includes(i) : extent !== 1)),
  );
}

const permuteOp = defineOp<{ order: readonly number[] }>({
  name: "permute",
  infer: ([x], { order }) => [{ dtype: x.dtype, shape: order.map((axis) => x.shape[axis] as number) }],
  emit: (g, [x], [y], { attrs }) => g.node("Transpose", [x], [y], { perm: attrs.order }),
  gradient: ({ attrs: { order } }, [dy]) => [dy?.permute(order.map((_, axis) => order.indexOf(axis)))],
});

/** Reorders the axes: axis i of the result is axis `order[i]` of x. */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const list = order.map((axis) => normalizeAxis(axis, x.rank));
  if (list.length !== x.rank || new Set(list).size !== x.rank)
    throw new Error(`permute(${x}): ${formatShape(order)} is not a permutation of its ${x.rank} axes`);
  return list.every((axis, i) => axis === i) ? x : apply(permuteOp, [x], { order: list });
}
/** Swaps two axes. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  const order = x.shape.map((_, i) => i);
  const [i, j] = [normalizeAxis(a, x.rank), normalizeAxis(b, x.rank)];
  [order[i], order[j]] = [j, i];
  return permute(x, order);
}
/** If x is another tensor with its last two axes swapped, that tensor. */
export function untransposed(x: Tensor): Tensor | undefined {
  const node = x.value.node;
  if (node?.operator !== (permuteOp as object)) return undefined;
  const order = node.attrs.order as readonly number[];
  const swapped = order.every((axis, i) => axis === (i < x.rank - 2 ? i : 2 * x.rank - 3 - i));
  return swapped ? x.inputOf(0) : undefined;
}

const expandOp = defineOp<{ shape: Shape }>({
  name: "expand",
  infer: ([x], { shape }) => {
    if (!sameShape(broadcastShapes(x.shape, shape), shape))
      throw new Error(`does not broadcast to ${formatShape(shape)}`);
    return [{ dtype: x.dtype, shape }];
  },
  emit: (g, [x], [y], { attrs }) => g.node("Expand", [x, g.ints(attrs.shape)], [y]),
  emitHwnc: (g, [x], [y], { attrs: { shape }, inputs: [spec] }) => {
    const [batch, channels, height, width] = spec.shape;
    if (spec.shape.length !== 4 || height !== 1 || width !== 1 || batch !== shape[0] || channels !== shape[1])
      return false;
    const row = g.op("Reshape", [g.layout.plain(x), g.ints([1, 1, batch as number, channels as number])]);
    g.layout.set(y, g.op("Expand", [row, g.ints(toHwncOrder(shape))]));
    return true;
  },
  gradient: ({ inputs: [x] }, [dy]) => [dy && sumTo(dy, x.shape)],
});

/** Broadcasts to `shape`; -1 keeps an extent. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const lead = shape.length - x.rank;
  const target = shape.map((extent, i) => (extent === -1 ? (x.shape[i - lead] ?? -1) : extent));
  return sameShape(target, x.shape) ? x : apply(expandOp, [x], { shape: target });
}

type Range = { starts: readonly number[]; sizes: readonly number[]; steps: readonly number[] };
const sliceOp = defineOp<Range>({
  name: "slice",
  infer: ([x], { sizes }) => [{ dtype: x.dtype, shape: sizes }],
  emit: (g, [x], [y], { attrs: { starts, sizes, steps }, inputs: [spec] }) => {
    const axes = steps.flatMap((step, i) => (step !== 1 || sizes[i] !== spec.shape[i] ? [i] : []));
    const pick = (values: readonly number[]) => g.ints(axes.map((axis) => values[axis] as number));
    // With a negative step, an end before the first entry is written as far below zero as possible.
    const ends = starts.map((start, i) => {
      const end = start + (sizes[i] as number) * (steps[i] as number);
      return end < 0 ? -(2 ** 31) : end;
    });
    const backward = axes.filter((axis) => (steps[axis] as number) < 0);
    if (g.device !== "webgpu" || backward.length === 0)
      return g.node("Slice", [x, pick(starts), pick(ends), g.ints(axes), pick(steps)], [y]);
    // ONNX Runtime's WebGPU kernel handles a negative step only over one whole axis: reverse those, then slice.
    const reversed = backward.reduce(
      (name, axis) => g.op("Slice", [name, g.ints([-1]), g.ints([-(2 ** 31)]), g.ints([axis]), g.ints([-1])]),
      x,
    );
    const from = starts.map((start, i) =>
      (steps[i] as number) < 0 ? (spec.shape[i] as number) - 1 - start : start,
    );
    const by = steps.map(Math.abs);
    const to = from.map((start, i) => start + (sizes[i] as number) * (by[i] as number));
    g.node("Slice", [reversed, pick(from), pick(to), g.ints(axes), pick(by)], [y]);
  },
  emitHwnc: (g, [x], [y], { attrs: { starts, sizes, steps } }) => {
    if (!g.layout.has(x) || steps.some((step) => step < 0)) return false;
    const ends = starts.map((start, i) => start + (sizes[i] as number) * (steps[i] as number));
    const [from, to, by] = [starts, ends, steps].map((list) => g.ints(toHwncOrder(list))) as [
      string,
      string,
      string,
    ];
    g.layout.set(y, g.op("Slice", [g.layout.hwnc(x), from, to, g.ints([0, 1, 2, 3]), by]));
    return true;
  },
  gradient: ({ inputs: [x], attrs }, [dy]) => [dy && unslice(dy, x.shape, attrs)],
});

/** Zeros of `shape` with `dy` at the position of the slice. */
function unslice(dy: Tensor, shape: Shape, { starts, steps }: Range): Tensor {
  if (dy.size === 0) return zeros(shape, dy.dtype);
  let out = dy;
  for (const [axis, step] of steps.entries()) {
    const [start, extent] = [starts[axis] as number, shape[axis] as number];
    let first = start;
    if (step < 0) {
      out = out.flip(axis);
      first = start + ((dy.shape[axis] as number) - 1) * step;
    }
    out = spread(out, axis, Math.abs(step));
    const pads = out.shape.map((_, i): [number, number] =>
      i === axis ? [first, extent - first - (out.shape[axis] as number)] : [0, 0],
    );
    out = pad(out, pads);
  }
  return out;
}

/** Puts `step - 1` zeros between neighbours along `axis`. */
function spread(x: Tensor, axis: number, step: number): Tensor {
  const extent = x.shape[axis] as number;
  if (step === 1 || extent <= 1) return x;
  const column = x.unsqueeze(axis + 1); // [..., E, 1, ...]
  const pads = column.shape.map((_, i): [number, number] => (i === axis + 1 ? [0, step - 1] : [0, 0]));
  const shape = x.shape.map((e, i) => (i === axis ? e * step : e));
  return pad(column, pads)
    .reshape(shape)
    .narrow(axis, 0, (extent - 1) * step + 1);
}

/** The index for one axis: an entry, `[start, stop, step?]` as in Python, or `null` for all. */
export type Index = number | null | readonly [start: number | null, stop?: number | null, step?: number];

/** Python's basic indexing: a number drops its axis, a range keeps it, and omitted axes are kept whole. */
export function index(x: Tensor, ...ranges: readonly Index[]): Tensor {
  if (ranges.length > x.rank) throw new Error(`index(${x}): ${ranges.length} indices for ${x.rank} axes`);
  const starts = x.shape.map(() => 0);
  const sizes = [...x.shape];
  const steps = x.shape.map(() => 1);
  const dropped: number[] = [];
  ranges.forEach((range, axis) => {
    const extent = x.shape[axis] as number;
    if (range === null) return;
    if (typeof range === "number") {
      if (!Number.isInteger(range) || range < -extent || range >= extent)
        throw new Error(`index(${x}): ${range} is out of range on axis ${axis}, which has ${extent} entries`);
      starts[axis] = range < 0 ? range + extent : range;
      sizes[axis] = 1;
      dropped.push(axis);
      return;
    }
    const [start, stop = null, step = 1] = range;
    if (!Number.isInteger(step) || step === 0)
      throw new Error(`index(${x}): expected a nonzero integer step on axis ${axis}, got ${step}`);
    const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
    const bound = (value: number | null, missing: number) =>
      value === null ? missing : Math.min(Math.max(value < 0 ? value + extent : value, low), high);
    const first = bound(start, step > 0 ? low : high);
    const last = bound(stop, step > 0 ? high : low);
    starts[axis] = Math.max(0, first);
    sizes[axis] = Math.max(0, Math.ceil((last - first) / step));
    steps[axis] = step;
  });
  const whole = sizes.every((size, i) => size === x.shape[i] && steps[i] === 1);
  const sliced = whole ? x : apply(sliceOp, [x], { starts, sizes, steps });
  return dropped.length > 0 ? squeeze(sliced, dropped) : sliced;
}

/** The block of extents `sizes` that begins at `starts`. */
export function slice(x: Tensor, starts: readonly number[], sizes: readonly number[]): Tensor {
  if (starts.length !== x.rank || sizes.length !== x.rank)
    throw new Error(
      `slice(${x}): expected ${x.rank} starts and sizes, got ${formatShape(starts)} and ${formatShape(sizes)}`,
    );
  starts.forEach((start, axis) => {
    const [size, extent] = [sizes[axis] as number, x.shape[axis] as number];
    // Negated to catch NaN too.
    if (!(start >= 0 && size >= 0 && start + size <= extent && Number.isInteger(start)))
      throw new Error(
        `slice(${x}): ${start} + ${size} is out of range on axis ${axis}, which has ${extent} entries`,
      );
  });
  if (sameShape(sizes, x.shape)) return x;
  return apply(sliceOp, [x], { starts: [...starts], sizes: [...sizes], steps: sizes.map(() => 1) });
}
/** `length` entries along `axis`, beginning at `start`. */
export function narrow(x: Tensor, axis: number, start: number, length: number): Tensor {
  const a = normalizeAxis(axis, x.rank);
  return slice(
    x,
    x.shape.map((_, i) => (i === a ? start : 0)),
    x.shape.map((e, i) => (i === a ? length : e)),
  );
}
/** The slice at one index of `axis`, which is dropped. */
export function select(x: Tensor, axis: number, at: number): Tensor {
  const a = normalizeAxis(axis, x.rank);
  return index(x, ...x.shape.slice(0, a).map(() => null), at);
}
/** Reverses the order along axes. */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  const list = normalizeAxes(axes, x.rank);
  return index(x, ...x.shape.map((_, i): Index => (list.includes(i) ? [null, null, -1] : null)));
}
/** Shifts entries along `axis` by `shift`, with wrap-around. */
export function roll(x: Tensor, shift: number, axis: number): Tensor {
  const extent = x.shape[normalizeAxis(axis, x.rank)] as number;
  const by = extent === 0 ? 0 : ((shift % extent) + extent) % extent;
  if (by === 0) return x;
  return concat([narrow(x, axis, extent - by, by), narrow(x, axis, 0, extent - by)], axis);
}

const concatOp = defineOp<{ axis: number }>({
  name: "concat",
  infer: (inputs, { axis }) => {
    const [first] = inputs;
    const fits = inputs.every(
      (input) =>
        input.shape.length === first.shape.length &&
        input.shape.every((e, i) => i === axis || e === first.shape[i]),
    );
    if (!fits) throw new Error(`shapes differ on an axis other than ${axis}`);
    const total = inputs.reduce((sum, input) => sum + (input.shape[axis] as number), 0);
    return [{ dtype: first.dtype, shape: first.shape.map((e, i) => (i === axis ? total : e)) }];
  },
  emit: (g, inputs, [y], { attrs }) => g.node("Concat", inputs, [y], { axis: attrs.axis }),
  emitHwnc: (g, inputs, [y], { attrs }) => {
    if (!inputs.every((input) => g.layout.has(input))) return false;
    const hwnc = inputs.map((input) => g.layout.hwnc(input));
    g.layout.set(y, g.op("Concat", hwnc, { axis: hwncAxis(attrs.axis) }));
    return true;
  },
  gradient: ({ inputs, attrs: { axis } }, [dy]) => {
    let start = 0;
    return inputs.map((input) => {
      const length = input.shape[axis] as number;
      start += length;
      return dy?.narrow(axis, start - length, length);
    });
  },
});

/** Concatenates tensors along an existing axis; types are promoted. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (!first) throw new Error("concat: no tensors given");
  if (tensors.length === 1) return first;
  const dtype = tensors.reduce<DType>((type, t) => promote(type, t.dtype), first.dtype);
  return apply(
    concatOp,
    tensors.map((t) => astype(t, dtype)),
    { axis: normalizeAxis(axis, first.rank) },
  );
}
/** Stacks tensors of equal shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  return concat(
    tensors.map((t) => unsqueeze(t, axis)),
    normalizeAxis(axis, (tensors[0]?.rank ?? 0) + 1),
  );
}
const splitOp = defineOp<{ axis: number; sizes: readonly number[] }>({
  name: "split",
  infer: ([x], { axis, sizes }) =>
    sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.map((e, i) => (i === axis ? size : e)) })),
  emit: (g, [x], outputs, { attrs: { axis, sizes } }) =>
    g.node("Split", [x, g.ints(sizes)], outputs, { axis }),
  emitHwnc: (g, [x], outputs, { attrs: { axis, sizes }, inputs: [spec] }) => {
    if (!g.layout.has(x) || spec.shape.length !== 4) return false;
    const parts = outputs.map(() => g.name("Split"));
    g.node("Split", [g.layout.hwnc(x), g.ints(sizes)], parts, { axis: hwncAxis(axis) });
    outputs.forEach((output, i) => g.layout.set(output, parts[i] as string));
    return true;
  },
  // One concatenation instead of a padded copy per piece.
  gradient: ({ outputs, attrs: { axis } }, cotangents) => [
    concat(
      outputs.map((output, i) => cotangents[i] ?? zeros(output.shape, output.dtype)),
      axis,
    ),
  ],
});

/**
 * Splits an axis into pieces of the given sizes, or of one size (the last may be smaller); with one size, an
 * empty axis gives one piece.
 */
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  const a = normalizeAxis(axis, x.rank);
  const extent = x.shape[a] as number;
  if (typeof sizes === "number" && !(Number.isInteger(sizes) && sizes > 0))
    throw new Error(`split(${x}): expected a size of 1 or more, got ${sizes}`);
  const list =
    typeof sizes === "number"
      ? Array.from({ length: Math.max(1, Math.ceil(extent / sizes)) }, (_, i) =>
          Math.min(sizes, extent - i * sizes),
        )
      : sizes;
  if (
    list.reduce((sum, size) => sum + size, 0) !== extent ||
    list.some((size) => !Number.isInteger(size) || size < 0)
  )
    throw new Error(`split(${x}): sizes ${formatShape(list)} do not add up to ${extent} on axis ${axis}`);
  return list.length <= 1 ? list.map(() => x) : applyAll(splitOp, [x], { axis: a, sizes: [...list] });
}
/**
 * Splits an axis into at most `count` pieces of equal size (the last may be smaller); an empty axis gives
 * `count` empty pieces.
 */
export function chunk(x: Tensor, count: number, axis = 0): Tensor[] {
  if (!(Number.isInteger(count) && count > 0))
    throw new Error(`chunk(${x}): expected a count of 1 or more, got ${count}`);
  const extent = x.shape[normalizeAxis(axis, x.rank)] as number;
  return split(x, extent === 0 ? new Array<number>(count).fill(0) : Math.ceil(extent / count), axis);
}

/** The slices along an axis, which is dropped. */
export function unbind(x: Tensor, axis = 0): Tensor[] {
  const a = normalizeAxis(axis, x.rank);
  const each = new Array<number>(x.shape[a] as number).fill(1);
  return split(x, each, a).map((slice) => squeeze(slice, a));
}

/** Entries added before and after each axis; a negative number crops. */
export type Pads = readonly (readonly [before: number, after: number])[];
export type PadMode = "constant" | "reflect" | "replicate" | "circular";

const padOp = defineOp<{ pads: Pads; value: number }>({
  name: "pad",
  infer: ([x], { pads }) => [
    { dtype: x.dtype, shape: x.shape.map((e, i) => e + (pads[i]?.[0] ?? 0) + (pads[i]?.[1] ?? 0)) },
  ],
  emit: (g, [x], [y], { attrs: { pads, value }, inputs: [spec] }) => {
    const list = g.ints([...pads.map(([before]) => before), ...pads.map(([, after]) => after)]);
    g.node("Pad", [x, list, g.scalar(value, spec.dtype)], [y], { mode: "constant" });
  },
  emitHwnc: (g, [x], [y], { attrs: { pads, value }, inputs: [spec] }) => {
    if (!g.layout.has(x)) return false;
    const ordered = toHwncOrder(pads);
    const list = g.ints([...ordered.map(([before]) => before), ...ordered.map(([, after]) => after)]);
    g.layout.set(y, g.op("Pad", [g.layout.hwnc(x), list, g.scalar(value, spec.dtype)]));
    return true;
  },
  gradient: ({ inputs: [x], attrs: { pads } }, [dy]) => [
    dy &&
      slice(
        dy,
        pads.map(([before]) => before),
        x.shape,
      ),
  ],
});

/**
 * Pads each axis. `reflect` mirrors without repeating the edge entry, `replicate` repeats it, `circular` wraps
 * around.
 */
export function pad(x: Tensor, pads: Pads, options: { mode?: PadMode; value?: number } = {}): Tensor {
  const { mode = "constant", value = 0 } = options;
  if (pads.length !== x.rank) throw new Error(`pad(${x}): ${pads.length} pairs for ${x.rank} axes`);
  const cropped = slice(
    x,
    pads.map(([before]) => Math.max(0, -before)),
    x.shape.map((e, i) => e + Math.min(0, pads[i]?.[0] ?? 0) + Math.min(0, pads[i]?.[1] ?? 0)),
  );
  const added = pads.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)]);
  if (added.every(([before, after]) => before === 0 && after === 0)) return cropped;
  if (mode === "constant") return apply(padOp, [cropped], { pads: added, value });
  if (!["reflect", "replicate", "circular"].includes(mode)) throw new Error(`pad(${x}): no mode "${mode}"`);
  return added.reduce((out, [before, after], axis) => padAxis(out, axis, before, after, mode), cropped);
}

/** The non-constant modes as concatenated slices, which gives them a correct and fast gradient. */
function padAxis(x: Tensor, axis: number, before: number, after: number, mode: PadMode): Tensor {
  if (before === 0 && after === 0) return x;
  const extent = x.shape[axis] as number;
  const most = mode === "reflect" ? extent - 1 : mode === "circular" ? extent : Number.POSITIVE_INFINITY;
  if (extent === 0 || before > most || after > most)
    throw new Error(
      `pad(${x}): ${mode} padding of [${before}, ${after}] on axis ${axis} ${extent === 0 ? "needs a non-empty axis" : `is limited to ${most}`}`,
    );
  const repeat = (at: number, count: number) =>
    narrow(x, axis, at, 1).expand(x.shape.map((e, i) => (i === axis ? count : e)));
  const left =
    mode === "reflect"
      ? narrow(x, axis, 1, before).flip(axis)
      : mode === "circular"
        ? narrow(x, axis, extent - before, before)
        : repeat(0, before);
  const right =
    mode === "reflect"
      ? narrow(x, axis, extent - 1 - after, after).flip(axis)
      : mode === "circular"
        ? narrow(x, axis, 0, after)
        : repeat(extent - 1, after);
  return concat(
    [left, x, right].filter((part) => part.shape[axis] !== 0),
    axis,
  );
}

/** Repeats the whole tensor along each axis. */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  const rank = Math.max(x.rank, repeats.length);
  const shape = [...new Array<number>(rank - x.rank).fill(1), ...x.shape];
  const times = [...new Array<number>(rank - repeats.length).fill(1), ...repeats];
  const spreadShape = shape.flatMap((extent, i) => [times[i] as number, extent]);
  return reshape(
    x,
    shape.flatMap((extent) => [1, extent]),
  )
    .expand(spreadShape)
    .reshape(shape.map((extent, i) => extent * (times[i] as number)));
}
/** Repeats each entry `times` times along `axis`. */
export function repeatInterleave(x: Tensor, times: number, axis: number): Tensor {
  const a = normalizeAxis(axis, x.rank);
  const column = unsqueeze(x, a + 1);
  return column
    .expand(column.shape.map((e, i) => (i === a + 1 ? times : e)))
    .reshape(x.shape.map((e, i) => (i === a ? e * times : e)));
}

const triluOp: Operator<{ upper: boolean; diagonal: number }> = defineOp<{
  upper: boolean;
  diagonal: number;
}>({
  name: "triangle",
  infer: ([x]) => {
    if (x.shape.length < 2) throw new Error("expected at least two axes");
    return [x];
  },
  emit: (g, [x], [y], { attrs: { upper, diagonal } }) =>
    g.node("Trilu", [x, g.scalar(diagonal, "int64")], [y], { upper: upper ? 1 : 0 }),
  gradient: ({ attrs }, [dy]) => [dy && apply(triluOp, [dy], attrs)],
});
/** Keeps the entries on and below the diagonal; `diagonal` moves it up. */
export function tril(x: Tensor, diagonal = 0): Tensor {
  return triangle(x, false, diagonal);
}
/** Keeps the entries on and above the diagonal; `diagonal` moves it up. */
export function triu(x: Tensor, diagonal = 0): Tensor {
  return triangle(x, true, diagonal);
}
/** ONNX Runtime has Trilu for float32, int64 and bool; float16 goes through float32, the others through int64. */
function triangle(x: Tensor, upper: boolean, diagonal: number): Tensor {
  const direct = x.dtype === "float32" || x.dtype === "bool" || x.dtype === "int64";
  const through: DType = x.dtype === "float16" ? "float32" : "int64";
  return astype(apply(triluOp, [direct ? x : astype(x, through)], { upper, diagonal }), x.dtype);
}

/** The diagonal of the last two axes, [..., n]; for a vector, the matrix with it as the diagonal. */
export function diagonal(x: Tensor): Tensor {
  if (x.rank === 1) {
    const n = x.shape[0] as number;
    return pad(x.unsqueeze(1), [
      [0, 0],
      [0, n],
    ])
      .reshape([-1])
      .narrow(0, 0, n * n)
      .reshape([n, n]);
  }
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const n = Math.min(rows, columns);
  const flat = x.reshape([...x.shape.slice(0, -2), rows * columns]);
  return index(flat, ...x.shape.slice(0, -2).map(() => null), [0, (n - 1) * (columns + 1) + 1, columns + 1]);
}
