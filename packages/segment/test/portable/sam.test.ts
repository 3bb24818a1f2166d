/** SAM on a small network: prompts, what is refused, the epsilon of transformers. */
import { Image, Planes } from "@tessera-ml/media";
import { fillGolden, uniformByName } from "@tessera-ml/nn/golden";
import { describe, expect, test } from "vitest";
import { type ImagePrompt, type Prediction, Sam, type SamConfig, SamPredictor } from "../../src/index.ts";

const CONFIG: SamConfig = { encoder: { dim: 96, depth: 4, heads: 3, global: [1, 3], image: 256 } };
const WIDTH = 150;
const HEIGHT = 200;
const bytes = Uint8Array.from(uniformByName("sam-image", WIDTH * HEIGHT * 3), (u) =>
  Math.floor((u + 1) * 128),
);
const picture = new Image(WIDTH, HEIGHT, 3, bytes);

function predictor(config: SamConfig = CONFIG): SamPredictor {
  const model = new Sam(config);
  fillGolden(model);
  return new SamPredictor(model);
}

const image = await predictor().image(picture);

/** The largest difference of low-resolution logits, over their deviation. */
function difference(a: Prediction, b: Prediction): number {
  const [x, y] = [a.lowRes.data, b.lowRes.data];
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const std = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length);
  return x.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (y[i] as number))), 0) / std;
}

describe("prompts", () => {
  test("answers have the size of the picture and of a quarter of the input", async () => {
    const { logits, lowRes, iou } = await image.predict(
      { points: [[60, 90]], labels: [1] },
      { multimask: true },
    );
    expect(logits.shape).toEqual([3, HEIGHT, WIDTH]);
    expect(lowRes.shape).toEqual([3, 64, 64]);
    expect(iou).toHaveLength(3);
    expect((await image.predict({ box: [10, 20, 50, 60] })).logits.shape).toEqual([1, HEIGHT, WIDTH]);
  });

  test("a batch of points answers as each point alone", async () => {
    const points = [
      [60, 90],
      [112.5, 40],
    ] as const;
    const together = await image.predictEach(points, { multimask: true });
    for (const [i, point] of points.entries()) {
      const alone = await image.predict({ points: [point], labels: [1] }, { multimask: true });
      expect(difference(alone, together[i] as Prediction)).toBeLessThan(1e-5);
    }
  });

  test("the last logits are a prompt, alone and with a click", async () => {
    const first = await image.predict({ points: [[60, 90]], labels: [1] });
    const refined = await image.predict({ points: [[60, 90]], labels: [1], mask: first.lowRes });
    expect(difference(first, refined)).toBeGreaterThan(0.01);
    expect((await image.predict({ mask: first.lowRes })).iou).toHaveLength(1);
  });

  test.for<[string, ImagePrompt]>([
    ["prompt: expected points, a box or a mask, got none of them", {}],
    ["points[0]: expected x from 0 to 150, y from 0 to 200, got 151, 3", { points: [[151, 3]], labels: [1] }],
    [
      "points[1]: expected x from 0 to 150, y from 0 to 200, got NaN, 3",
      {
        points: [
          [1, 2],
          [Number.NaN, 3],
        ],
        labels: [1, 1],
      },
    ],
    ["labels: expected one for each of 1 points, got 0", { points: [[1, 2]] }],
    ["labels[0]: expected 0 or 1, got 2", { points: [[1, 2]], labels: [2 as 1] }],
    [
      "box: expected left, top, right, bottom with left < right and top < bottom, got 9, 1, 3, 5",
      { box: [9, 1, 3, 5] },
    ],
    ["box: expected x from 0 to 150, y from 0 to 200, got -1, 1", { box: [-1, 1, 3, 5] }],
    ["mask: expected [1, 64, 64], got [1, 32, 32]", { mask: new Planes(1, 32, 32) }],
  ])("%s", async ([message, prompt]) => {
    await expect(image.predict(prompt)).rejects.toThrow(message);
  });
});

test("transformers' epsilon changes masks as much as was measured there", async () => {
  const theirs = await predictor({ ...CONFIG, decoderEps: 1e-6 }).image(picture);
  const box = [37.5, 40, 105, 160] as const;
  const [ours, other] = [
    await image.predict({ box }, { multimask: true }),
    await theirs.predict({ box }, { multimask: true }),
  ];
  // 2.66e-4 there; single precision is good to 5e-6.
  expect(Math.abs(difference(ours, other) - 2.66e-4)).toBeLessThan(1.5e-5);
});

test("an image of another size names what is expected", () => {
  expect(() => new Sam({ encoder: { dim: 96, depth: 1, heads: 3, global: [], image: 250 } })).toThrow(
    "an image of 250 is not a whole number of patches of 16",
  );
});
