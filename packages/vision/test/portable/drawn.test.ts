/** Digits drawn by rule, and a network that learns them, in Node and in browsers. */
import { describe, expect, test } from "vitest";
import { DRAWN, drawnDigits, drawnRecipes, learnDrawn } from "../../src/drawn/index.ts";

describe("drawn digits", () => {
  test("depend only on the seed and have their data set's layout", () => {
    const { images, labels } = drawnDigits(40, 1, "mnist");
    expect(images.shape).toEqual([40, 1, 28, 28]);
    expect([...labels.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    expect(drawnDigits(40, 1, "mnist").images.data).toEqual(images.data);
    expect(drawnDigits(40, 2, "mnist").images.data).not.toEqual(images.data);
    for (let i = 0; i < 40; i++) {
      const digit = images.data.subarray(i * 784, (i + 1) * 784);
      const rows = Array.from({ length: 28 }, (_, y) => Math.max(...digit.subarray(y * 28, (y + 1) * 28)));
      const inked = rows.flatMap((most, y) => (most >= 40 ? [y] : []));
      expect(Math.max(...digit)).toBe(255);
      expect(inked.at(-1)! - inked[0]! + 1).toBeLessThanOrEqual(20);
    }
    expect(drawnDigits(10, 1, "usps").images.shape).toEqual([10, 1, 16, 16]);
  });
});

describe("the network of 1989", () => {
  const [recipe] = drawnRecipes as [(typeof drawnRecipes)[number]];

  test("learns them and reports progress", async () => {
    const steps: number[] = [];
    const evaluated: number[] = [];
    const { figures, passed, record } = await learnDrawn(recipe, "run_1", {
      samples: 1000,
      epochs: 2,
      progress: ({ step }) => steps.push(step),
      evaluated: ({ top1 }) => evaluated.push(top1),
    });
    expect(steps.at(-1)).toBe(100);
    expect(evaluated).toHaveLength(2);
    expect(figures.top1).toBe(evaluated[1]);
    expect(figures.top1).toBeGreaterThan(90);
    expect(passed).toBeUndefined();
    expect(record).toMatchObject({ name: "lecun1989.run_1", evaluation: { dataset: DRAWN } });
  });

  test("stops when aborted", async () => {
    const stop = new AbortController();
    const { figures, record } = await learnDrawn(recipe, "run_1", {
      samples: 1000,
      epochs: 50,
      signal: stop.signal,
      progress: () => stop.abort(),
    });
    expect(figures).toEqual({});
    expect(record.evaluation).toBeUndefined();
  });
});
