/** Separates ink from paper. */
import { Image } from "@tessera-ml/media";

/** Below this contrast, in grey levels, an image shows no ink. */
const LEAST_CONTRAST = 16;

/** [H, W] grey → ink, from 0 on paper to 255 on a solid stroke. */
export function separateInk(image: Image): Image {
  const { width, height } = image;
  const paper = paperPlane(image);
  const above = differences(image, paper);
  // Strokes are the smaller class: either what is lighter than the paper or what is darker.
  const noise = quantile(above.map(Math.abs), 0.5);
  const mass = (sign: number) => above.reduce((sum, value) => sum + Math.max(0, sign * value - 3 * noise), 0);
  const sign = mass(1) > mass(-1) ? 1 : -1;
  const ink = above.map((value) => Math.max(0, sign * value));
  const threshold = otsu(ink);
  const strokes = ink.filter((value) => value > threshold);
  const most = strokes.length > 0 ? quantile(strokes, 0.75) : 0;
  if (most < LEAST_CONTRAST) return new Image(width, height, 1);
  const least = Math.min(3 * noise, threshold);
  const shares = ink.map((value) =>
    Math.round(255 * Math.min(1, Math.max(0, (value - least) / (most - least)))),
  );
  return withoutSpecks(new Image(width, height, 1, new Uint8Array(shares)));
}

/** Grey level of the paper as a + b·x + c·y, x and y from −1 to 1: models light that falls off to one side. */
type Plane = readonly [number, number, number];

/** The image minus the plane. */
function differences({ width, height, data }: Image, [a, b, c]: Plane): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0, i = 0; row < height; row++) {
    const left = a - b + c * ((2 * row) / height - 1);
    const step = (2 * b) / width;
    for (let column = 0; column < width; column++, i++) out[i] = data[i]! - (left + step * column);
  }
  return out;
}

/** Least squares over paper pixels: first the border, then every pixel close to the current plane. */
function paperPlane(image: Image): Plane {
  const { width, height, data } = image;
  const border = Math.max(1, Math.round(Math.min(width, height) / 20));
  const nearEdge = (i: number) => {
    const x = i % width;
    const y = Math.floor(i / width);
    return x < border || y < border || x >= width - border || y >= height - border;
  };
  const edge = data.filter((_, i) => nearEdge(i));
  let plane: Plane = [quantile(Float32Array.from(edge), 0.5), 0, 0];
  for (let round = 0; round < 4; round++) {
    const far = differences(image, plane).map(Math.abs);
    const limit = Math.max(8, 2.5 * quantile(far, 0.5));
    plane = fitPlane(image, far, limit) ?? plane;
  }
  return plane;
}

/** Fits the plane to the pixels that are at most `limit` from the previous one. */
function fitPlane({ width, height, data }: Image, far: Float32Array, limit: number): Plane | undefined {
  // Normal equations of 1, x and y.
  let [n, x1, y1, xx, xy, yy, v, xv, yv] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let row = 0, i = 0; row < height; row++) {
    const y = (2 * row) / height - 1;
    for (let column = 0; column < width; column++, i++) {
      if (far[i]! > limit) continue;
      const x = (2 * column) / width - 1;
      const value = data[i]!;
      n++;
      x1 += x;
      y1 += y;
      xx += x * x;
      xy += x * y;
      yy += y * y;
      v += value;
      xv += x * value;
      yv += y * value;
    }
  }
  const whole = determinant([n, x1, y1], [x1, xx, xy], [y1, xy, yy]);
  if (n < 9 || Math.abs(whole) < 1e-6 * n ** 3) return undefined;
  return [
    determinant([v, x1, y1], [xv, xx, xy], [yv, xy, yy]) / whole,
    determinant([n, v, y1], [x1, xv, xy], [y1, yv, yy]) / whole,
    determinant([n, x1, v], [x1, xx, xv], [y1, xy, yv]) / whole,
  ];
}

function determinant([a, b, c]: Plane, [d, e, f]: Plane, [g, h, i]: Plane): number {
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** The `part` quantile, to a quarter of a grey level. */
function quantile(values: Float32Array, part: number): number {
  const counts = new Uint32Array(4 * 256);
  for (const value of values) counts[Math.min(counts.length - 1, Math.floor(4 * value))]!++;
  const rank = Math.min(values.length - 1, Math.floor(part * values.length));
  for (let level = 0, below = 0; level < counts.length; level++) {
    below += counts[level]!;
    if (below > rank) return level / 4;
  }
  return 0;
}

/** Otsu's threshold (1979): maximizes the variance between the two classes. */
function otsu(values: Float32Array): number {
  const counts = new Float64Array(256);
  let sum = 0;
  for (const value of values) {
    const level = Math.min(255, Math.round(value));
    counts[level]!++;
    sum += level;
  }
  let [best, threshold, below, belowSum] = [-1, 0, 0, 0];
  for (let level = 0; level < 255; level++) {
    below += counts[level]!;
    belowSum += level * counts[level]!;
    const above = values.length - below;
    if (below === 0 || above === 0) continue;
    const apart = belowSum / below - (sum - belowSum) / above;
    const between = below * above * apart * apart;
    if (between > best) [best, threshold] = [between, level];
  }
  // Values were quantised to levels: paper just above 0 stays below the threshold.
  return threshold + 0.5;
}

/**
 * Removes dust (components smaller than a fiftieth of the largest) and whatever touches the border, such as
 * a table edge or a finger, unless it is most of the ink.
 */
function withoutSpecks(image: Image): Image {
  const { width, height, data } = image;
  const pieces = connectedPieces(image);
  const inside = pieces.filter(({ border }) => !border);
  const mass = (list: readonly Piece[]) => list.reduce((sum, piece) => sum + piece.mass, 0);
  const most = Math.max(0, ...pieces.map((piece) => piece.mass));
  const within = mass(inside) > 0.2 * mass(pieces) ? inside : pieces;
  const largest = Math.max(0, ...within.map((piece) => piece.mass));
  const kept = within.filter((piece) => piece.mass >= Math.min(largest, most) / 50);
  const out = new Image(width, height, 1);
  for (const { pixels } of kept) for (const i of pixels) out.data[i] = data[i]!;
  return out;
}

interface Piece {
  readonly pixels: readonly number[];
  readonly mass: number;
  /** Whether it touches the image's border. */
  readonly border: boolean;
}

/** Connected components of the ink, with 8-connectivity. */
function connectedPieces({ width, height, data }: Image): Piece[] {
  const seen = new Uint8Array(data.length);
  const pieces: Piece[] = [];
  for (let start = 0; start < data.length; start++) {
    if (seen[start] || data[start] === 0) continue;
    seen[start] = 1;
    const pixels = [start];
    let [mass, border] = [0, false];
    for (let next = 0; next < pixels.length; next++) {
      const i = pixels[next]!;
      const x = i % width;
      const y = Math.floor(i / width);
      mass += data[i]!;
      border ||= x === 0 || y === 0 || x === width - 1 || y === height - 1;
      for (let dy = y > 0 ? -1 : 0; dy <= (y < height - 1 ? 1 : 0); dy++)
        for (let dx = x > 0 ? -1 : 0; dx <= (x < width - 1 ? 1 : 0); dx++) {
          const neighbour = i + dy * width + dx;
          if (seen[neighbour] || data[neighbour] === 0) continue;
          seen[neighbour] = 1;
          pixels.push(neighbour);
        }
    }
    pieces.push({ pixels, mass, border });
  }
  return pieces;
}
