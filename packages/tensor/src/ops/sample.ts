/** Sampling an image at real-valued positions (Jaderberg et al. 2015, "Spatial Transformer Networks"). */
import { backward } from "../autodiff.ts";
import { defineOp, type Operator } from "../graph/graph.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, floating } from "./apply.ts";
import { gather } from "./gather.ts";
import { concat } from "./movement.ts";

type Mode = "bilinear" | "nearest" | "bicubic";
type Outside = "zeros" | "border" | "reflection";
type Attributes = { mode: Mode; paddingMode: Outside; alignCorners: boolean };

export interface GridSampleOptions {
  readonly mode?: Mode;
  /** What positions outside the image read. */
  readonly paddingMode?: Outside;
  /** Whether −1 and 1 are the centres of the outermost pixels; otherwise their outer edges. */
  readonly alignCorners?: boolean;
}

const gridSampleOp: Operator<Attributes> = defineOp<Attributes>({
  name: "gridSample",
  infer: ([x, grid]) => {
    const rank = x.shape.length - 2;
    if ((rank !== 2 && rank !== 3) || grid.shape.length !== rank + 2 || grid.shape[rank + 1] !== rank)
      throw new Error(
        "expected [N, C, H, W] with a grid [N, h, w, 2], or [N, C, D, H, W] with a grid [N, d, h, w, 3]",
      );
    if (x.shape[0] !== grid.shape[0])
      throw new Error(`batch sizes ${x.shape[0]} and ${grid.shape[0]} differ`);
    if (x.shape.slice(2).includes(0)) throw new Error("the image is empty");
    return [
      { dtype: x.dtype, shape: [x.shape[0] as number, x.shape[1] as number, ...grid.shape.slice(1, -1)] },
    ];
  },
  emit: (g, [x, grid], [y], { attrs }) =>
    g.node("GridSample", [x, grid], [y], {
      mode: attrs.mode === "bilinear" ? "linear" : attrs.mode === "bicubic" ? "cubic" : "nearest",
      padding_mode: attrs.paddingMode,
      align_corners: attrs.alignCorners ? 1 : 0,
    }),
  // The forward pass is one operator; the gradient is that of its decomposition into gathers.
  gradient: ({ inputs: [x, grid], attrs }, [dy]) =>
    dy ? backward([decomposed(x, grid, attrs)], [dy], [x, grid]) : [],
});

/**
 * Samples x [N, C, H, W] at the positions of `grid` [N, h, w, 2], (x, y) in [−1, 1] → [N, C, h, w]; or in 3D,
 * [N, C, D, H, W] at [N, d, h, w, 3].
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = "bilinear", paddingMode = "zeros", alignCorners = false } = options;
  if (mode === "bicubic" && x.rank !== 4)
    throw new Error(`gridSample(${x}, ${grid}): bicubic needs [N, C, H, W]`);
  return apply(gridSampleOp, [floating(x), floating(grid).astype(floating(x).dtype)], {
    mode,
    paddingMode,
    alignCorners,
  });
}

/** One neighbour along an axis. */
interface Tap {
  readonly index: Tensor;
  readonly weight: Tensor;
}

/** Grid sampling in standard operators. */
function decomposed(x: Tensor, grid: Tensor, { mode, paddingMode, alignCorners }: Attributes): Tensor {
  const spatial = x.shape.slice(2);
  const rank = spatial.length;
  const [batch, channels] = x.shape as [number, number];
  const places = sizeOf(grid.shape.slice(1, -1));
  const flat = x.reshape([batch, channels, sizeOf(spatial)]);
  // The coordinates of the grid are in reverse order of the spatial axes.
  const taps = spatial.map((extent, axis) => {
    const unit = grid.select(grid.rank - 1, rank - 1 - axis).reshape([batch, 1, places]);
    const place = alignCorners ? unit.add(1).mul((extent - 1) / 2) : unit.add(1).mul(extent).sub(1).mul(0.5);
    return neighbours(place, extent, mode, paddingMode, alignCorners);
  });
  let sum: Tensor | undefined;
  const walk = (axis: number, index: Tensor | undefined, weight: Tensor | undefined): void => {
    if (axis === rank) {
      const wide = concat(new Array<Tensor>(channels).fill((index as Tensor).astype("int32")), 1); // [N, C, P]
      const part = gather(flat, 2, wide, { unchecked: true }).mul(weight as Tensor);
      sum = sum ? sum.add(part) : part;
      return;
    }
    for (const tap of taps[axis] as Tap[])
      walk(
        axis + 1,
        index ? index.mul(spatial[axis] as number).add(tap.index) : tap.index,
        weight ? weight.mul(tap.weight) : tap.weight,
      );
  };
  walk(0, undefined, undefined);
  return (sum as Tensor).reshape([batch, channels, ...grid.shape.slice(1, -1)]);
}

function neighbours(
  place: Tensor,
  extent: number,
  mode: Mode,
  outside: Outside,
  alignCorners: boolean,
): Tap[] {
  if (mode === "bicubic") {
    const low = place.floor().stopGradient();
    const t = place.sub(low);
    // Each neighbour is mapped inside on its own.
    return cubicWeights(t).map((weight, k) =>
      inside(confine(low.add(k - 1), extent, outside, alignCorners).stopGradient(), extent, weight),
    );
  }
  const within = confine(place, extent, outside, alignCorners);
  if (mode === "nearest") return [inside(within.round().stopGradient(), extent, within.mul(0).add(1))];
  const low = within.floor().stopGradient();
  const t = within.sub(low);
  return [inside(low, extent, t.rsub(1)), inside(low.add(1), extent, t)];
}

/** Maps positions outside the image to ones inside, by the padding mode. */
function confine(place: Tensor, extent: number, outside: Outside, alignCorners: boolean): Tensor {
  if (outside === "zeros") return place;
  if (outside === "border") return place.clamp(0, extent - 1);
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? extent - 1 : extent;
  if (span === 0) return place.mul(0);
  const distance = place.sub(low).abs();
  const rest = distance.remainder(span);
  const odd = distance.div(span).floor().remainder(2).stopGradient();
  // An even number of reflections keeps the remainder, an odd one mirrors it.
  const folded = rest.mul(odd.mul(-2).add(1)).add(odd.mul(span)).add(low);
  return folded.clamp(0, extent - 1);
}

/** A neighbour with weight 0 if it is outside the image. */
function inside(index: Tensor, extent: number, weight: Tensor): Tap {
  const there = index
    .greaterEqual(0)
    .logicalAnd(index.lessEqual(extent - 1))
    .astype(weight.dtype);
  return { index: index.clamp(0, extent - 1), weight: weight.mul(there) };
}

/** Keys' cubic kernel with a = −0.75 at distances 1 + t, t, 1 − t, 2 − t. */
function cubicWeights(t: Tensor): Tensor[] {
  const a = -0.75;
  const near = (d: Tensor) =>
    d
      .mul(a + 2)
      .sub(a + 3)
      .mul(d)
      .mul(d)
      .add(1);
  const far = (d: Tensor) =>
    d
      .mul(a)
      .sub(5 * a)
      .mul(d)
      .add(8 * a)
      .mul(d)
      .sub(4 * a);
  return [far(t.add(1)), near(t), near(t.rsub(1)), far(t.rsub(2))];
}
