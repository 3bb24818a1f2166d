/** A curve that grows as a network learns. */

export interface CurvePoint {
  readonly x: number;
  readonly y: number;
}

interface CurveProps {
  readonly title: string;
  readonly unit?: string;
  readonly points: readonly CurvePoint[];
  /** The end of the x axis. It is fixed, so that the curve does not shrink as it grows. */
  readonly end: number;
  readonly marks?: boolean;
  /** Draws a running mean over the values: the loss of single batches jumps. */
  readonly smooth?: boolean;
}

const WIDTH = 480;
const HEIGHT = 240;
const EDGE = { left: 60, right: 14, top: 14, bottom: 30 };

export function Curve({ title, unit = "", points, end, marks = false, smooth = false }: CurveProps) {
  const values = points.map(({ y }) => y);
  const [low, high] = range(values, unit === "%");
  const x = (value: number) => EDGE.left + (value / Math.max(end, 1e-9)) * (WIDTH - EDGE.left - EDGE.right);
  const y = (value: number) =>
    HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const mean = smooth ? runningMean(points) : points;
  const path = (line: readonly CurvePoint[]) =>
    line
      .map((point, i) => `${i === 0 ? "M" : "L"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`)
      .join("");
  const last = mean.at(-1);
  return (
    <figure class="curve">
      <figcaption>
        <span>{title}</span>
        <strong>{last ? `${figure(last.y)}${unit && ` ${unit}`}` : " "}</strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${title}: ${last ? figure(last.y) : "nothing yet"} ${unit}`}
      >
        {[0, 0.5, 1].map((share) => {
          const value = low + share * (high - low);
          return (
            <g key={share}>
              <line x1={EDGE.left} x2={WIDTH - EDGE.right} y1={y(value)} y2={y(value)} class="rule" />
              <text x={EDGE.left - 8} y={y(value) + 4} class="tick end">
                {points.length > 0 ? figure(value) : ""}
              </text>
            </g>
          );
        })}
        <text x={EDGE.left} y={HEIGHT - 8} class="tick">
          0
        </text>
        <text
          x={WIDTH - EDGE.right}
          y={HEIGHT - 8}
          class="tick end"
        >{`${+end.toFixed(2)} ${end === 1 ? "pass" : "passes"}`}</text>
        {smooth && <path d={path(points)} class="line pale" />}
        <path d={path(mean)} class="line" />
        {marks &&
          points.map((point, i) => (
            <rect
              key={i}
              x={x(point.x) - 3.5}
              y={y(point.y) - 3.5}
              width="7"
              height="7"
              rx="1.5"
              class="dot"
            />
          ))}
      </svg>
    </figure>
  );
}

/** An exponential mean over about twenty values; the plain mean of the first twenty. */
function runningMean(points: readonly CurvePoint[]): CurvePoint[] {
  let mean = 0;
  return points.map(({ x, y }, i) => {
    mean += (y - mean) / Math.min(i + 1, 20);
    return { x, y: mean };
  });
}

function range(values: readonly number[], isPercent: boolean): [number, number] {
  if (values.length === 0) return [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (isPercent) return [Math.max(0, Math.floor((least - 1) / 5) * 5), 100];
  return [0, most > 0 ? most * 1.05 : 1];
}

function figure(value: number): string {
  return Math.abs(value) >= 10
    ? value.toFixed(1)
    : Math.abs(value) >= 1
      ? value.toFixed(2)
      : value.toFixed(3);
}
