/** How depth and disparity are evaluated: Eigen et al. 2014, MiDaS, and DA-2K of Depth Anything V2. */
import { type Alignment, type FitOptions, fitLeastSquares, type Values } from "./align.ts";

export interface DepthMetrics {
  /** Shares of pixels with max(p / y, y / p) below 1.25, 1.25², 1.25³. */
  readonly delta1: number;
  readonly delta2: number;
  readonly delta3: number;
  /** Mean of |p − y| / y. */
  readonly absRel: number;
  /** Mean of (p − y)² / y, in metres. */
  readonly sqRel: number;
  /** In metres. */
  readonly rmse: number;
  readonly rmseLog: number;
  /** Mean of |log10 p − log10 y|. */
  readonly log10: number;
  /** √(mean g² − λ (mean g)²) with g = ln p − ln y. */
  readonly silog: number;
}

/** The part of an image that KITTI (Garg et al. 2016; Eigen et al. 2014) and NYU (Eigen) are evaluated on. */
export const CROPS = ["garg", "eigen-kitti", "eigen-nyu"] as const;
export type Crop = (typeof CROPS)[number];

export interface MetricOptions {
  /** The least and the largest depth in metres that count; default 0.001 and infinity. */
  readonly min?: number;
  readonly max?: number;
  /** Leave out targets that are equal to `min` or `max`, default false. */
  readonly strict?: boolean;
  /** Clamp predictions to [min, max] first, default false. */
  readonly clip?: boolean;
  readonly crop?: Crop | undefined;
  /** λ of `silog`, default 0.5 as in Depth Anything V2; 1 in most papers. */
  readonly lambda?: number;
  readonly mask?: ArrayLike<number | boolean> | undefined;
}

/** ZoeDepth's and Depth Anything V1's rule for metric depth; they state 100 times `silog`. */
export const ZOE_EVALUATION: MetricOptions = { strict: true, clip: true, lambda: 1 };

/** The part of an image that a crop keeps: rows from `top`, columns from `left`, ends exclusive. */
function cropOf(crop: Crop | undefined, width: number, height: number): [number, number, number, number] {
  const part = (top: number, bottom: number, left: number, right: number) =>
    [top * height, bottom * height, left * width, right * width].map(Math.trunc) as [
      number,
      number,
      number,
      number,
    ];
  if (crop === "garg") return part(0.40810811, 0.99189189, 0.03594771, 0.96405229);
  if (crop === "eigen-kitti") return part(0.3324324, 0.91351351, 0.0359477, 0.96405229);
  if (crop === "eigen-nyu") return [45, 471, 41, 601];
  return [0, height, 0, width];
}

/**
 * Metrics of one image. Targets of 0 or less, and those that are not finite, never count.
 *
 * @param prediction metres, positive
 * @param target metres
 * @param size of both maps
 * @throws RangeError if no pixel is valid, or a prediction there is not a positive number
 */
export function depthMetrics(
  prediction: Values,
  target: Values,
  size: { readonly width: number; readonly height: number },
  options: MetricOptions = {},
): DepthMetrics {
  const {
    min = 1e-3,
    max = Number.POSITIVE_INFINITY,
    strict = false,
    clip = false,
    lambda = 0.5,
    mask,
  } = options;
  const { width, height } = size;
  for (const [what, values] of [
    ["prediction", prediction],
    ["target", target],
    ["mask", mask],
  ] as const)
    if (values && values.length !== width * height)
      throw new RangeError(
        `depthMetrics: ${what}: expected ${width} x ${height} values, got ${values.length}`,
      );
  const [top, bottom, left, right] = cropOf(options.crop, width, height);
  const sums = { delta1: 0, delta2: 0, delta3: 0, absRel: 0, sqRel: 0, square: 0, g: 0, g2: 0, log10: 0 };
  let count = 0;
  for (let row = top; row < Math.min(bottom, height); row++)
    for (let column = left; column < Math.min(right, width); column++) {
      const i = row * width + column;
      const y = target[i]!;
      const counts = strict ? y > min && y < max : y >= min && y <= max;
      if (!counts || !(y > 0) || y === Number.POSITIVE_INFINITY || (mask && !mask[i])) continue;
      const p = clip ? clamp(prediction[i]!, min, max) : prediction[i]!;
      if (!(p > 0 && p < Number.POSITIVE_INFINITY))
        throw new RangeError(
          `depthMetrics: prediction at (${column}, ${row}): expected metres above 0, got ${p}`,
        );
      const [ratio, off, g] = [Math.max(p / y, y / p), p - y, Math.log(p) - Math.log(y)];
      count++;
      sums.delta1 += Number(ratio < 1.25);
      sums.delta2 += Number(ratio < 1.25 ** 2);
      sums.delta3 += Number(ratio < 1.25 ** 3);
      sums.absRel += Math.abs(off) / y;
      sums.sqRel += off ** 2 / y;
      sums.square += off ** 2;
      sums.g += g;
      sums.g2 += g ** 2;
      sums.log10 += Math.abs(g) / Math.LN10;
    }
  if (count === 0) throw new RangeError("depthMetrics: no pixel of the target is valid");
  const { delta1, delta2, delta3, absRel, sqRel, square, g, g2, log10 } = sums;
  return {
    delta1: delta1 / count,
    delta2: delta2 / count,
    delta3: delta3 / count,
    absRel: absRel / count,
    sqRel: sqRel / count,
    rmse: Math.sqrt(square / count),
    rmseLog: Math.sqrt(g2 / count),
    log10: log10 / count,
    silog: Math.sqrt(Math.max(0, g2 / count - lambda * (g / count) ** 2)),
  };
}

/** NaN becomes `min`. */
function clamp(value: number, min: number, max: number): number {
  return value > max ? max : value > min ? value : min;
}

/** Which pixels of a map a crop keeps, 1 or 0. */
export function cropMask(
  { width, height }: { readonly width: number; readonly height: number },
  crop: Crop | undefined,
): Uint8Array {
  const [top, bottom, left, right] = cropOf(crop, width, height);
  const mask = new Uint8Array(width * height);
  for (let row = top; row < Math.min(bottom, height); row++)
    mask.fill(1, row * width + left, row * width + Math.min(right, width));
  return mask;
}

export interface AlignedEvaluation extends Alignment {
  readonly metrics: DepthMetrics;
  /** Metres, as evaluated. */
  readonly depth: Float64Array;
  /** How many pixels were valid. */
  readonly valid: number;
}

/** The largest depths in metres that published zero-shot results count (MiDaS). */
export const CAPS = { kitti: 80, nyu: 10, eth3d: 72, sintel: 72, diodeIndoor: 10 } as const;

/**
 * Zero-shot evaluation of relative disparity (MiDaS): per image, scale and shift are fitted to 1 / target by least
 * squares on the valid pixels, 0.001 < target < cap; aligned disparity is clamped to at least 1 / cap, and its inverse
 * is evaluated.
 *
 * @param disparity relative, larger is nearer
 * @param target metres; invalid pixels are 0 or not finite
 * @throws RangeError if fewer than two pixels are valid
 */
export function evaluateAligned(
  disparity: Values,
  target: Values,
  size: { readonly width: number; readonly height: number },
  options: {
    readonly cap: number;
    readonly mask?: MetricOptions["mask"];
    /** λ of `silog`, default 0.5. */
    readonly lambda?: number;
    /** How scale and shift are found; default by least squares. */
    readonly fit?: (prediction: Values, target: Values, options: FitOptions) => Alignment;
  },
): AlignedEvaluation {
  const { cap, lambda = 0.5, fit: align = fitLeastSquares } = options;
  const mask = Uint8Array.from(target, (y, i) => Number(y > 1e-3 && y < cap && (options.mask?.[i] ?? 1)));
  const inverse = Float64Array.from(target, (y) => 1 / y);
  const fit = align(disparity, inverse, { mask });
  const depth = Float64Array.from(disparity, (d) => 1 / Math.max(fit.scale * d + fit.shift, 1 / cap));
  const metrics = depthMetrics(depth, target, size, { mask, lambda });
  return { ...fit, depth, metrics, valid: mask.reduce((a, b) => a + b, 0) };
}

/** A pair of DA-2K: points [row, column] in the original image, of which the first is the nearer one. */
export interface OrderedPair {
  readonly closer: readonly [row: number, column: number];
  readonly farther: readonly [row: number, column: number];
}

/** How many pairs have the strictly larger disparity at the nearer point. A tie is wrong. */
export function correctPairs(
  disparity: Values,
  size: { readonly width: number; readonly height: number },
  pairs: readonly OrderedPair[],
): number {
  const at = ([row, column]: readonly [number, number]) => {
    if (!(row >= 0 && row < size.height && column >= 0 && column < size.width))
      throw new RangeError(
        `correctPairs: [row, column] = [${row}, ${column}] is outside of ${size.width} x ${size.height}`,
      );
    return disparity[row * size.width + column]!;
  };
  return pairs.filter(({ closer, farther }) => at(closer) > at(farther)).length;
}

/**
 * Reads DA-2K's annotations.json: image path → [{ point1, point2, closer_point }].
 *
 * @throws TypeError naming the entry that has another form
 */
export function readDA2K(json: unknown): Map<string, OrderedPair[]> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new TypeError("DA-2K: expected an object of lists of pairs by image");
  return new Map(
    Object.entries(json).map(([image, list]: [string, unknown]) => {
      if (!Array.isArray(list)) throw new TypeError(`DA-2K: ${image}: expected a list of pairs`);
      return [image, list.map((pair: unknown, i) => readPair(pair, `DA-2K: ${image}[${i}]`))];
    }),
  );
}

function readPair(json: unknown, where: string): OrderedPair {
  const { point1, point2, closer_point } = (json ?? {}) as Record<string, unknown>;
  const point = (value: unknown, name: string): [number, number] => {
    if (Array.isArray(value) && value.length === 2 && value.every((one) => Number.isInteger(one)))
      return value as [number, number];
    throw new TypeError(`${where}.${name}: expected [row, column], got ${JSON.stringify(value)}`);
  };
  const [first, second] = [point(point1, "point1"), point(point2, "point2")];
  if (closer_point !== "point1" && closer_point !== "point2")
    throw new TypeError(
      `${where}.closer_point: expected "point1" or "point2", got ${JSON.stringify(closer_point)}`,
    );
  return closer_point === "point1" ? { closer: first, farther: second } : { closer: second, farther: first };
}
