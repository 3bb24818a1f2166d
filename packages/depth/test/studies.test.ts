/** What the studies conclude from measurements. */
import { expect, test } from "vitest";
import { edgeFindings } from "../src/studies/edges.ts";
import { bySeed, difference, mean, type Variant } from "../src/studies/runs.ts";
import { studentFindings } from "../src/studies/student.ts";

const IMAGES = 20;
/** Two runs whose errors vary from image to image around `level`, in the same way for all networks. */
const variant = (name: string, level: number, jitter = 0.001): Variant => {
  const run = (seed: number) =>
    Array.from(
      { length: IMAGES },
      (_, i) => level + 0.1 * Math.sin(i) + jitter * Math.sin(7 * i + seed * level),
    );
  const figures = { absRel: [run(1), run(2)], delta1: [run(3), run(4)], edges: [run(1), run(2)] };
  return { name, figures, curve: { name, x: [1], y: [level] } };
};

test("differences are those on the same images, and runs are averaged first", () => {
  const [a, b] = [variant("a", 0.2), variant("b", 0.22)];
  const found = difference(a, b, "absRel");
  expect(found.mean).toBeCloseTo(-0.02, 2);
  expect(found.interval).toBeLessThan(0.002);
  expect(mean(a, "absRel").interval).toBeGreaterThan(0.02);
  expect(bySeed(a, "absRel")).toHaveLength(2);
});

const NAMES = ["without perturbation", "without CutMix", "without feature alignment", "labelled only"];

test("a claim holds only where the difference is beyond its interval", () => {
  const others = NAMES.map((name, i) => variant(name, i === 1 ? 0.2 : 0.25, i === 1 ? 0.05 : 0.001));
  const variants = [
    variant("teacher", 0.24),
    variant("student", 0.2),
    ...others,
    variant("photographs only (V2)", 0.3),
  ];
  expect(studentFindings(variants).map(({ holds }) => holds)).toEqual([true, true, true, false, true, false]);
  expect(studentFindings(variants)[0]?.here).toMatch(
    /^AbsRel 0\.2\d\d ± 0\.\d{3} \(student\) and 0\.2\d\d ± 0\.\d{3} \(teacher\); δ1 .*; difference -0\.0\d{3} ± 0\.0\d{3} on the same images$/,
  );
});

test("sharper edges have the larger score", () => {
  const [teacher, blunt, sensor] = [variant("teacher", 0.4), variant("blunt", 0.45), variant("sensor", 0.2)];
  expect(edgeFindings([teacher, blunt, sensor]).map(({ holds }) => holds)).toEqual([true, false]);
});
