/** The report of an evaluation: metrics, their distribution, and the worst cases as pictures. */
import { dataUrl } from "@tessera-ml/kit";
import { escapeHtml, htmlCharts, htmlPage, htmlTable } from "@tessera-ml/kit/report";
import { duration } from "@tessera-ml/kit/terminal";
import {
  type ChartOptions,
  type Color,
  colorize,
  colormapTable,
  encodeImage,
  type Image,
  Planes,
  resizePil,
} from "@tessera-ml/media";
import type { DepthMetrics } from "../metrics.ts";
import type { DepthEvaluation } from "./checkpoint.ts";
import { alignedBy, imageCount, orderRows, rulesOf, setRows } from "./show.ts";
import type { WorstCase } from "./worst.ts";

const STYLE = `
main { max-width: 72rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 1rem 0 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
td { white-space: nowrap; }
.note { color: var(--soft); font-size: .92rem; margin: .6rem 0; }
.case { margin: 0 0 1.6rem; }
.case h3 { margin: 0 0 .1rem; font-size: 1rem; overflow-wrap: anywhere; }
.case p { margin: 0 0 .5rem; color: var(--soft); font-size: .92rem; font-variant-numeric: tabular-nums; }
.case p span { white-space: nowrap; }
.case > div { display: grid; grid-template-columns: repeat(4, 1fr); gap: .5rem; }
.case figure { padding: 0; border: 0; background: none; }
.case img { display: block; width: 100%; height: auto; border-radius: 6px; }
.case figcaption { font-size: .82rem; color: var(--soft); padding-top: .25rem; }
.scale { display: inline-block; width: 7rem; height: .7rem; border-radius: 3px; vertical-align: baseline; margin: 0 .4rem; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 2rem; font-size: .92rem; color: var(--soft); margin: 0 0 1.2rem; }
.skipped { padding-left: 1.2rem; font-size: .92rem; overflow-wrap: anywhere; }
@media (max-width: 46rem) { main { padding: 1.6rem 1rem 3rem; } h1 { font-size: 1.6rem; overflow-wrap: anywhere; }
  .case > div { grid-template-columns: repeat(2, 1fr); } }
@media print { .case { break-inside: avoid; } }
`;

/** Relative errors from here on have the last colour. */
const LARGEST_ERROR = 0.5;
/** Where there is no measurement. */
const MISSING: Color = [128, 130, 136];
/** Pictures are shrunk to this width. */
const WIDTH = 480;

/** A complete HTML document. Loads nothing external. @param worst the largest error first */
export async function evaluationReport(
  evaluation: DepthEvaluation,
  worst: readonly WorstCase[],
): Promise<string> {
  const { checkpoint, sets, orders, seconds } = evaluation;
  const parts = [heading(evaluation)];
  if (sets.length > 0) {
    const { columns, rows } = setRows(evaluation);
    parts.push(
      htmlTable("Results", columns, rows),
      `<p class="note">Means over images; ± is the 95 % interval of the mean. RMSE in metres.</p>`,
      `<h2>Distribution</h2>`,
      htmlCharts([
        cumulative(evaluation, "absRel", "AbsRel", "share of images at or below"),
        cumulative(evaluation, "delta1", "δ1", "share of images at or below"),
      ]),
    );
  }
  for (const order of orders) {
    const { columns, rows } = orderRows(order);
    parts.push(htmlTable(`${order.name}: which of two points is nearer`, columns, rows));
  }
  if (worst.length > 0) {
    const cases = await Promise.all(worst.map(caseSection));
    parts.push("<h2>Worst cases by AbsRel</h2>", legend(), ...cases);
  }
  parts.push(skippedSection(evaluation));
  parts.push(`<footer>Evaluated in ${escapeHtml(duration(seconds))} by <code>tessera eval</code>.</footer>`);
  return htmlPage(`${checkpoint}: depth`, parts.join("\n"), STYLE);
}

function heading(evaluation: DepthEvaluation): string {
  const { checkpoint, data, count, sets, kind } = evaluation;
  const facts: [string, string | undefined][] = [
    ["data", `${data}: ${imageCount(count)}`],
    ["predicts", kind === "metric" ? "metres" : "disparity up to scale and shift"],
    ["aligned", sets.length > 0 ? alignedBy(evaluation) : undefined],
    ["counted", sets.length > 0 ? rulesOf(evaluation) : undefined],
  ];
  const rows = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`],
  );
  return `<header>
<p class="kind">Depth evaluation</p>
<h1>${escapeHtml(checkpoint)}</h1>
<dl>${rows.join("\n")}</dl>
</header>`;
}

/** Which share of the images of each set has a metric up to a value. */
function cumulative(
  { sets }: DepthEvaluation,
  name: keyof DepthMetrics,
  label: string,
  yLabel: string,
): ChartOptions {
  const series = sets.map((set) => {
    const sorted = set.images.map(({ metrics }) => metrics[name]).sort((a, b) => a - b);
    // A step at each value.
    const x = sorted.flatMap((value) => [value, value]);
    const y = sorted.flatMap((_, i) => [i / sorted.length, (i + 1) / sorted.length]);
    return { name: set.name, x, y };
  });
  return { title: `${label} by image`, xLabel: label, yLabel, yRange: [0, 1], series };
}

function legend(): string {
  return `<p class="legend"><span>depth: near<i class="scale" style="background:${gradient("spectralR", true)}"></i>far</span>
<span>relative error: 0<i class="scale" style="background:${gradient("inferno", false)}"></i>${100 * LARGEST_ERROR} % and more</span>
<span>grey: no measurement, or not counted</span></p>`;
}

function gradient(colormap: "spectralR" | "inferno", reversed: boolean): string {
  const table = colormapTable(colormap);
  const stops = Array.from({ length: 9 }, (_, i) => {
    const at = 3 * Math.round((255 * (reversed ? 8 - i : i)) / 8);
    return `rgb(${table.subarray(at, at + 3).join(" ")})`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

async function caseSection({ set, name, image, metrics, depth, target, metric }: WorstCase): Promise<string> {
  const { absRel, delta1, rmse, silog } = metrics;
  const figures = [
    `AbsRel ${absRel.toFixed(3)}`,
    `δ1 ${delta1.toFixed(3)}`,
    ...(metric ? [`RMSE ${rmse.toFixed(2)} m`] : []),
    `SILog ${silog.toFixed(3)}`,
  ];
  const range = inverseRange(target);
  const pictures: [string, Image, string][] = [
    ["photograph", image, ""],
    ["measured", inverseMap(target, range), describeRange(target, metric)],
    ["predicted", inverseMap(depth, range), describeRange(depth, metric)],
    ["relative error", errorMap(depth, target), ""],
  ];
  const shown = await Promise.all(
    pictures.map(async ([what, picture, note]) => {
      const caption = note ? `${what}, ${note}` : what;
      const source = dataUrl(await encodeImage(shrunk(picture), "jpeg", { quality: 85 }), "image/jpeg");
      return `<figure><img src="${source}" alt="${what}" width="${picture.width}" height="${picture.height}"><figcaption>${caption}</figcaption></figure>`;
    }),
  );
  return `<section class="case">
<h3>${escapeHtml(`${set}: ${name}`)}</h3>
<p>${figures.map((text) => `<span>${text}</span>`).join(" · ")}</p>
<div>${shown.join("\n")}</div>
</section>`;
}

function shrunk(image: Image): Image {
  if (image.width <= WIDTH) return image;
  return resizePil(
    image,
    { width: WIDTH, height: Math.max(1, Math.round((image.height * WIDTH) / image.width)) },
    "bilinear",
  );
}

/** Colours follow inverse depth between the 2nd and the 98th percentile of the measurement. */
function inverseRange({ data }: Planes): [number, number] {
  const inverse = data
    .filter((depth) => depth > 0)
    .map((depth) => 1 / depth)
    .sort();
  const at = (share: number) => inverse[Math.round(share * (inverse.length - 1))]!;
  return [at(0.02), at(0.98)];
}

function inverseMap(depth: Planes, range: readonly [number, number]): Image {
  const inverse = depth.data.map((value) => (value > 0 ? 1 / value : Number.NaN));
  return colorize(new Planes(1, depth.height, depth.width, inverse), {
    colormap: "spectralR",
    range,
    missing: MISSING,
  });
}

function errorMap(depth: Planes, target: Planes): Image {
  const errors = depth.data.map((p, i) => {
    const y = target.data[i]!;
    return y > 0 ? Math.abs(p - y) / y : Number.NaN;
  });
  return colorize(new Planes(1, depth.height, depth.width, errors), {
    colormap: "inferno",
    range: [0, LARGEST_ERROR],
    missing: MISSING,
  });
}

function describeRange({ data }: Planes, metric: boolean): string {
  if (!metric) return "";
  const known = data.filter((depth) => depth > 0);
  const [low, high] = [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))];
  return `${low.toFixed(1)} m to ${high.toFixed(1)} m`;
}

function skippedSection({ skipped }: DepthEvaluation): string {
  if (skipped.length === 0) return "";
  const items = skipped.map(({ name, reason }) => `<li>${escapeHtml(`${name}: ${reason}`)}</li>`);
  return `<h2>Skipped</h2>
<ul class="skipped">
${items.join("\n")}
</ul>`;
}
