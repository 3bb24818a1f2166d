import { compile, parameter, tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { type Schedule, SGD, schedules } from "../../src/index.ts";
import { load } from "../support/fixtures.ts";

interface Case {
  readonly name: string;
  readonly rates: readonly number[];
}
const { constant, cosine, inverseSquareRoot, joined, linear, oneCycle, polynomial, rates, steps, warmUp } =
  schedules;

const MAKE: Readonly<Record<string, Schedule>> = {
  constant: constant(0.4),
  linear: linear({ from: 0.4, to: 0.1, steps: 20 }),
  polynomial: polynomial({ from: 0.4, steps: 20, power: 0.9 }),
  cosine: cosine({ from: 0.4, to: 0.1, steps: 20 }),
  "steps every 7": steps({ from: 0.4, factor: 0.5, every: 7 }),
  "steps at 3 and 15": steps({ from: 0.4, at: [3, 15] }),
  oneCycle: oneCycle({ peak: 0.4, steps: 25 }),
  "oneCycle with other numbers": oneCycle({
    peak: 0.4,
    steps: 25,
    share: 0.4,
    divisor: 10,
    finalDivisor: 100,
  }),
  inverseSquareRoot: inverseSquareRoot({ peak: 0.4, warmUp: 8 }),
  warmUp: warmUp(5, linear({ from: 0.4, steps: 15 })),
  joined: joined(
    [6, linear({ from: 0.1, to: 0.4, steps: 6 })],
    [6, constant(0.4)],
    [1, steps({ from: 0.4, factor: 0.5, every: 4 })],
  ),
};

const cases = await load<Case>("schedules");

describe("agrees with PyTorch", () => {
  test("every fixture is tested", () => {
    expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(MAKE).sort());
  });
  for (const { name, rates: expected } of cases)
    test(name, async () => {
      const actual = await rates(MAKE[name] as Schedule, expected.length);
      for (const [step, rate] of expected.entries())
        expect(Math.abs((actual[step] as number) - rate), `step ${step}`).toBeLessThan(1e-6);
    });
});

test("an optimizer follows a schedule in one compiled graph", async () => {
  const weight = parameter(tensor([0]));
  const schedule = warmUp(2, cosine({ from: 1, steps: 4 }));
  const optimizer = new SGD(new Map([["weight", weight]]), { lr: schedule });
  const step = compile(() => {
    const rate = optimizer.learningRate;
    optimizer.update(new Map([["weight", tensor([-1])]]));
    return typeof rate === "number" ? tensor(rate) : rate;
  });
  const seen: number[] = [];
  let sum = 0;
  for (const rate of await rates(schedule, 6)) {
    seen.push((await step().item()) - rate);
    sum += rate;
  }
  expect(Math.max(...seen.map(Math.abs))).toBeLessThan(1e-6);
  expect(await weight.item()).toBeCloseTo(sum, 5);
});
