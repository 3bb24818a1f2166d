/** The studies: their conclusions from given numbers, and a short run of each. */
import { existsSync } from "node:fs";
import { findStudy } from "@tessera-ml/kit/catalogue";
import { type Finding, type StudyResult, studyReport } from "@tessera-ml/kit/studies";
import { Conv2d, Linear, Sequential } from "@tessera-ml/nn";
import { describe, expect, test } from "vitest";
import { batchNormFindings } from "../src/studies/batch-norm.ts";
import { bottleneckFindings } from "../src/studies/bottleneck.ts";
import type { Run } from "../src/studies/compare.ts";
import { countMacs } from "../src/studies/cost.ts";
import { denseFindings } from "../src/studies/dense.ts";
import { depthFindings } from "../src/studies/depth.ts";
import { depthwiseFindings } from "../src/studies/depthwise.ts";
import { dropoutFindings } from "../src/studies/dropout.ts";
import { studies } from "../src/studies/index.ts";
import { biasFindings } from "../src/studies/inductive-bias.ts";
import { effectiveWidth, exponent, fieldFindings, theoreticalField } from "../src/studies/receptive-field.ts";
import { reaches, reluTanhFindings } from "../src/studies/relu-tanh.ts";
import { squeezeFindings } from "../src/studies/squeeze-excitation.ts";
import { stackedFindings } from "../src/studies/stacked.ts";
import { imageClassification } from "../src/task.ts";
import { shared } from "./shared.ts";

/** A run with a training curve, and test errors by seed. */
function run(
  name: string,
  trainError: readonly number[],
  finals: readonly number[],
  more: Partial<Run> = {},
): Run {
  const x = trainError.map((_, i) => i + 1);
  const end = finals.reduce((a, b) => a + b, 0) / finals.length;
  return {
    name,
    parameters: 1000,
    macs: 1e6,
    trainError: { name, x, y: trainError },
    testError: { name, x, y: x.map(() => end) },
    fitError: trainError.at(-1) as number,
    finals,
    stepTime: 10,
    diverged: 0,
    ...more,
  };
}
const holds = (findings: readonly Finding[]) => findings.map((finding) => finding.holds);

describe("findings follow from the numbers", () => {
  test("where a curve reaches a value", () => {
    const curve = { name: "", x: [1, 2, 4], y: [80, 40, 20] };
    expect(reaches(curve, 30)).toBe(3);
    expect(reaches(curve, 90)).toBe(1);
    expect(reaches(curve, 10)).toBeUndefined();
  });
  test("relu-tanh", () => {
    const pair = (time: string, relu: number[], tanh: number[]) => [
      run(`ReLU, ${time}`, relu, [40]),
      run(`tanh, ${time}`, tanh, [40]),
    ];
    const fast = [80, 40, 10, 5, 5, 5];
    const slow = [80, 60, 50, 40, 30, 20];
    const never = [80, 70, 60, 50, 50, 50];
    expect(holds(reluTanhFindings([...pair("then", fast, slow), ...pair("now", fast, fast)]))).toEqual([
      true,
      false,
    ]);
    const found = reluTanhFindings([...pair("then", fast, never), ...pair("now", never, slow)]);
    expect(holds(found)).toEqual([true, false]);
    expect(found[0]?.here).toBe("ReLU after 2.5 epochs, tanh not within 6 epochs: 2.4 times as many or more");
  });
  test("dropout", () => {
    const plain = run("plain", [20, 5, 1], [6, 6.2], { fitError: 0 });
    expect(holds(dropoutFindings([plain, run("dropout", [50, 20, 9], [5, 5.1], { fitError: 1 })]))).toEqual([
      true,
      true,
      true,
    ]);
    // A gain within the spread of the runs does not count; a network that learns as fast is not slowed down.
    expect(holds(dropoutFindings([plain, run("dropout", [20, 5, 1], [6, 6.1], { fitError: 0 })]))).toEqual([
      false,
      true,
      false,
    ]);
    expect(holds(dropoutFindings([plain, run("dropout", [20, 5, 1], [7, 7], { fitError: 0 })]))).toEqual([
      false,
      false,
      false,
    ]);
  });
  test("batch-norm", () => {
    const runs = (high: Run) => [
      run("plain, 1x rate", [80, 70, 60, 50], [50]),
      run("plain, 5x rate", [90, 90, 90, 90], [90], { diverged: 1 }),
      high,
      run("batch norm, 1x rate", [70, 60, 55, 52], [50]),
      run("batch norm, 5x rate", [60, 40, 30, 20], [40]),
      run("batch norm, 30x rate", [80, 70, 50, 40], [40]),
    ];
    const found = batchNormFindings(runs(run("plain, 30x rate", [90, 90, 90, 90], [90], { diverged: 1 })));
    expect(holds(found)).toEqual([true, true]);
    expect(found[0]?.here).toContain("after 1.5 (at 5 times the rate): 2.7 times sooner");
    expect(holds(batchNormFindings(runs(run("plain, 30x rate", [80, 70, 60, 50], [50]))))).toEqual([
      true,
      false,
    ]);
  });
  test("depth", () => {
    const runs = (plain: number, residual: number) => [
      run("plain 8", [50, 40], [45]),
      run("residual 8", [50, 38], [44]),
      run("plain 32", [80, plain], [plain + 2]),
      run("residual 32", [50, residual], [residual + 5]),
    ];
    expect(holds(depthFindings(runs(60, 35)))).toEqual([true, true, true]);
    expect(holds(depthFindings(runs(35, 45)))).toEqual([false, false, false]);
  });
  test("dense: fewer errors count only without more parameters", () => {
    const residual = run("residual", [40], [42, 43]);
    expect(holds(denseFindings([residual, run("dense", [40], [40, 41])]))).toEqual([true]);
    expect(holds(denseFindings([residual, run("dense", [40], [43, 44])]))).toEqual([false]);
    expect(holds(denseFindings([residual, run("dense", [40], [40, 41], { parameters: 2000 })]))).toEqual([
      false,
    ]);
  });
  test("squeeze-excitation", () => {
    const name = "with squeeze-and-excitation";
    const plain = run("residual", [40], [42, 43]);
    expect(
      holds(squeezeFindings([plain, run(name, [40], [40, 41], { macs: 1.001e6, parameters: 1100 })])),
    ).toEqual([true, true]);
    expect(holds(squeezeFindings([plain, run(name, [40], [43, 44], { macs: 2e6 })]))).toEqual([false, false]);
  });
  test("depthwise", () => {
    const runs = (error: number, macs: number) => [
      run("standard", [40], [40], { macs: 8e6 }),
      run("separable", [40], [error], { macs }),
    ];
    expect(holds(depthwiseFindings(runs(41, 1e6), { standard: 4, separable: 2 }))).toEqual([
      true,
      true,
      true,
    ]);
    expect(holds(depthwiseFindings(runs(50, 4e6), { standard: 4, separable: 1 }))).toEqual([
      false,
      false,
      false,
    ]);
  });
  test("bottleneck", () => {
    const runs = (deep: number, macs: number) => [
      run("3x3", [40], [40], { macs: 8e6 }),
      run("1x1, 3x3, 1x1", [40], [43], { macs }),
      run("1x1, 3x3, 1x1, three deep", [40], [deep], { macs: 3 * macs }),
    ];
    expect(holds(bottleneckFindings(runs(39, 1e6)))).toEqual([true, true, true]);
    expect(holds(bottleneckFindings(runs(44, 4e6)))).toEqual([false, false, false]);
  });
  test("stacked-3x3", () => {
    const runs = (small: number) => [
      run("one 5x5", [40], [45], { parameters: 2500 }),
      run("two 3x3", [40], [small], { parameters: 1800 }),
      run("one 7x7", [40], [45], { parameters: 4900 }),
      run("three 3x3", [40], [small], { parameters: 2700 }),
    ];
    expect(holds(stackedFindings(runs(40)))).toEqual([true, true, true]);
    expect(holds(stackedFindings(runs(46)))).toEqual([true, false, false]);
  });
  test("receptive-field", () => {
    const field = (depth: number, effective: number, theoretical = 1 + 2 * depth) => ({
      name: `${depth}`,
      depth,
      theoretical,
      effective,
    });
    const chains = [field(6, 8), field(6, 20, 29), field(6, 22, 35)];
    const roots = [4, 16, 64].map((depth) => field(depth, 3 * Math.sqrt(depth)));
    expect(holds(fieldFindings(roots, chains))).toEqual([true, true, true]);
    const lines = [4, 16, 64].map((depth) => field(depth, 1 + 2 * depth));
    expect(holds(fieldFindings(lines, [field(6, 8), field(6, 8, 29), field(6, 22, 35)]))).toEqual([
      false,
      false,
      false,
    ]);
  });
  test("inductive-bias", () => {
    const curve = (name: string, y: number[]) => ({ name, x: [500, 2000, 8000], y });
    const cnn = curve("CNN", [65, 50, 40]);
    expect(holds(biasFindings(cnn, curve("ViT", [80, 65, 50])))).toEqual([true, true]);
    expect(holds(biasFindings(cnn, curve("ViT", [66, 60, 55])))).toEqual([true, false]);
    expect(holds(biasFindings(cnn, curve("ViT", [60, 50, 40])))).toEqual([false, false]);
  });
});

describe("measures", () => {
  test("receptive fields: stacked 3x3, stride, dilation; AlexNet's last pooling covers 195 pixels", () => {
    expect(theoreticalField([{ kernel: 3 }, { kernel: 3 }, { kernel: 3 }])).toBe(7);
    expect(theoreticalField([{ kernel: 3, stride: 2 }, { kernel: 3 }])).toBe(7);
    expect(theoreticalField([{ kernel: 3, dilation: 4 }])).toBe(9);
    const pool = { kernel: 3, stride: 2 };
    const three = { kernel: 3 };
    expect(
      theoreticalField([{ kernel: 11, stride: 4 }, pool, { kernel: 5 }, pool, three, three, three, pool]),
    ).toBe(195);
  });
  test("the width of a Gaussian, the exponent of a power law", () => {
    const bell = Array.from({ length: 201 }, (_, x) => Math.exp(-((x - 100) ** 2) / (4 * 7 ** 2)));
    expect(effectiveWidth(bell)).toBeCloseTo(28, 5); // its square is normal with standard deviation 7
    expect(exponent([1, 4, 9], [5, 10, 15])).toBeCloseTo(0.5, 10);
  });
  test("multiply-accumulates of strided, grouped and linear layers", () => {
    const net = new Sequential(
      new Conv2d(3, 8, 5, { stride: 2, padding: 2 }), // 8·16² outputs, 75 each
      new Conv2d(8, 8, 3, { groups: 8, padding: 1 }), // 8·16² outputs, 9 each
      (x) => x.mean([2, 3]),
      new Linear(8, 10),
    );
    expect(countMacs(net, [3, 32, 32])).toBe(2048 * 75 + 2048 * 9 + 80);
  });
});

const named = async (name: string) => await findStudy([imageClassification], name);

test("names", async () => {
  expect(studies.map((study) => study.name)).toEqual([...new Set(studies.map((study) => study.name))]);
  expect(studies).toHaveLength(11);
  await expect(named("drop-out")).rejects.toThrow('no study is called "drop-out". Did you mean dropout');
  await expect(named("xyzzy")).rejects.toThrow("`tessera study` lists all");
});

test("a report holds everything and escapes text", async () => {
  const result: StudyResult = {
    study: "depth",
    title: "Depth <b>",
    seconds: 100,
    plots: ["first & one", "second"].map((title) => ({
      title,
      xLabel: "epochs",
      yLabel: "error",
      curves: [{ name: `<script>${title}`, x: [1, 2], y: [3, 1] }],
    })),
    tables: [{ title: "Cost", columns: ["net", "n<"], rows: [["a & b", 7]] }],
    findings: [
      { paper: "better <i>", here: '"yes"', holds: true },
      { paper: "faster", here: "no", holds: false },
    ],
  };
  const study = await named("depth");
  const html = studyReport(study, result);
  expect(html.match(/<figure>/g)).toHaveLength(2);
  expect(html).toContain("first &amp; one");
  expect(html).toContain("Depth &lt;b&gt;");
  expect(html).not.toMatch(/<script|<b>|<i>|https?:\/\/(?!www\.w3\.org)/);
  expect(html).toContain("a &amp; b");
  expect(html).toContain(study.claim);
  expect(html.match(/✓ Observed in this/g)).toHaveLength(1);
  expect(html.match(/✗ Not observed in this/g)).toHaveLength(1);
  expect(html).toContain("1.7 minutes");
  // Ids are unique within a document: charts on one page must not share any.
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("a scale must be above 0", async () => {
  await expect((await named("depth")).run({ scale: 0 })).rejects.toThrow("expected a scale above 0, got 0");
});

const absent = !existsSync(`${shared}/data/image/cifar10`);
describe.skipIf(absent)(`each study at its smallest${absent ? ` (needs data in ${shared})` : ""}`, () => {
  test.for(studies.map((study) => study.name))("%s", async (name) => {
    const shares: number[] = [];
    const result = await (await named(name)).run({ scale: 0.001, progress: (_, done) => shares.push(done) });
    expect(result.plots.length).toBeGreaterThan(0);
    for (const { curves } of result.plots) {
      expect(curves.length).toBeGreaterThan(1);
      for (const { x, y } of curves) {
        expect(x.length).toBeGreaterThan(0);
        expect(y).toHaveLength(x.length);
        expect(y.every((value) => Number.isFinite(value))).toBe(true);
      }
    }
    for (const { columns, rows } of result.tables)
      for (const row of rows) expect(row).toHaveLength(columns.length);
    for (const { paper, here, holds } of result.findings) {
      expect(paper).not.toBe("");
      expect(here).not.toMatch(/NaN|undefined|Infinity/);
      expect(typeof holds).toBe("boolean");
    }
    expect(result.findings.length).toBeGreaterThan(0);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
    expect(studyReport(await named(name), result)).toContain(result.title);
  });
});
