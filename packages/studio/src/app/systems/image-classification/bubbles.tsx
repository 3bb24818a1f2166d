/** Networks over the years: how accurate each is, and how large. */
import type { LineageEntry } from "../../../api/index.ts";
import { shortTitle } from "../../format.ts";
import { hrefOfModel } from "../../state.ts";

const WIDTH = 960;
const HEIGHT = 400;
const EDGE = { left: 52, right: 12, top: 44, bottom: 40 };

/** One column per network, in order of year: on a true time scale they would overlap. */
export function Bubbles({ entries }: { readonly entries: readonly LineageEntry[] }) {
  const [low, high] = heights(entries.map(({ top1 }) => top1));
  const column = (WIDTH - EDGE.left - EDGE.right) / entries.length;
  const x = (index: number) => EDGE.left + (index + 0.5) * column;
  const y = (value: number) =>
    HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const most = Math.max(...entries.map(({ params }) => params));
  return (
    <svg class="bubbles" viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
      <title>Accuracy by generation; the larger the stone, the more parameters</title>
      {ticks(low, high).map((value) => (
        <g key={value}>
          <line x1={EDGE.left} x2={WIDTH - EDGE.right} y1={y(value)} y2={y(value)} class="rule" />
          <text x={EDGE.left - 10} y={y(value) + 4} class="tick end">
            {value} %
          </text>
        </g>
      ))}
      {entries.map((entry, i) => {
        const r = radius(entry.params, most);
        const [cx, cy] = [x(i), y(entry.top1)];
        return (
          <a
            key={entry.name}
            href={hrefOfModel(entry.name)}
            class="bubble"
            aria-label={`${entry.title}, ${entry.year}: ${entry.top1.toFixed(1)} %`}
          >
            <line x1={cx} x2={cx} y1={cy} y2={HEIGHT - EDGE.bottom} class="stem" />
            <rect x={cx - r} y={cy - r} width={2 * r} height={2 * r} rx={Math.min(6, r / 3)} />
            <text x={cx} y={cy - r - 8} class="name middle">
              {shortTitle(entry.title)}
            </text>
            <text x={cx} y={HEIGHT - 12} class="tick middle">
              {entries[i - 1]?.year === entry.year ? "" : entry.year}
            </text>
          </a>
        );
      })}
    </svg>
  );
}

/** Grows with the square root of the parameters, from a size that is easy to hit. */
function radius(params: number, most: number): number {
  return 6 + 22 * Math.sqrt(params / most);
}

/** Multiples of five around the values, with some room. */
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
