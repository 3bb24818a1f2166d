/**
 * From relative disparity to metres: depth = 1 / (scale · disparity + shift). The inverse without a shift is wrong for
 * the relative models, whose disparity is known up to both.
 */
import { Planes } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";

export interface Alignment {
  readonly scale: number;
  readonly shift: number;
}

/** Values by pixel. Values that are not finite are left out. */
export type Values = ArrayLike<number>;

export interface FitOptions {
  /** Which pixels count; default all. */
  readonly mask?: ArrayLike<number | boolean> | undefined;
  /** Weights of the pixels, default 1. */
  readonly weights?: Values | undefined;
}

/** Pairs (x, y) with weights, without those that do not count. */
interface Pairs {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly w: Float64Array;
}

function readPairs(name: string, x: Values, y: Values, { mask, weights }: FitOptions): Pairs {
  for (const [what, other] of [
    ["target", y],
    ["mask", mask],
    ["weights", weights],
  ] as const)
    if (other && other.length !== x.length)
      throw new RangeError(
        `${name}: ${what}: expected ${x.length} values like the prediction, got ${other.length}`,
      );
  const kept: number[] = [];
  for (let i = 0; i < x.length; i++)
    if ((!mask || mask[i]) && Number.isFinite(x[i]!) && Number.isFinite(y[i]!) && (weights?.[i] ?? 1) > 0)
      kept.push(i);
  if (kept.length < 2) throw new RangeError(`${name}: expected at least 2 valid pixels, got ${kept.length}`);
  const take = (values: Values) => Float64Array.from(kept, (i) => values[i]!);
  return { x: take(x), y: take(y), w: weights ? take(weights) : new Float64Array(kept.length).fill(1) };
}

/**
 * Scale and shift that minimise Σ w (scale · prediction + shift − target)². For a constant prediction, scale is 0 and
 * shift the mean of the target.
 *
 * @param prediction disparity, in any unit
 * @param target disparity, 1 / metres
 * @throws RangeError if fewer than two pixels are valid
 */
export function fitLeastSquares(prediction: Values, target: Values, options: FitOptions = {}): Alignment {
  return solve(readPairs("fitLeastSquares", prediction, target, options));
}

function solve({ x, y, w }: Pairs): Alignment {
  let [total, mx, my] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    total += w[i]!;
    mx += w[i]! * x[i]!;
    my += w[i]! * y[i]!;
  }
  if (total === 0) return { scale: 0, shift: 0 };
  mx /= total;
  my /= total;
  let [xx, xy] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    xx += w[i]! * (x[i]! - mx) ** 2;
    xy += w[i]! * (x[i]! - mx) * (y[i]! - my);
  }
  // Below this, the variance is rounding error.
  const scale = xx > total * (mx * mx + xx / total) * 1e-24 ? xy / xx : 0;
  return { scale, shift: my - scale * mx };
}

export interface RobustOptions extends FitOptions {
  /** How many lines through two random pixels are tried, default 100. */
  readonly trials?: number;
  /** Seed of the trials, default 0. */
  readonly seed?: number;
}

/**
 * Scale and shift that outliers do not move, up to almost half of the pixels: the line through two random pixels with
 * the least median error (Rousseeuw 1984), then least squares on the pixels within 2.5 robust deviations of it, twice.
 *
 * @throws RangeError if fewer than two pixels are valid
 */
export function fitRobust(prediction: Values, target: Values, options: RobustOptions = {}): Alignment {
  const { trials = 100, seed = 0 } = options;
  const pairs = readPairs("fitRobust", prediction, target, options);
  const { x, y } = pairs;
  const random = new HostRandom(seed);
  const sample = Array.from({ length: Math.min(x.length, 1000) }, (_, i) =>
    x.length <= 1000 ? i : random.below(x.length),
  );
  const spread = ({ scale, shift }: Alignment, of: readonly number[]) =>
    median(Float64Array.from(of, (i) => Math.abs(scale * x[i]! + shift - y[i]!)));
  let best = solve(pairs);
  let least = spread(best, sample);
  for (let trial = 0; trial < trials; trial++) {
    const [i, j] = [random.below(x.length), random.below(x.length)];
    if (x[i] === x[j]) continue;
    const scale = (y[j]! - y[i]!) / (x[j]! - x[i]!);
    const line = { scale, shift: y[i]! - scale * x[i]! };
    const error = spread(line, sample);
    if (error < least) [best, least] = [line, error];
  }
  for (let round = 0; round < 2; round++) {
    // 1.4826 · median is the standard deviation of normal errors
    const far = 2.5 * 1.4826 * spread(best, sample) + 1e-9 * (Math.abs(best.shift) + Math.abs(best.scale));
    const { scale, shift } = best;
    const w = pairs.w.map((weight, i) => (Math.abs(scale * x[i]! + shift - y[i]!) <= far ? weight : 0));
    best = solve({ x, y, w });
  }
  return best;
}

function median(values: Float64Array): number {
  return values.sort()[values.length >> 1]!;
}

/**
 * Metres from relative disparity. Aligned disparity is clamped to at least 1 / cap, so that depth is positive and at
 * most `cap`: sky, for example, has disparities about 0.
 *
 * @param cap the largest depth in metres, default 1000
 */
export function toDepth(disparity: Planes, { scale, shift }: Alignment, cap = 1000): Planes {
  if (!(cap > 0)) throw new RangeError(`toDepth: expected a positive cap in metres, got ${cap}`);
  const data = disparity.data.map((value) => 1 / Math.max(scale * value + shift, 1 / cap));
  return new Planes(disparity.channels, disparity.height, disparity.width, data);
}

/** A pixel and its distance from the camera plane in metres. */
export interface KnownPoint {
  readonly x: number;
  readonly y: number;
  readonly distance: number;
}

export interface AlignOptions {
  /** The largest depth in metres, default 1000. */
  readonly cap?: number | undefined;
  /** Leaves out wrong distances, up to almost half of them; default for more than 10 points. */
  readonly robust?: boolean | undefined;
}

export interface AlignedDepth extends Alignment {
  /** Metres, [1, H, W]. */
  readonly depth: Planes;
  /** Of each point, relative to its distance: (depth − distance) / distance. Zeros where two points fix everything. */
  readonly residuals: readonly number[];
  /**
   * What to expect elsewhere: the mean of |depth − distance| / distance of each point when the others alone are used, or
   * with `robust` the median. Of many points, a tenth is left out at a time. `undefined` for two points, which cannot tell,
   * and where the others do not determine an alignment.
   */
  readonly expectedError: number | undefined;
}

/** Points that are left out at a time: one, or of many points a tenth. */
const FOLDS = 10;
const MANY = 50;

/**
 * Metres from relative disparity and two or more known distances. With more than two, the sum of the squared relative
 * errors is minimised, to first order, over all points or with `robust` over those of {@link fitRobust}.
 *
 * @param disparity [1, H, W], larger is nearer
 * @throws RangeError if there are fewer than two points, one is outside of the map or has no positive distance, all
 *   have the same disparity, or nearer points have smaller disparities
 */
export function align(
  disparity: Planes,
  points: readonly KnownPoint[],
  { cap, robust = points.length > 10 }: AlignOptions = {},
): AlignedDepth {
  const { width, height, channels } = disparity;
  if (channels !== 1) throw new RangeError(`align: expected disparity [1, H, W], got [${disparity.shape}]`);
  if (points.length < 2)
    throw new RangeError(`align: expected at least 2 points with known distances, got ${points.length}`);
  const known = points.map(({ x, y, distance }, i) => {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!(column >= 0 && column < width && row >= 0 && row < height))
      throw new RangeError(`align: point ${i}: (${x}, ${y}) is outside of the map, ${width} x ${height}`);
    if (!(distance > 0 && Number.isFinite(distance)))
      throw new RangeError(`align: point ${i}: expected a distance in metres above 0, got ${distance}`);
    const value = disparity.data[row * width + column]!;
    if (!Number.isFinite(value)) throw new RangeError(`align: point ${i}: the disparity there is ${value}`);
    return { value, distance };
  });
  const fit = (some: readonly Known[]) => fitKnown(some, robust);
  const found = fit(known);
  if (found.scale === 0)
    throw new RangeError(
      `align: all points have the disparity ${known[0]!.value}: choose points at other distances`,
    );
  if (found.scale < 0)
    throw new RangeError(
      "align: the points that are farther away have the larger disparities: check the distances",
    );
  return {
    ...found,
    depth: toDepth(disparity, found, cap),
    residuals: known.map((point) => relativeError(found, point)),
    expectedError: known.length < 3 ? undefined : crossValidated(known, fit, robust),
  };
}

interface Known {
  readonly value: number;
  readonly distance: number;
}

/** An error e of 1 / distance is an error of distance · e of the distance, relatively. */
function fitKnown(known: readonly Known[], robust: boolean): Alignment {
  const x = Float64Array.from(known, ({ value }) => value);
  const y = Float64Array.from(known, ({ distance }) => 1 / distance);
  const w = Float64Array.from(known, ({ distance }) => distance ** 2);
  return robust && known.length > 2 ? fitRobust(x, y, { weights: w }) : solve({ x, y, w });
}

function relativeError({ scale, shift }: Alignment, { value, distance }: Known): number {
  return 1 / Math.max(scale * value + shift, 1e-9) / distance - 1;
}

/** The error of points that are left out of the fit; undefined where the rest does not determine an alignment. */
function crossValidated(
  known: readonly Known[],
  fit: (some: readonly Known[]) => Alignment,
  robust: boolean,
): number | undefined {
  const folds = known.length > MANY ? FOLDS : known.length;
  const errors: number[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const found = fit(known.filter((_, i) => i % folds !== fold));
    if (!(found.scale > 0)) return undefined;
    for (const [i, point] of known.entries())
      if (i % folds === fold) errors.push(Math.abs(relativeError(found, point)));
  }
  return robust ? median(Float64Array.from(errors)) : errors.reduce((a, b) => a + b, 0) / errors.length;
}
