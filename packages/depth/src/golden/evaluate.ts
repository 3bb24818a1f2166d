/** Cases `eval/…`: alignment, metrics, DA-2K. */

import { type Case, type Check, close, type Json, together } from "@tessera-ml/kit/golden";
import {
  type Checked,
  compare,
  number,
  numbers,
  readProbe,
  record,
  uniformByName,
} from "@tessera-ml/nn/golden";
import { fitLeastSquares } from "../align.ts";
import {
  correctPairs,
  type DepthMetrics,
  depthMetrics,
  evaluateAligned,
  ZOE_EVALUATION,
} from "../metrics.ts";

export const check: Check = async (golden) => {
  const kind = golden.name.slice("eval/".length);
  if (kind.startsWith("aligned-self")) return checkSelf(golden);
  if (kind.startsWith("aligned-")) return checkAligned(golden);
  if (kind.startsWith("metric-")) return checkMetric(golden);
  if (kind.startsWith("da2k")) return checkDA2K(golden);
  throw new Error(`nothing here checks cases like ${golden.name}`);
};

/** Depth 0.4 + scale (0.5 + 0.5 u)², and the holes that are cut into it. */
function makeDepth(tag: unknown, size: number, scale: number) {
  const whole = Float64Array.from(
    uniformByName(`${tag}.depth`, size),
    (u) => 0.4 + scale * (0.5 + 0.5 * u) ** 2,
  );
  const hole = uniformByName(`${tag}.hole`, size);
  return { whole, depth: whole.map((value, i) => (hole[i]! < -0.8 ? 0 : value)) };
}

function makeAligned(json: unknown, where: string) {
  const input = record(json, where);
  const [height, width] = numbers(input.shape, `${where}.shape`) as [number, number];
  const { whole, depth } = makeDepth(input.tag, width * height, number(input, "scale", where));
  const [gain, noise] = [number(input, "noise", where), uniformByName(`${input.tag}.noise`, width * height)];
  const prediction = whole.map((value, i) => (30 / value) * (1 + gain * noise[i]!) + 4);
  return { size: { width, height }, prediction, depth };
}

/** Names of the metrics in the files. */
const NAMES: Readonly<Record<string, keyof DepthMetrics>> = {
  d1: "delta1",
  d2: "delta2",
  d3: "delta3",
  a1: "delta1",
  a2: "delta2",
  a3: "delta3",
  delta1: "delta1",
  abs_rel: "absRel",
  absRel: "absRel",
  sq_rel: "sqRel",
  rmse: "rmse",
  rmse_log: "rmseLog",
  log10: "log10",
  log_10: "log10",
  silog: "silog",
};

function compareMetrics(metrics: DepthMetrics, json: unknown, where: string, tolerance: number): Checked[] {
  return Object.entries(record(json, where))
    .filter(([name]) => name in NAMES)
    .map(([name, wanted]) => close(`${where}.${name}`, metrics[NAMES[name]!], Number(wanted), tolerance));
}

function checkAligned({ name, golden }: Case): Checked {
  const { size, prediction, depth } = makeAligned(golden.input, `${name}.input`);
  const cap = number(golden, "cap", name);
  const tolerance = number(golden, "tolerance", name);
  const found = evaluateAligned(prediction, depth, size, { cap });
  const floored = depth.filter((y, i) => {
    const value = found.scale * prediction[i]! + found.shift;
    return y > 1e-3 && y < cap && value < 1 / cap;
  }).length;
  const values = { ...found, flooredShare: floored / found.valid };
  return together([
    ...(["valid", "scale", "shift", "flooredShare"] as const).map((field) =>
      close(field, values[field], number(golden, field, name), tolerance),
    ),
    compare(found.depth, [size.height, size.width], readProbe(golden.depth, `${name}.depth`), tolerance),
    ...compareMetrics(found.metrics, golden.metrics, "metrics", tolerance),
    ...compareMetrics(found.metrics, golden.vdaScript, "vdaScript", 1e-4),
  ]);
}

function checkSelf({ name, golden }: Case): Checked {
  const { prediction } = makeAligned(golden.input, `${name}.input`);
  const pairs = [
    ["itself", prediction],
    ["threeTimesMinusTwo", prediction.map((value) => 3 * value - 2)],
  ] as const;
  return together(
    pairs.flatMap(([field, map]) => {
      const { scale, shift } = fitLeastSquares(map, prediction);
      const wanted = numbers(golden[field], `${name}.${field}`);
      return [scale, shift].map((got, i) => close(`${field}[${i}]`, 1 + got, 1 + wanted[i]!, 1e-9));
    }),
  );
}

function checkMetric({ name, golden }: Case): Checked {
  const input = record(golden.input, `${name}.input`);
  const [height, width] = numbers(input.shape, `${name}.input.shape`) as [number, number];
  const scale = Number(/with scale ([\d.]+)/.exec(String(input.formula))?.[1]);
  const { depth } = makeDepth(input.tag, width * height, scale);
  const error = uniformByName(`${input.tag}.error`, width * height);
  const prediction = depth.map((value, i) => (value || 5) * (1.02 + 0.25 * error[i]!));
  const range = { min: number(golden, "min", name), max: number(golden, "max", name) };
  const tolerance = number(golden, "tolerance", name);
  const size = { width, height };
  const valid = depth.filter((y) => y >= range.min && y <= range.max).length;
  const checks = [
    close("valid", valid, number(golden, "valid", name), 0),
    ...compareMetrics(depthMetrics(prediction, depth, size, range), golden.v2, "v2", tolerance),
  ];
  if (golden.v1 !== undefined) {
    const v1 = record(golden.v1, `${name}.v1`);
    const metrics = depthMetrics(prediction, depth, size, { ...ZOE_EVALUATION, ...range, crop: cropOf(v1) });
    checks.push(...compareMetrics({ ...metrics, silog: 100 * metrics.silog }, v1, "v1", tolerance));
  }
  return together(checks);
}

function cropOf({ garg_crop, eigen_crop, dataset }: Json) {
  if (garg_crop === true) return "garg";
  if (eigen_crop !== true) return undefined;
  return dataset === "nyu" ? "eigen-nyu" : "eigen-kitti";
}

function checkDA2K({ name, golden }: Case): Checked {
  const input = record(golden.input, `${name}.input`);
  const [width, height] = [number(input, "width", name), number(input, "height", name)];
  const rows = (golden.rows as unknown[]).map((row, k) => {
    const { pairs, correct } = record(row, `${name}.rows[${k}]`);
    const disparity = Float64Array.from(uniformByName(`${input.tag}.${k}`, width * height), (u) =>
      k === 0 ? 1.5 : 2 + u,
    );
    const at = uniformByName(`${input.tag}.${k}.points`, 4 * Number(pairs));
    const sides = [height, width, height, width];
    const points = Array.from(at, (u, j) => Math.floor((u / 2 + 0.5) * sides[j % 4]!));
    const found = Array.from({ length: Number(pairs) }, (_, pair) => ({
      closer: [points[4 * pair]!, points[4 * pair + 1]!] as const,
      farther: [points[4 * pair + 2]!, points[4 * pair + 3]!] as const,
    }));
    return {
      got: correctPairs(disparity, { width, height }, found),
      wanted: Number(correct),
      pairs: Number(pairs),
    };
  });
  const sum = (of: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + of(row), 0);
  const overPairs = sum(({ got }) => got) / sum(({ pairs }) => pairs);
  const overImages = sum(({ got, pairs }) => got / pairs) / rows.length;
  return together([
    ...rows.map(({ got, wanted }, k) => close(`rows[${k}].correct`, got, wanted, 0)),
    close("accuracyOverPairs", overPairs, number(golden, "accuracyOverPairs", name), 1e-5),
    close("accuracyOverImages", overImages, number(golden, "accuracyOverImages", name), 1e-5),
  ]);
}
