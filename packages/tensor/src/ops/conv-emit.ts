/**
 * ONNX forms of the two convolution gradients. Several forms are equivalent, but depending on the shape
 * their speed differs by up to ten times, so the shape decides (`docs/benchmarks.md` has the figures).
 */
import { CONTRIB, type Emitter } from "../graph/emitter.ts";
import type { EmitContext, Operands, Spec } from "../graph/graph.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { ConvAttributes } from "./conv.ts";
import { emitPatches, emitZeroInsertion, reach, type Window, windowAttributes } from "./window.ts";

type Context = EmitContext<ConvAttributes & { readonly shape: Shape }>;

interface Conv {
  readonly x: string;
  readonly w: string;
  readonly bias?: string | undefined;
  readonly y: string;
  readonly window: Window;
  readonly groups: number;
  readonly xSpec: Spec;
  readonly wSpec: Spec;
}

/**
 * Emits a Conv in a form that the device computes correctly. ONNX Runtime 1.30's WebGPU kernels give wrong
 * results for some channel counts not divisible by 4, and for groups with other than 1, 2, 4 or 8 outputs;
 * in three dimensions they support no groups.
 */
export function emitConv(g: Emitter, conv: Conv): void {
  const { x, w, bias, y, window, groups, xSpec, wSpec } = conv;
  const attributes = { ...windowAttributes(window), group: groups };
  const operands = (input: string, weight: string) => (bias ? [input, weight, bias] : [input, weight]);
  const [outputs, channels] = wSpec.shape as [number, number];
  const each = outputs / groups;
  const sound = groups > 1 && [1, 2, 4, 8].includes(each) && window.kernel.length < 3;
  if (g.device !== "webgpu" || sound) {
    g.node("Conv", operands(x, w), [y], attributes);
    return;
  }
  if (groups > 1) {
    const split = (name: string, size: number, axis: number) => {
      const parts = Array.from({ length: groups }, () => g.name("Split"));
      g.node("Split", [name, g.ints(parts.map(() => size))], parts, { axis });
      return parts;
    };
    const [inputs, weights] = [split(x, channels, 1), split(w, each, 0)];
    const biases = bias ? split(bias, each, 0) : [];
    const [batch, , ...spatial] = xSpec.shape as [number, number, ...number[]];
    const parts = inputs.map((input, i) => {
      const part = g.name("Conv");
      emitConv(g, {
        x: input,
        w: weights[i] as string,
        bias: biases[i],
        y: part,
        window,
        groups: 1,
        xSpec: { dtype: xSpec.dtype, shape: [batch, channels, ...spatial] },
        wSpec: { dtype: wSpec.dtype, shape: [each, ...wSpec.shape.slice(1)] },
      });
      return part;
    });
    g.node("Concat", parts, [y], { axis: 1 });
    return;
  }
  const missing = channels > 4 ? (4 - (channels % 4)) % 4 : 0;
  const widen = (name: string, { dtype, shape }: Spec) => {
    const none = shape.map(() => 0);
    const pads = g.ints([...none, ...none.map((_, i) => (i === 1 ? missing : 0))]);
    return missing > 0 ? g.op("Pad", [name, pads, g.scalar(0, dtype)]) : name;
  };
  g.node("Conv", operands(widen(x, xSpec), widen(w, wSpec)), [y], attributes);
}

/** dx [N, C, ...] from dy [N, O, ...] and w [O, C/g, ...]. */
export function emitInputGradient(
  g: Emitter,
  [dy, w]: Operands<string>,
  [dx]: Operands<string>,
  { attrs: { window, groups, shape }, inputs: [dySpec, wSpec] }: Context,
): void {
  const rank = shape.length - 2;
  const unit = window.strides.every((stride) => stride === 1);
  const fits = window.kernel.every(
    (_, i) =>
      (window.before[i] as number) < reach(window, i) && (window.after[i] as number) < reach(window, i),
  );
  // For few input channels ConvTranspose beats a convolution with few outputs.
  if (unit && fits && (groups > 1 || (shape[1] as number) > 3) && rank <= 3) {
    emitConv(g, {
      x: dy,
      w: emitFlipped(g, w, wSpec, groups),
      y: dx,
      window: {
        ...window,
        before: window.before.map((before, i) => reach(window, i) - 1 - before),
        after: window.after.map((after, i) => reach(window, i) - 1 - after),
      },
      groups,
      xSpec: dySpec,
      wSpec: flippedSpec(wSpec, groups),
    });
    return;
  }
  if (g.device === "webgpu" && rank === 3) {
    byZeroInsertion(g, { dy, w, dx, window, groups, shape, dySpec, wSpec });
    return;
  }
  const outputPadding = window.kernel.map(
    (_, i) =>
      (shape[i + 2] as number) -
      (window.strides[i] as number) * ((dySpec.shape[i + 2] as number) - 1) -
      reach(window, i) +
      (window.before[i] as number) +
      (window.after[i] as number),
  );
  if (rank === 1) {
    // The two-dimensional operator is about twice as fast.
    const lift = (name: string) => g.op("Unsqueeze", [name, g.ints([2])]);
    const attributes = windowAttributes(lifted(window));
    const y = g.op("ConvTranspose", [lift(dy), lift(w)], {
      ...attributes,
      group: groups,
      output_padding: [0, ...outputPadding],
    });
    g.node("Squeeze", [y, g.ints([2])], [dx]);
    return;
  }
  g.node("ConvTranspose", [dy, w], [dx], {
    ...windowAttributes(window),
    group: groups,
    output_padding: outputPadding,
  });
}

interface TransposedConv {
  readonly dy: string;
  readonly w: string;
  readonly dx: string;
  readonly window: Window;
  readonly groups: number;
  readonly shape: Shape;
  readonly dySpec: Spec;
  readonly wSpec: Spec;
}

/** ConvTranspose as a convolution over dy with zeros between its entries: WebGPU has no 3D ConvTranspose. */
function byZeroInsertion(
  g: Emitter,
  { dy, w, dx, window, groups, shape, dySpec, wSpec }: TransposedConv,
): void {
  let x = emitZeroInsertion(g, dy, dySpec, window.strides);
  const wide = dySpec.shape.slice(2).map((extent, i) => extent * (window.strides[i] as number));
  const before = window.before.map((entries, i) => reach(window, i) - 1 - entries);
  const after = wide.map(
    (extent, i) => (shape[i + 2] as number) + reach(window, i) - 1 - (before[i] as number) - extent,
  );
  // Negative padding crops.
  const starts = before.map((entries) => Math.max(0, -entries));
  const ends = wide.map((extent, i) => extent + Math.min(0, after[i] as number));
  const axes = g.ints(wide.map((_, i) => i + 2));
  if ([...before, ...after].some((entries) => entries < 0))
    x = g.op("Slice", [x, g.ints(starts), g.ints(ends), axes]);
  const extents = ends.map((end, i) => end - (starts[i] as number));
  emitConv(g, {
    x,
    w: emitFlipped(g, w, wSpec, groups),
    y: dx,
    window: {
      ...window,
      strides: wide.map(() => 1),
      before: before.map((entries) => Math.max(0, entries)),
      after: after.map((entries) => Math.max(0, entries)),
    },
    groups,
    xSpec: { dtype: dySpec.dtype, shape: [...dySpec.shape.slice(0, 2), ...extents] },
    wSpec: flippedSpec(wSpec, groups),
  });
}

function lifted(window: Window): Window {
  return {
    kernel: [1, ...window.kernel],
    strides: [1, ...window.strides],
    dilations: [1, ...window.dilations],
    before: [0, ...window.before],
    after: [0, ...window.after],
  };
}

function flippedSpec({ dtype, shape }: Spec, groups: number): Spec {
  const [outputs, perGroup, ...kernel] = shape as [number, number, ...number[]];
  return { dtype, shape: [perGroup * groups, outputs / groups, ...kernel] };
}

/** [O, C/g, ...] → [C, O/g, ...] with the kernel reversed. */
function emitFlipped(g: Emitter, w: string, { shape }: Spec, groups: number): string {
  const [outputs, perGroup, ...kernel] = shape as [number, number, ...number[]];
  const spatial = kernel.map((_, i) => i);
  let transposed: string;
  if (groups === 1) transposed = g.op("Transpose", [w], { perm: [1, 0, ...spatial.map((i) => i + 2)] });
  else {
    const grouped = g.op("Reshape", [w, g.ints([groups, outputs / groups, perGroup, ...kernel])]);
    const swapped = g.op("Transpose", [grouped], { perm: [0, 2, 1, ...spatial.map((i) => i + 3)] });
    transposed = g.op("Reshape", [swapped, g.ints([groups * perGroup, outputs / groups, ...kernel])]);
  }
  const axes = spatial.filter((i) => (kernel[i] as number) > 1).map((i) => i + 2);
  if (axes.length === 0) return transposed;
  const reverse = (name: string, some: readonly number[]) => {
    const all = (value: number) => g.ints(some.map(() => value));
    return g.op("Slice", [name, all(-1), all(-(2 ** 31)), g.ints(some), all(-1)]);
  };
  // ONNX Runtime's WebGPU kernel mixes up the axes if several have negative steps.
  if (g.device === "webgpu") return axes.reduce((name, axis) => reverse(name, [axis]), transposed);
  return reverse(transposed, axes);
}

/** dw [O, C/g, ...] from x [N, C, ...] and dy [N, O, ...]. */
export function emitWeightGradient(
  g: Emitter,
  [x, dy]: Operands<string>,
  [dw]: Operands<string>,
  { attrs: { window, groups, shape }, inputs: [xSpec, dySpec] }: Context,
): void {
  const [outputs, perGroup, ...kernel] = shape as [number, number, ...number[]];
  const batch = xSpec.shape[0] as number;
  const extents = dySpec.shape.slice(2);
  const positions = sizeOf(extents);
  const taps = sizeOf(kernel);
  const call = { g, x, dy, dw, window, groups, shape, xSpec, dySpec };
  if (groups > 1) {
    const depthwise = perGroup === 1 && outputs === groups;
    const small = taps <= 9 && window.strides.every((stride) => stride === 1);
    if (depthwise && small) depthwisePatches(call);
    else byConvolution(call);
  } else if (taps === 1 && positions >= 128) byBatchedPatches(call);
  else if (outputs * perGroup * taps < 4096 || taps * perGroup * positions * batch > 2 ** 29)
    byConvolution(call);
  else if (positions >= 128) byBatchedPatches(call);
  else byPatches(call);
}

interface Call {
  readonly g: Emitter;
  readonly x: string;
  readonly dy: string;
  readonly dw: string;
  readonly window: Window;
  readonly groups: number;
  readonly shape: Shape;
  readonly xSpec: Spec;
  readonly dySpec: Spec;
}

/** a·bᵀ over the last two axes. */
function timesTransposed(g: Emitter, a: string, b: string, rank: number): string {
  if (g.device === "cpu" && !g.portable) return g.op("FusedMatMul", [a, b], { transB: 1 }, CONTRIB);
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
  return g.op("MatMul", [a, g.op("Transpose", [b], { perm })]);
}

/** One matrix product per image, summed over the batch: for large images. */
function byBatchedPatches({ g, x, dy, dw, window, shape, xSpec, dySpec }: Call): void {
  const [outputs, channels, ...kernel] = shape as [number, number, ...number[]];
  const extents = dySpec.shape.slice(2);
  const batch = xSpec.shape[0] as number;
  const patches = emitPatches(g, x, xSpec.shape, window, extents, 2, 2); // [N, C, K, ...]
  const columns = g.op("Reshape", [patches, g.ints([batch, channels * sizeOf(kernel), sizeOf(extents)])]);
  const rows = g.op("Reshape", [dy, g.ints([batch, outputs, sizeOf(extents)])]);
  const products = timesTransposed(g, rows, columns, 3); // [N, O, C·K]
  const sum = g.op("ReduceSum", [products, g.ints([0])], { keepdims: 0 });
  g.node("Reshape", [sum, g.ints(shape)], [dw]);
}

/** One matrix product over all images, channels-last: for small images. */
function byPatches({ g, x, dy, dw, window, shape, xSpec, dySpec }: Call): void {
  const [outputs, channels, ...kernel] = shape as [number, number, ...number[]];
  const rank = kernel.length;
  const extents = dySpec.shape.slice(2);
  const batch = xSpec.shape[0] as number;
  const last = [0, ...kernel.map((_, i) => i + 2), 1];
  const moved = g.op("Transpose", [x], { perm: last }); // [N, ..., C]
  const movedShape = last.map((axis) => xSpec.shape[axis] as number);
  const patches = emitPatches(g, moved, movedShape, window, extents, 1, rank + 1); // [N, ..., K, C]
  const rows = batch * sizeOf(extents);
  const columns = g.op("Reshape", [patches, g.ints([rows, sizeOf(kernel) * channels])]);
  const out = g.op("Reshape", [g.op("Transpose", [dy], { perm: last }), g.ints([rows, outputs])]);
  const product = g.op("Gemm", [out, columns], { transA: 1 }); // [O, K·C]
  const split = g.op("Reshape", [product, g.ints([outputs, sizeOf(kernel), channels])]);
  g.node("Reshape", [g.op("Transpose", [split], { perm: [0, 2, 1] }), g.ints(shape)], [dw]);
}

/** Depthwise convolutions: [N, C, K, L] times [N, C, L, 1]. */
function depthwisePatches({ g, x, dy, dw, window, shape, xSpec, dySpec }: Call): void {
  const extents = dySpec.shape.slice(2);
  const [batch, channels] = xSpec.shape as [number, number];
  const taps = sizeOf(shape.slice(2));
  const patches = emitPatches(g, x, xSpec.shape, window, extents, 2, 2);
  const columns = g.op("Reshape", [patches, g.ints([batch, channels, taps, sizeOf(extents)])]);
  const column = g.op("Reshape", [dy, g.ints([batch, channels, sizeOf(extents), 1])]);
  const sum = g.op("ReduceSum", [g.op("MatMul", [columns, column]), g.ints([0])], { keepdims: 0 });
  g.node("Reshape", [sum, g.ints(shape)], [dw]);
}

/**
 * A convolution with dy as the kernel, batch and channels swapped, and stride and dilation swapped.
 * With g groups: [C/g, g·N, ...] by [O, N, ...].
 */
function byConvolution({ g, x, dy, dw, window, groups, shape, xSpec, dySpec }: Call): void {
  const [, perGroup, ...kernel] = shape as [number, number, ...number[]];
  const batch = xSpec.shape[0] as number;
  const spatial = kernel.map((_, i) => i);
  const swap = [1, 0, ...spatial.map((i) => i + 2)];
  const extents = dySpec.shape.slice(2);
  let input: string;
  if (groups === 1) input = g.op("Transpose", [x], { perm: swap });
  else {
    const split = g.op("Reshape", [x, g.ints([batch, groups, perGroup, ...xSpec.shape.slice(2)])]);
    const transposed = g.op("Transpose", [split], { perm: [2, 1, 0, ...spatial.map((i) => i + 3)] });
    input = g.op("Reshape", [transposed, g.ints([perGroup, groups * batch, ...xSpec.shape.slice(2)])]);
  }
  const weight = g.op("Transpose", [dy], { perm: swap }); // [O, N, ...]
  // The trailing padding is chosen so that the result has exactly the kernel's extents.
  const after = spatial.map(
    (i) =>
      ((kernel[i] as number) - 1) * (window.dilations[i] as number) +
      (window.strides[i] as number) * ((extents[i] as number) - 1) +
      1 -
      (xSpec.shape[i + 2] as number) -
      (window.before[i] as number),
  );
  const surplus = after.map((a) => Math.max(0, -a));
  if (surplus.some((s) => s > 0)) {
    // Drops trailing entries that no window of the forward pass read.
    const axes = spatial.map((i) => i + 2);
    const ends = axes.map((axis, i) => (xSpec.shape[axis] as number) - (surplus[i] as number));
    input = g.op("Slice", [input, g.ints(axes.map(() => 0)), g.ints(ends), g.ints(axes)]);
  }
  const product = g.name("Conv"); // [C/g, O, ...]
  const remaining = xSpec.shape.slice(2).map((extent, i) => extent - (surplus[i] as number));
  emitConv(g, {
    x: input,
    w: weight,
    y: product,
    window: {
      kernel: extents,
      strides: window.dilations,
      dilations: window.strides,
      before: window.before,
      after: after.map((a) => Math.max(0, a)),
    },
    groups,
    xSpec: { dtype: xSpec.dtype, shape: [perGroup, groups * batch, ...remaining] },
    wSpec: { dtype: dySpec.dtype, shape: [shape[0] as number, batch, ...extents] },
  });
  g.node("Transpose", [product], [dw], { perm: swap });
}
