/** Convolution and its gradients in HWNC layout, [H, W, N, C] (see `graph/layout.ts`). */
import { CONTRIB, type Emitter } from "../graph/emitter.ts";
import type { EmitContext, Operands } from "../graph/graph.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { ConvAttributes } from "./conv.ts";
import { emitPatches, type Window } from "./window.ts";
import { Winograd } from "./winograd.ts";

/** Sizes of one convolution: x [N, C, H, W], w [O, C, ...], y [N, O, ...extents]. */
interface Sizes {
  readonly window: Window;
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly spatial: Shape;
  readonly extents: Shape;
}
type Form = "winograd" | "pointwise" | "patches";

/** The form for a convolution, or `undefined` if NCHW is faster. */
function formOf({ window, channels, outputs, spatial }: Sizes, groups: number): Form | undefined {
  if (groups !== 1 || spatial.length !== 2 || window.dilations.some((d) => d !== 1)) return undefined;
  const square = (k: number) => window.kernel.every((extent) => extent === k);
  const [stride] = window.strides as [number];
  const even = window.strides.every((s) => s === stride);
  const sizable = Math.min(channels, outputs) >= 6 && Math.max(...spatial) <= 64;
  if (sizable && even && ((square(3) && stride <= 2) || (square(5) && stride === 1))) return "winograd";
  if (square(1) && [...window.before, ...window.after].every((p) => p === 0)) return "pointwise";
  return channels < 16 ? "patches" : undefined;
}

function winograd(g: Emitter, { window, batch, channels, outputs, spatial, extents }: Sizes): Winograd {
  const axis = (i: number) => ({
    kernel: window.kernel[i] as number,
    extent: spatial[i] as number,
    outputs: extents[i] as number,
    before: window.before[i] as number,
    stride: window.strides[i] as number,
  });
  return new Winograd(g, { batch, channels, filters: outputs, rows: axis(0), columns: axis(1) });
}

function sizesOf(window: Window, x: Shape, w: Shape, y: Shape): Sizes {
  return {
    window,
    batch: x[0] as number,
    channels: x[1] as number,
    outputs: w[0] as number,
    spatial: x.slice(2),
    extents: y.slice(2),
  };
}

/** The entries that a 1x1 window reads, [Ho·Wo·N, C]. */
function entries(g: Emitter, x: string, { window, batch, channels, spatial, extents }: Sizes): string {
  return g.once(`entries:${x}:${JSON.stringify(window)}`, () => {
    const met = emitPatches(g, x, [...spatial, batch, channels], window, extents, 0, 3);
    return g.op("Reshape", [met, g.ints([sizeOf(extents) * batch, channels])]);
  });
}

/** Patches of an image with few channels, [K·C, Ho·Wo·N]: outermost taps make long contiguous runs. */
function columns(g: Emitter, x: string, { window, batch, channels, spatial, extents }: Sizes): string {
  return g.once(`columns:${x}:${JSON.stringify(window)}`, () => {
    const planes = g.op("Transpose", [g.layout.hwnc(x)], { perm: [3, 0, 1, 2] }); // [C, H, W, N]
    const patches = emitPatches(g, planes, [channels, ...spatial, batch], window, extents, 1, 0); // [K, C, Ho, Wo, N]
    return g.op("Reshape", [patches, g.ints([sizeOf(window.kernel) * channels, sizeOf(extents) * batch])]);
  });
}

/** [O, C, kh, kw] → [O, kh·kw·C]. */
function rowsOfWeight(g: Emitter, w: string, { window, channels, outputs }: Sizes): string {
  const taps = sizeOf(window.kernel);
  return g.once(`rows:${w}`, () => {
    const last = taps === 1 ? w : g.op("Transpose", [w], { perm: [0, 2, 3, 1] });
    return g.op("Reshape", [last, g.ints([outputs, taps * channels])]);
  });
}

export function emitConvHwnc(
  g: Emitter,
  [x, w, bias]: Operands<string>,
  [y]: Operands<string>,
  { attrs: { window, groups }, inputs, outputs: [out] }: EmitContext<ConvAttributes>,
): boolean {
  const sizes = sizesOf(window, inputs[0].shape, inputs[1].shape, out.shape);
  const form = formOf(sizes, groups);
  if (!form) return false;
  const weight = g.layout.plain(w);
  if (form === "winograd") {
    const result = winograd(g, sizes).forward(g.layout.hwnc(x), weight);
    g.layout.set(y, bias === undefined ? result : g.op("Add", [result, bias]));
    return true;
  }
  const addend = bias === undefined ? [] : [bias];
  const rows = rowsOfWeight(g, weight, sizes);
  const product =
    form === "patches"
      ? g.op("Gemm", [columns(g, x, sizes), rows, ...addend], { transA: 1, transB: 1 })
      : g.op("Gemm", [entries(g, g.layout.hwnc(x), sizes), rows, ...addend], { transB: 1 }); // [Ho·Wo·N, O]
  g.layout.set(y, g.op("Reshape", [product, g.ints([...sizes.extents, sizes.batch, sizes.outputs])]));
  return true;
}

type GradientContext = EmitContext<ConvAttributes & { readonly shape: Shape }>;

export function emitInputGradientHwnc(
  g: Emitter,
  [dy, w]: Operands<string>,
  [dx]: Operands<string>,
  { attrs: { window, groups, shape }, inputs }: GradientContext,
): boolean {
  const sizes = sizesOf(window, shape, inputs[1].shape, inputs[0].shape);
  const form = formOf(sizes, groups);
  if (!form || form === "patches") return false;
  const hwnc = g.layout.hwnc(dy);
  const weight = g.layout.plain(w);
  if (form === "winograd") g.layout.set(dx, winograd(g, sizes).inputGradient(hwnc, weight));
  else g.layout.set(dx, pointwiseInputGradient(g, hwnc, weight, sizes));
  return true;
}

function pointwiseInputGradient(g: Emitter, dy: string, w: string, sizes: Sizes): string {
  const { window, batch, channels, outputs, spatial, extents } = sizes;
  const flat = g.op("Reshape", [dy, g.ints([sizeOf(extents) * batch, outputs])]);
  const product = g.op("MatMul", [flat, rowsOfWeight(g, w, sizes)]); // [Ho·Wo·N, C]
  const inner = batch * channels;
  const [sh, sw] = window.strides as [number, number];
  const [height, width] = extents as [number, number];
  let out = product;
  if (sh > 1 || sw > 1) {
    // Entries that the stride skipped get zeros.
    const split = g.op("Reshape", [product, g.ints([height, 1, width, 1, inner])]);
    const pads = [0, 0, 0, 0, 0, 0, sh - 1, 0, sw - 1, 0];
    const spread = g.op("Reshape", [
      g.op("Pad", [split, g.ints(pads), g.scalar(0)]),
      g.ints([height * sh, width * sw, inner]),
    ]);
    const [short, narrow] = [(spatial[0] as number) - height * sh, (spatial[1] as number) - width * sw];
    // Negative padding crops.
    out =
      short === 0 && narrow === 0
        ? spread
        : g.op("Pad", [spread, g.ints([0, 0, 0, short, narrow, 0]), g.scalar(0)]);
  }
  return g.op("Reshape", [out, g.ints([...spatial, batch, channels])]);
}

export function emitWeightGradientHwnc(
  g: Emitter,
  [x, dy]: Operands<string>,
  [dw]: Operands<string>,
  { attrs: { window, groups, shape }, inputs }: GradientContext,
): boolean {
  const sizes = sizesOf(window, inputs[0].shape, shape, inputs[1].shape);
  const form = formOf(sizes, groups);
  if (!form) return false;
  const cotangent = g.layout.hwnc(dy);
  if (form === "winograd") {
    g.node("Identity", [winograd(g, sizes).weightGradient(g.layout.hwnc(x), cotangent)], [dw]);
    return true;
  }
  const { batch, channels, outputs, extents } = sizes;
  const rows = sizeOf(extents) * batch;
  if (form === "pointwise") {
    const flat = g.op("Reshape", [cotangent, g.ints([rows, outputs])]);
    const product = g.op("Gemm", [flat, entries(g, g.layout.hwnc(x), sizes)], { transA: 1 }); // [O, C]
    g.node("Reshape", [product, g.ints(shape)], [dw]);
    return true;
  }
  // A small result of very long sums: partial sums keep all cores busy.
  const parts = [16, 8, 4, 2].find((count) => rows % count === 0) ?? 1;
  const inner = sizeOf(window.kernel) * channels;
  const left = g.op("Reshape", [columns(g, x, sizes), g.ints([inner, parts, rows / parts])]);
  const right = g.op("Reshape", [cotangent, g.ints([parts, rows / parts, outputs])]);
  const products = g.op("FusedMatMul", [left, right], { transBatchA: 1 }, CONTRIB); // [parts, K·C, O]
  const sum = g.op("ReduceSum", [products, g.ints([0])], { keepdims: 0 });
  const split = g.op("Reshape", [sum, g.ints([...window.kernel, channels, outputs])]);
  g.node("Transpose", [split], [dw], { perm: [3, 2, 0, 1] });
  return true;
}
