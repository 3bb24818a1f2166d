/**
 * Digits drawn by rule: a pen follows a few jittered control points per figure. They need no data set, so
 * a network can be trained on them anywhere.
 */
import { Image } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { layOut } from "../pipeline/digit.ts";
import type { LabelledImages } from "../recipes/pictures.ts";
import type { DigitLayout } from "../records/record.ts";

type Point = readonly [x: number, y: number];
/** Control points in a square of 100, joined by a curve, or by straight lines if `straight`. */
interface Stroke {
  readonly points: readonly Point[];
  readonly straight?: boolean;
}
type Figure = readonly Stroke[];

/** "20,30 40,50" */
function pointsOf(text: string): Point[] {
  return text.split(" ").map((pair) => pair.split(",").map(Number) as [number, number]);
}
const curve = (text: string): Stroke => ({ points: pointsOf(text) });
const line = (text: string): Stroke => ({ points: pointsOf(text), straight: true });

/** The common ways of writing each digit. */
const FIGURES: readonly (readonly Figure[])[] = [
  [
    [curve("52,14 30,26 26,52 34,78 52,86 70,76 75,50 68,24 50,14")],
    [curve("60,16 38,18 28,48 36,80 56,84 72,60 70,30 58,16 48,18")],
  ],
  [[line("50,14 50,86")], [line("34,32 52,14 52,86")], [line("34,30 52,14 52,86"), line("34,86 70,86")]],
  [
    [curve("28,32 36,17 56,14 69,28 62,46 44,64 28,85"), line("28,85 74,84")],
    [curve("28,30 42,14 64,20 64,42 44,66 28,82 34,72 46,76 60,86 76,78")],
  ],
  [
    [curve("30,22 50,13 68,26 62,42 44,49"), curve("44,49 66,54 71,70 54,87 28,78")],
    [line("30,16 68,16 46,44"), curve("46,44 68,50 71,70 54,87 28,79")],
  ],
  [
    [line("56,14 26,60 76,60"), line("62,38 62,88")],
    [line("30,16 28,52 70,52"), line("68,16 68,88")],
    [line("58,88 58,14 24,62 76,62")],
  ],
  [
    [line("68,16 36,16 32,46"), curve("32,46 52,40 70,54 68,74 50,87 28,80")],
    [curve("34,18 33,46 54,44 69,60 58,83 28,82"), line("34,18 70,16")],
  ],
  [
    [curve("64,14 42,30 30,56 34,78 52,87 68,76 66,58 50,52 32,66")],
    [curve("48,14 34,40 30,66 44,86 64,80 66,62 50,54 32,68")],
  ],
  [
    [line("26,18 72,17 44,86")],
    [line("28,18 72,17 46,86"), line("36,52 66,50")],
    [line("28,28 28,18"), curve("28,18 50,20 72,16 56,46 46,86")],
  ],
  [
    [curve("66,26 50,13 34,26 42,44 62,58 67,74 50,87 33,74 42,56 62,42 66,26")],
    [curve("50,14 36,22 38,40 50,48 64,40 64,22 50,14"), curve("50,48 32,58 34,80 50,87 68,80 68,58 50,48")],
  ],
  [
    [curve("66,34 54,49 36,44 33,26 48,14 64,22 67,38"), curve("67,36 64,62 56,87")],
    [curve("67,28 52,14 34,26 38,46 56,48 67,30"), line("67,28 66,87")],
    [curve("66,32 50,48 34,36 40,18 58,14 68,34 66,62 52,85 32,80")],
  ],
];

const SIDE = 56;

/** `count` digits, balanced over the ten classes, in the layout of that data set. The seed fixes all of them. */
export function drawnDigits(count: number, seed: number, layout: DigitLayout): LabelledImages {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 10);
  const digits = Array.from(labels, (label, i) => {
    const random = new HostRandom(seed, i);
    // The figure always has ink.
    return (
      layOut(
        drawn(label, () => random.next()),
        layout,
      ) as { digit: Image }
    ).digit;
  });
  const [{ width, height }] = digits as [Image];
  const data = new Uint8Array(count * width * height);
  for (const [i, digit] of digits.entries()) data.set(digit.data, i * width * height);
  return { images: { data, shape: [count, 1, height, width] }, labels };
}

function drawn(label: number, random: () => number): Image {
  const within = (least: number, most: number) => least + (most - least) * random();
  const figures = FIGURES[label] as readonly Figure[];
  const figure = figures[Math.floor(random() * figures.length)] as Figure;
  // The hand: rotated, slanted, wide or narrow, and unsteady.
  const [angle, slant, width, tremor] = [
    within(-0.2, 0.2),
    within(-0.25, 0.35),
    within(0.65, 1.15),
    within(1, 5),
  ];
  const moved = ([x, y]: Point): Point => {
    const [dx, dy] = [(x - 50 + within(-tremor, tremor)) * width, y - 50 + within(-tremor, tremor)];
    const [sx, sy] = [dx - slant * dy, dy];
    const scale = (0.82 * SIDE) / 100;
    return [
      SIDE / 2 + scale * (sx * Math.cos(angle) - sy * Math.sin(angle)),
      SIDE / 2 + scale * (sx * Math.sin(angle) + sy * Math.cos(angle)),
    ];
  };
  const paths = figure.map(({ points, straight }) =>
    straight ? points.map(moved) : smooth(points.map(moved)),
  );
  return inked(paths, within(1.2, 3.2));
}

/** Points on a Catmull-Rom spline through the given ones (Catmull & Rom 1974). */
function smooth(points: readonly Point[], steps = 6): Point[] {
  const at = (i: number) => points[Math.min(points.length - 1, Math.max(0, i))] as Point;
  const path = points.slice(1).flatMap((_, i) =>
    Array.from({ length: steps }, (_, step): Point => {
      const t = step / steps;
      const mix = (axis: 0 | 1) => {
        const [a, b, c, d] = [at(i - 1)[axis], at(i)[axis], at(i + 1)[axis], at(i + 2)[axis]];
        return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
      };
      return [mix(0), mix(1)];
    }),
  );
  return [...path, at(points.length - 1)];
}

/** Light ink on black along the paths, `radius` pixels to each side, with soft edges. */
function inked(paths: readonly (readonly Point[])[], radius: number): Image {
  const image = new Image(SIDE, SIDE, 1);
  for (const path of paths)
    for (const [i, [bx, by]] of path.entries()) {
      const [ax, ay] = path[Math.max(0, i - 1)] as Point;
      const [vx, vy] = [bx - ax, by - ay];
      const length = vx * vx + vy * vy || 1;
      const bound = (value: number) => Math.min(SIDE - 1, Math.max(0, Math.round(value)));
      for (let y = bound(Math.min(ay, by) - radius - 1); y <= bound(Math.max(ay, by) + radius + 1); y++)
        for (let x = bound(Math.min(ax, bx) - radius - 1); x <= bound(Math.max(ax, bx) + radius + 1); x++) {
          const t = Math.min(1, Math.max(0, ((x - ax) * vx + (y - ay) * vy) / length));
          const distance = Math.hypot(x - ax - t * vx, y - ay - t * vy);
          const ink = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - distance)));
          image.data[y * SIDE + x] = Math.max(image.data[y * SIDE + x] as number, ink);
        }
    }
  return image;
}
