/** An evaluation as text: for terminals, and as rows for reports. */
import type { Evaluation } from "@tessera-ml/kit";
import { duration, pairs, type Terminal, table, whole } from "@tessera-ml/kit/terminal";
import type { DepthMetrics } from "../metrics.ts";
import type { AlignBy } from "./alignments.ts";
import type { DepthEvaluation } from "./checkpoint.ts";
import type { Mean } from "./mean.ts";

const COLUMNS: readonly (readonly [title: string, name: keyof DepthMetrics, interval: boolean])[] = [
  ["AbsRel", "absRel", true],
  ["δ1", "delta1", true],
  ["δ2", "delta2", false],
  ["δ3", "delta3", false],
  ["RMSE", "rmse", false],
  ["RMSE log", "rmseLog", false],
  ["log10", "log10", false],
  ["SILog", "silog", false],
];

/** Titles and rows of the table of sets; several sets end with a row for all of their images. */
export function setRows({ sets, means }: DepthEvaluation): { columns: string[]; rows: string[][] } {
  const row = (name: string, count: number, values: typeof means) => [
    name,
    whole(count),
    ...COLUMNS.map(([, metric, interval]) => figure(values[metric], interval)),
  ];
  const rows = sets.map(({ name, images, means: own }) => row(name, images.length, own));
  const total = sets.reduce((sum, { images }) => sum + images.length, 0);
  if (sets.length > 1) rows.push(row("all", total, means));
  return { columns: ["set", "images", ...COLUMNS.map(([title]) => title)], rows };
}

function figure({ mean, interval }: Mean, withInterval: boolean): string {
  if (!Number.isFinite(mean)) return "–";
  return withInterval && Number.isFinite(interval)
    ? `${mean.toFixed(3)} ± ${interval.toFixed(3)}`
    : mean.toFixed(3);
}

/** DA-2K by scene, and all pairs. */
export function orderRows(order: DepthEvaluation["orders"][number]): { columns: string[]; rows: string[][] } {
  const all = { scene: "all", ...order };
  return {
    columns: ["scene", "pairs", "correct"],
    rows: [...order.scenes, all].map(({ scene, pairs: count, accuracy }) => [
      scene,
      whole(count),
      `${accuracy.toFixed(1)} %`,
    ]),
  };
}

const ALIGNED: Readonly<Record<AlignBy, string>> = {
  "least-squares": "by least squares in disparity, each image on its own",
  robust: "by a robust fit in disparity, each image on its own",
  median: "by the ratio of medians, each image on its own",
  none: "not aligned: metres as predicted",
};

export function alignedBy({ align }: DepthEvaluation): string {
  return ALIGNED[align];
}

/** Which pixels of each set count, once for sets of the same rule. */
export function rulesOf({ sets }: DepthEvaluation): string {
  const rules = Map.groupBy(
    sets,
    ({ cap, crop }) =>
      `${cap === undefined ? "all measured pixels" : `up to ${cap} m`}${crop ? `, crop ${crop}` : ""}`,
  );
  if (rules.size === 1) return [...rules.keys()][0]!;
  return [...rules].map(([rule, list]) => `${list.map(({ name }) => name).join(", ")}: ${rule}`).join("; ");
}

export function imageCount(count: number): string {
  return count === 1 ? "1 image" : `${whole(count)} images`;
}

/** How many skipped images are listed. */
const LISTED = 8;

export function showEvaluation(evaluation: Evaluation, { paint }: Terminal): string {
  const measured = evaluation as DepthEvaluation;
  const { checkpoint, data, count, seconds, networkSeconds, sets, orders, skipped } = measured;
  const bold = (text: string) => paint("bold", text);
  const asTable = ({ columns, rows }: { columns: readonly string[]; rows: readonly string[][] }) =>
    table(
      columns.map((title, i) => ({
        title: /^[a-z]+$/.test(title) ? title.toUpperCase() : title,
        align: i === 0 ? "left" : "right",
      })),
      rows,
      bold,
    );
  const parts = [
    pairs([
      ["network", checkpoint],
      ["data", `${data}: ${imageCount(count)}`],
      ["aligned", sets.length > 0 ? alignedBy(measured) : undefined],
      ["counted", sets.length > 0 ? rulesOf(measured) : undefined],
      [
        "speed",
        `${(count / networkSeconds).toFixed(1)} images/s in the network; ${duration(seconds)} in all`,
      ],
    ]),
  ];
  if (sets.length > 0)
    parts.push(
      `${asTable(setRows(measured))}\n${paint("dim", "means over images; ± 95 % interval of the mean")}`,
    );
  for (const order of orders) parts.push(`${bold(order.name)}\n${asTable(orderRows(order))}`);
  if (skipped.length > 0) parts.push(showSkipped(skipped, paint));
  return parts.join("\n\n");
}

function showSkipped(skipped: DepthEvaluation["skipped"], paint: Terminal["paint"]): string {
  const lines = skipped.slice(0, LISTED).map(({ name, reason }) => `  ${name}: ${reason}`);
  if (skipped.length > LISTED)
    lines.push(`  … and ${whole(skipped.length - LISTED)} more (--json lists all)`);
  return [paint("yellow", `skipped ${whole(skipped.length)}:`), ...lines].join("\n");
}
