import { uniformByName, uniformTensor } from "@tessera-ml/nn/golden";
import { fromArray, grad, type Tensor, zeros } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import {
  boxMasks,
  cutmixLoss,
  depthAnythingV2Loss,
  featureAlignment,
  gradientMatching,
  leastSquaresPerImage,
  randomBox,
  silog,
  ssiMae,
  ssiMse,
  ssiTrim,
} from "../src/index.ts";

type Loss = (p: Tensor, y: Tensor, mask?: Tensor) => Tensor;
const SHAPE = [2, 9, 11] as const;
const inside = boxMasks(
  [
    { top: 1, left: 2, bottom: 6, right: 8 },
    { top: 3, left: 0, bottom: 9, right: 5 },
  ],
  { width: 11, height: 9 },
);

const losses: Readonly<Record<string, Loss>> = {
  ssiMae: (p, y, mask) => ssiMae(p, y, { mask }),
  "ssiMae, 90 %": (p, y, mask) => ssiMae(p, y, { mask, keep: 0.9 }),
  "ssiMae, batch": (p, y, mask) => ssiMae(p, y, { mask, pool: "batch" }),
  ssiTrim: (p, y, mask) => ssiTrim(p, y, { mask }),
  ssiMse: (p, y, mask) => ssiMse(p, y, { mask }),
  gradientMatching: (p, y, mask) => gradientMatching(p, y, { mask }),
  depthAnythingV2Loss: (p, y, mask) => depthAnythingV2Loss(p, y, { mask, keep: 0.9 }),
  cutmixLoss: (p, y, mask) => cutmixLoss(p, [y, y.square()], inside, { mask }),
  silog: (p, y, mask) => silog(p, y, { mask }),
};

const prediction = uniformTensor("losses.prediction", SHAPE).mul(0.6).add(1);
const target = prediction.mul(0.5).add(uniformTensor("losses.noise", SHAPE).mul(0.3)).add(0.6);
const mask = uniformTensor("losses.mask", SHAPE).greater(-0.5);
const read = async (x: Tensor) => Number(await x.item());
const largest = async (x: Tensor) => Math.max(...((await x.data()) as Float32Array).map(Math.abs));

describe.each(Object.entries(losses))("%s", (_, loss) => {
  test("its gradient is the slope of the loss", async () => {
    const gradient = grad((p: Tensor) => loss(p, target, mask))(prediction);
    for (const name of ["a", "b", "c"]) {
      const direction = uniformTensor(`losses.direction.${name}`, SHAPE);
      // Medians and absolute values have kinks, which small steps rarely meet.
      const step = 2 ** -13;
      const at = (times: number) => read(loss(prediction.add(direction.mul(times * step)), target, mask));
      const measured = ((await at(1)) - (await at(-1))) / (2 * step);
      const slope = await read(gradient.mul(direction).sum());
      const norm = await read(gradient.square().sum().sqrt());
      expect(norm).toBeGreaterThan(0);
      expect(Math.abs(slope - measured)).toBeLessThan(0.03 * norm + 2e-3);
    }
  });

  test("invalid pixels have no gradient, whatever they hold", async () => {
    const wild = fromArray(
      Float32Array.from({ length: 198 }, (_, i) => [Number.NaN, 1e30, 0][i % 3]!),
      [...SHAPE],
    );
    const dirty = [prediction, target].map((x) => mask.where(x, wild)) as [Tensor, Tensor];
    expect(await read(loss(...dirty, mask))).toBe(await read(loss(prediction, target, mask)));
    const gradient = grad((p: Tensor) => loss(p, dirty[1], mask))(dirty[0]);
    expect(await largest(mask.where(0, gradient))).toBe(0);
    expect(await largest(gradient)).toBeGreaterThan(0);
  });

  test("is finite for constant maps and 0 without a valid pixel", async () => {
    const constant = zeros(SHAPE).add(0.7);
    for (const [p, y] of [
      [constant, target],
      [prediction, constant],
      [constant, constant],
    ] as const) {
      expect(await read(loss(p, y, mask))).toSatisfy(Number.isFinite);
      expect(await largest(grad((x: Tensor) => loss(x, y, mask))(p))).toSatisfy(Number.isFinite);
    }
    const nothing = prediction.less(0);
    expect(await read(loss(prediction, target, nothing))).toBe(0);
    expect(await largest(grad((x: Tensor) => loss(x, target, nothing))(prediction))).toBe(0);
  });

  test("takes maps with a channel axis, and refuses other shapes", async () => {
    const wide = [prediction, target, mask].map((x) => x.unsqueeze(1)) as [Tensor, Tensor, Tensor];
    expect(await read(loss(...wide))).toBeCloseTo(await read(loss(prediction, target, mask)), 6);
    expect(() => loss(prediction, target.narrow(1, 0, 4))).toThrow(/target: expected \[2, 9, 11\] like/);
    expect(() => loss(prediction.unsqueeze(1).tile([1, 2, 1, 1]), target)).toThrow();
  });
});

describe("scale and shift", () => {
  const { silog: metric, ...relative } = losses;
  test.each(Object.entries(relative))("%s ignores them", async (_, loss) => {
    const before = await read(loss(prediction, target, mask));
    expect(Math.abs((await read(loss(prediction.mul(3.7).sub(2), target, mask))) - before)).toBeLessThan(
      1e-5,
    );
  });
  test("silog does not", async () => {
    expect(await read(metric!(prediction.mul(3), prediction))).toBeCloseTo(Math.log(3) * Math.SQRT1_2, 5);
    expect(await read(metric!(prediction, prediction))).toBe(0);
  });
});

test("an image without valid pixels does not change the loss of the others", async () => {
  const first = mask.logicalAnd(
    fromArray(
      Float32Array.from({ length: 198 }, (_, i) => Number(i < 99)),
      [...SHAPE],
    ).greater(0),
  );
  const alone = [prediction, target, mask].map((x) => x.narrow(0, 0, 1)) as [Tensor, Tensor, Tensor];
  for (const loss of [losses.ssiMae!, losses.ssiTrim!, losses.ssiMse!, losses.gradientMatching!])
    expect(await read(loss(prediction, target, first))).toBeCloseTo(await read(loss(...alone)), 6);
});

test("least squares agree with the closed form in double precision", async () => {
  const { scale, shift } = leastSquaresPerImage(prediction, target, mask);
  const [x, y, valid] = (await Promise.all([
    prediction.data(),
    target.data(),
    mask.data(),
  ])) as Float32Array[];
  const [sums, at] = [[0, 0, 0, 0, 0], 99];
  for (let i = at; i < 198; i++) {
    if (!valid![i]) continue;
    for (const [k, term] of [1, x![i]!, y![i]!, x![i]! ** 2, x![i]! * y![i]!].entries()) sums[k]! += term;
  }
  const [n, sx, sy, sxx, sxy] = sums as [number, number, number, number, number];
  const s = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  expect(((await scale.data()) as Float32Array)[1]).toBeCloseTo(s, 5);
  expect(((await shift.data()) as Float32Array)[1]).toBeCloseTo((sy - s * sx) / n, 5);
});

test("feature alignment: gradient, no gradient into the frozen encoder, tokens that agree", async () => {
  const frozen = uniformTensor("losses.frozen", [2, 5, 8]);
  const features = frozen.add(uniformTensor("losses.student", [2, 5, 8]));
  const loss = (f: Tensor, z: Tensor) => featureAlignment(f, z);
  const direction = uniformTensor("losses.direction", [2, 5, 8]);
  const at = (step: number) => read(loss(features.add(direction.mul(step)), frozen));
  const slope = await read(grad(loss)(features, frozen).mul(direction).sum());
  expect(slope).toBeCloseTo(((await at(1e-3)) - (await at(-1e-3))) / 2e-3, 3);
  expect(await largest(grad(loss, [1])(features, frozen)[0]!)).toBe(0);
  expect(await read(loss(frozen, frozen))).toBe(0);
  expect(await largest(grad(loss)(zeros([2, 5, 8]), frozen))).toSatisfy(Number.isFinite);
});

test("random boxes lie within the image and cover about half of it on average", () => {
  const numbers = uniformByName("losses.boxes", 3000);
  let [next, area] = [0, 0];
  const size = { width: 31, height: 17 };
  for (let i = 0; i < 1000; i++) {
    const { top, left, bottom, right } = randomBox(size, () => (numbers[next++]! + 1) / 2);
    expect([top >= 0, left >= 0, bottom <= 17, right <= 31, top < bottom, left < right]).not.toContain(false);
    area += ((bottom - top) * (right - left)) / (31 * 17 * 1000);
  }
  expect(area).toBeGreaterThan(0.45);
  expect(area).toBeLessThan(0.55);
  expect(() => boxMasks([{ top: 0, left: 0, bottom: 18, right: 3 }], size)).toThrow(/within 31 x 17/);
});
