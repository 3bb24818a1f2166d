/** One scale and shift for a whole video, when each frame was estimated on its own. */
import { Planes } from "@tessera-ml/media";
import { type Alignment, fitRobust } from "../align.ts";

/** Pixels that are compared, evenly spaced. */
const SAMPLED = 1024;
/** Newest frames that the next one is compared with, besides the first of the scene. */
const RECENT = 4;
/** Above this correlation, two maps show the same scene. */
const ALIKE = 0.5;
const IDENTITY: Alignment = { scale: 1, shift: 0 };

/**
 * Aligns the map of each frame to the aligned maps of the first frame of its scene and of the last four. The first keeps
 * the scale where the view stays, as the key frames of Video Depth Anything do; elsewhere its pixels are outliers, and
 * the last four decide.
 *
 * The pixels that a robust fit explains have their spread and mean matched (reduced major axis). Least squares would
 * shrink the scale a little in every frame, because both maps have errors, and flatten a long video.
 */
export class FrameAligner {
  /** Samples of aligned maps, oldest first. */
  #references: Float64Array[] = [];
  #size = "";

  /** Forgets the frames so far: what follows is another scene. */
  cut(): void {
    this.#references = [];
  }

  /**
   * The next map, [1, h, w], aligned. The first of a scene is unchanged.
   *
   * @throws RangeError if the size changes
   */
  push(map: Planes): Planes {
    const size = String(map.shape);
    if (this.#references.length > 0 && size !== this.#size)
      throw new RangeError(`FrameAligner: expected maps [${this.#size}], got [${size}]`);
    this.#size = size;
    const values = sample(map);
    const { scale, shift } = matchSpread(values, this.#references);
    this.#references.push(values.map((value) => scale * value + shift));
    // The first of the scene stays.
    if (this.#references.length > RECENT + 1) this.#references.splice(1, 1);
    const { height, width, data } = map;
    // What the network has cut off at 0 stays there, or sky would flicker with the shift.
    const aligned = data.map((value) => (value > 0 ? Math.max(0, scale * value + shift) : 0));
    return new Planes(1, height, width, aligned);
  }

  /** Whether a map shows what the frame before it showed; true for the first of a scene. */
  resembles(map: Planes): boolean {
    const before = this.#references.at(-1);
    return before === undefined || correlation(sample(map), before) > ALIKE;
  }
}

/** NaN where the network's last ReLU has cut the value off: sky, in half of a picture, would fit any scale. */
function sample({ data }: Planes): Float64Array {
  const step = Math.max(1, Math.floor(data.length / SAMPLED));
  return Float64Array.from(
    { length: Math.ceil(data.length / step) },
    (_, i) => data[i * step]! || Number.NaN,
  );
}

const ROUNDS = 3;
const TRIALS = 40;

/** Of the spread: smaller errors never make a pixel an outlier. */
const TOLERATED = 0.02;

/** The alignment of a map to several others of the same pixels; none where it or they are constant. */
function matchSpread(values: Float64Array, references: readonly Float64Array[]): Alignment {
  const [x, y] = pairsOf(values, references);
  const all = moments(x, y);
  if (!(all.xx > 0 && all.yy > 0)) return IDENTITY;
  // A fit with a falling line has found nothing.
  const fitted = fitRobust(x, y, { trials: TRIALS });
  let line = fitted.scale > 0 ? fitted : majorAxis(all);
  const least = TOLERATED * Math.sqrt(all.yy / x.length);
  for (let round = 0; round < ROUNDS; round++) {
    const errors = x.map((value, i) => Math.abs(line.scale * value + line.shift - y[i]!));
    const far = Math.max(2.5 * 1.4826 * errors.toSorted()[errors.length >> 1]!, least);
    const near = moments(x, y, errors, far);
    if (!(near.xx > 0 && near.yy > 0 && near.xy > 0)) break;
    line = majorAxis(near);
  }
  return line;
}

/** The values of a map and of the others at the same pixels, where both have one. */
function pairsOf(
  values: Float64Array,
  references: readonly Float64Array[],
): [x: Float64Array, y: Float64Array] {
  const [x, y]: [number[], number[]] = [[], []];
  for (const reference of references)
    for (const [i, value] of values.entries())
      if (Number.isFinite(value) && Number.isFinite(reference[i])) {
        x.push(value);
        y.push(reference[i]!);
      }
  return [Float64Array.from(x), Float64Array.from(y)];
}

type Moments = ReturnType<typeof moments>;

/** The line that gives x the mean and the spread of y. */
function majorAxis({ x, y, xx, yy }: Moments): Alignment {
  const scale = Math.sqrt(yy / xx);
  return { scale, shift: y - scale * x };
}

/** Means, and sums of products around them, of the pairs whose error is not too large. */
function moments(x: Float64Array, y: Float64Array, errors?: Float64Array, far = 0) {
  let [count, sumX, sumY] = [0, 0, 0];
  const each = (visit: (a: number, b: number) => void) => {
    for (let i = 0; i < x.length; i++) if (!errors || errors[i]! <= far) visit(x[i]!, y[i]!);
  };
  each((a, b) => {
    count++;
    sumX += a;
    sumY += b;
  });
  const [meanX, meanY] = [sumX / count, sumY / count];
  let [xx, yy, xy] = [0, 0, 0];
  each((a, b) => {
    xx += (a - meanX) ** 2;
    yy += (b - meanY) ** 2;
    xy += (a - meanX) * (b - meanY);
  });
  return { x: meanX, y: meanY, xx, yy, xy };
}

/** 0 where one of them is constant. */
function correlation(x: Float64Array, y: Float64Array): number {
  const { xx, yy, xy } = moments(...pairsOf(x, [y]));
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}
