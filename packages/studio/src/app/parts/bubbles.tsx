/** Networks over the years: how well each did, and how large it is. */
import type { LineageEntry } from "../../api/index.ts";
import { hrefOf } from "../state.ts";

const WIDTH = 960;
const HEIGHT = 400;
const EDGE = { left: 52, right: 28, top: 26, bottom: 38 };

export function Bubbles({ entries }: { readonly entries: readonly LineageEntry[] }) {
  const years = [
    Math.min(...entries.map(({ year }) => year)) - 1,
    Math.max(...entries.map(({ year }) => year)) + 1,
  ] as const;
  const [low, high] = heights(entries.map(({ top1 }) => top1));
  const x = (year: number) =>
    EDGE.left + ((year - years[0]) / (years[1] - years[0])) * (WIDTH - EDGE.left - EDGE.right);
  const y = (value: number) =>
    HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const most = Math.max(...entries.map(({ params }) => params));
  const placed = spread(
    entries.map((entry) => ({ entry, x: x(entry.year), y: y(entry.top1), r: radius(entry.params, most) })),
  );
  return (
    <svg
      class="bubbles"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-label="Accuracy over the years; the size of a stone is its number of parameters"
    >
      {ticks(low, high).map((value) => (
        <g key={value}>
          <line x1={EDGE.left} x2={WIDTH - EDGE.right} y1={y(value)} y2={y(value)} class="rule" />
          <text x={EDGE.left - 10} y={y(value) + 4} class="tick end">
            {value} %
          </text>
        </g>
      ))}
      {yearTicks(years).map((year) => (
        <text key={year} x={x(year)} y={HEIGHT - 12} class="tick middle">
          {year}
        </text>
      ))}
      {placed
        .toSorted((a, b) => b.r - a.r)
        .map(({ entry, x: cx, y: cy, r }) => (
          <a
            key={entry.name}
            href={hrefOf("inside", entry.name)}
            class="bubble"
            aria-label={`${entry.title}, ${entry.year}: ${entry.top1.toFixed(1)} %`}
          >
            <rect x={cx - r} y={cy - r} width={2 * r} height={2 * r} rx={Math.min(6, r / 3)} />
            <text x={cx} y={cy - r - 6} class="name middle">
              {entry.title}
            </text>
          </a>
        ))}
    </svg>
  );
}

/** The area of a stone follows the parameters. */
function radius(params: number, most: number): number {
  return 6 + 22 * Math.sqrt(params / most);
}

/** Whole fives around the values, some air included. */
function heights(values: readonly number[]): [number, number] {
  return [
    Math.floor((Math.min(...values) - 1) / 5) * 5,
    Math.min(100, Math.ceil((Math.max(...values) + 1) / 5) * 5),
  ];
}

function ticks(low: number, high: number): number[] {
  const step = high - low > 30 ? 10 : high - low > 10 ? 5 : 2;
  return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);
}

function yearTicks([first, last]: readonly [number, number]): number[] {
  const step = last - first > 20 ? 5 : last - first > 8 ? 2 : 1;
  const start = Math.ceil(first / step) * step;
  return Array.from({ length: Math.floor((last - start) / step) + 1 }, (_, i) => start + i * step);
}

interface Placed {
  readonly entry: LineageEntry;
  readonly x: number;
  readonly y: number;
  readonly r: number;
}

/** Networks of one year move apart sideways where they would cover each other. */
function spread(all: readonly Placed[]): Placed[] {
  const done: Placed[] = [];
  for (const each of all.toSorted((a, b) => a.x - b.x)) {
    const near = done.filter((other) => Math.abs(other.y - each.y) < other.r + each.r + 14);
    const free = Math.max(each.x, ...near.map((other) => other.x + other.r + each.r + 26));
    done.push({ ...each, x: Math.min(free, WIDTH - EDGE.right - each.r) });
  }
  return done;
}
