/** Line charts as SVG, for training curves in reports and pages. */
import { type Axis, formatTick, makeAxis } from "./axis.ts";
import { escapeXml, short } from "./svg.ts";

export interface Series {
  readonly name: string;
  /** Default 1, 2, 3, ... */
  readonly x?: ArrayLike<number>;
  /** Non-finite values leave gaps. */
  readonly y: ArrayLike<number>;
  readonly dashed?: boolean;
  /** Any CSS colour; default the next of {@link CHART_COLORS}. */
  readonly color?: string;
}

export interface ChartOptions {
  readonly series: readonly Series[];
  readonly title?: string;
  readonly xLabel?: string;
  readonly yLabel?: string;
  readonly xScale?: "linear" | "log";
  readonly yScale?: "linear" | "log";
  /** The ends of the y axis; default from the values. */
  readonly yRange?: readonly [number, number];
  /** Labelled horizontal lines, for example the result of a paper. */
  readonly references?: readonly { readonly value: number; readonly label: string }[];
  /** Pixels, default 640. */
  readonly width?: number;
  /** Pixels, default 380. */
  readonly height?: number;
}

/** A colour-blind safe palette, dark enough on white (Okabe and Ito 2008, yellow darkened). */
export const CHART_COLORS: readonly string[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#8c6d00",
  "#444444",
];

/** Horizontal padding between the curves and the frame. */
const INSET = 8;

function xAt(value: number, axis: Axis, frame: Frame): number {
  return frame.left + INSET + (frame.width - 2 * INSET) * axis.place(value);
}

function yAt(value: number, axis: Axis, frame: Frame): number {
  return frame.top + frame.height * (1 - axis.place(value));
}

/** Longer curves are thinned: no chart is more pixels wide. */
const MAX_POINTS = 1000;

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A chart with axes, round ticks, a legend and labelled reference lines, as a complete SVG document. */
export function lineChart(options: ChartOptions): string {
  const { series, title, references = [], width = 640, height = 380 } = options;
  if (series.length === 0) throw new RangeError("lineChart: expected at least one series");
  const curves = series.map((one) => ({ ...one, points: pointsOf(one) }));
  const all = curves.flatMap(({ points }) => points);
  const yValues = options.yRange ?? [...all.map((p) => p.y), ...references.map((r) => r.value)];
  const xAxis = makeAxis(
    all.map((p) => p.x),
    options.xScale === "log",
    width / 90,
    true,
  );
  const yAxis = makeAxis(yValues, options.yScale === "log", height / 60, options.yRange !== undefined);
  const legend = layOutLegend(series, width - 80);
  const top = (title ? 34 : 12) + (legend.rows > 0 ? legend.rows * 20 + 6 : 0);
  const bottom = options.xLabel ? 52 : 34;
  const left = 64 + (options.yLabel ? 12 : 0);
  const frame = { left, top, width: width - left - 20, height: height - top - bottom };
  const color = (index: number) =>
    escapeXml(series[index]?.color ?? CHART_COLORS[index % CHART_COLORS.length]!);

  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"` +
      ` font-family="system-ui, sans-serif" font-size="12" fill="#333" role="img"` +
      `${title ? ` aria-label="${escapeXml(title)}"` : ""}>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    title ? text(left, 22, title, 'font-size="15" font-weight="600"') : "",
    ...legend.entries.map(({ name, dashed, x, row }, i) => {
      const y = (title ? 46 : 22) + row * 20;
      const swatch = `<path d="M${left + x} ${y - 4}h20" ${stroke(color(i), dashed)}/>`;
      return swatch + text(left + x + 26, y, name, "");
    }),
    ...yTicks(yAxis, frame),
    ...xTicks(xAxis, frame),
    ...referenceLines(references, yAxis, frame),
    // A nested <svg> clips its content and, unlike a clip path, needs no id.
    `<svg x="${frame.left}" y="${frame.top - 3}" width="${frame.width}" height="${frame.height + 6}" viewBox="${frame.left} ${frame.top - 3} ${frame.width} ${frame.height + 6}">`,
    ...curves.map(({ points, dashed }, i) => curve(points, xAxis, yAxis, frame, color(i), dashed)),
    "</svg>",
    options.xLabel
      ? text(frame.left + frame.width / 2, height - 12, options.xLabel, 'text-anchor="middle"')
      : "",
    options.yLabel ? verticalLabel(options.yLabel, frame) : "",
    "</svg>",
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${short(x)}" y="${short(y)}" ${attributes}>${escapeXml(content)}</text>`;
}

function stroke(color: string, dashed = false): string {
  return `fill="none" stroke="${color}" stroke-width="2"${dashed ? ' stroke-dasharray="6 4"' : ""}`;
}

function verticalLabel(label: string, frame: Frame): string {
  const y = frame.top + frame.height / 2;
  return text(16, y, label, `text-anchor="middle" transform="rotate(-90 16 ${short(y)})"`);
}

function pointsOf({ name, x, y }: Series): Point[] {
  if (x && x.length !== y.length)
    throw new RangeError(`lineChart: ${name}: expected as many x as y, got ${x.length} and ${y.length}`);
  const points = Array.from(y, (value, i) => ({ x: x?.[i] ?? i + 1, y: value }));
  return points.length > MAX_POINTS ? thin(points) : points;
}

/** Keeps the minimum and maximum of every stretch, so that no spike is lost. */
function thin(points: readonly Point[]): Point[] {
  const stretch = Math.ceil(points.length / (MAX_POINTS / 2));
  const kept: Point[] = [];
  for (let from = 0; from < points.length; from += stretch) {
    const part = points.slice(from, from + stretch);
    const finite = part.filter((p) => Number.isFinite(p.y));
    if (finite.length === 0) {
      kept.push(part[0]!);
      continue;
    }
    const low = finite.reduce((a, b) => (b.y < a.y ? b : a));
    const high = finite.reduce((a, b) => (b.y > a.y ? b : a));
    kept.push(...(low === high ? [low] : low.x < high.x ? [low, high] : [high, low]));
  }
  return kept;
}

/** Lays out the names in rows by their estimated width; a single unnamed series needs no legend. */
function layOutLegend(series: readonly Series[], width: number) {
  if (series.length === 1 && series[0]!.name === "") return { rows: 0, entries: [] };
  let x = 0;
  let row = 0;
  const entries = series.map(({ name, dashed }) => {
    const room = 26 + name.length * 7 + 18;
    if (x > 0 && x + room > width) {
      x = 0;
      row++;
    }
    const entry = { name, dashed, x, row };
    x += room;
    return entry;
  });
  return { rows: row + 1, entries };
}

function yTicks(axis: Axis, frame: Frame): string[] {
  return axis.ticks.flatMap((tick) => {
    const y = yAt(tick, axis, frame);
    return [
      `<path d="M${frame.left} ${short(y)}h${frame.width}" stroke="#e4e4e4"/>`,
      text(frame.left - 8, y + 4, formatTick(tick), 'text-anchor="end"'),
    ];
  });
}

function xTicks(axis: Axis, frame: Frame): string[] {
  const base = frame.top + frame.height;
  const ticks = axis.ticks.flatMap((tick) => {
    const x = xAt(tick, axis, frame);
    return [
      `<path d="M${short(x)} ${base}v5" stroke="#333"/>`,
      text(x, base + 18, formatTick(tick), 'text-anchor="middle"'),
    ];
  });
  return [`<path d="M${frame.left} ${base}h${frame.width}" stroke="#333"/>`, ...ticks];
}

function referenceLines(references: ChartOptions["references"] = [], axis: Axis, frame: Frame): string[] {
  return references.flatMap(({ value, label }) => {
    if (!(value >= axis.low && value <= axis.high)) return [];
    const y = yAt(value, axis, frame);
    return [
      `<path d="M${frame.left} ${short(y)}h${frame.width}" stroke="#777" stroke-dasharray="2 3"/>`,
      text(frame.left + frame.width - 4, y - 5, label, 'text-anchor="end" fill="#555" font-style="italic"'),
    ];
  });
}

function curve(
  points: readonly Point[],
  xAxis: Axis,
  yAxis: Axis,
  frame: Frame,
  color: string,
  dashed?: boolean,
): string {
  let path = "";
  let dots = "";
  let drawing = false;
  for (const point of points) {
    const x = xAt(point.x, xAxis, frame);
    const y = yAt(point.y, yAxis, frame);
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      drawing = false;
      continue;
    }
    path += `${drawing ? "L" : "M"}${short(x)} ${short(y)}`;
    drawing = true;
    if (points.length <= 30) dots += `<circle cx="${short(x)}" cy="${short(y)}" r="2.5" fill="${color}"/>`;
  }
  return `<path d="${path}" ${stroke(color, dashed)} stroke-linejoin="round"/>${dots}`;
}
