/** Masks of everything, on a small network. */
import { Image } from "@tessera-ml/media";
import { fillGolden, uniformByName } from "@tessera-ml/nn/golden";
import { expect, test } from "vitest";
import { Sam, SamPredictor, segmentEverything } from "../../src/index.ts";

const model = new Sam({ encoder: { dim: 32, depth: 2, heads: 2, global: [1], image: 128 } });
fillGolden(model);
const predictor = new SamPredictor(model);
const [WIDTH, HEIGHT] = [90, 60];
const bytes = Uint8Array.from(uniformByName("picture", WIDTH * HEIGHT * 3), (u) => Math.floor((u + 1) * 128));
const picture = new Image(WIDTH, HEIGHT, 3, bytes);
const LENIENT = {
  pointsPerSide: 3,
  pointsPerBatch: 4,
  predIouThresh: -1,
  stabilityScoreThresh: 0,
  boxNmsThresh: 1,
};

test("every click has three masks, which progress counts in batches", async () => {
  const steps: [number, number][] = [];
  const progress = (done: number, total: number) => steps.push([done, total]);
  const found = await segmentEverything(predictor, picture, { ...LENIENT, progress });
  expect(steps).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
  expect(found).toHaveLength(27);
  const ious = found.map(({ predictedIou }) => predictedIou);
  expect(ious).toEqual(ious.toSorted((a, b) => b - a));
  for (const { rle } of found) expect(rle.size).toEqual([HEIGHT, WIDTH]);
});

test("asked again with its mask, each has one, and crops have masks of their own", async () => {
  const again = await segmentEverything(predictor, picture, { ...LENIENT, pointsPerSide: 2, useM2m: true });
  expect(again).toHaveLength(12);
  const cropped = await segmentEverything(predictor, picture, {
    ...LENIENT,
    ...{ pointsPerSide: 2, cropNLayers: 1, cropNPointsDownscaleFactor: 2, cropNmsThresh: 1 },
  });
  // Masks at an edge of a crop that is inside the picture are left out, and these are large.
  expect(cropped.length).toBeGreaterThanOrEqual(12);
});

test("thresholds filter", async () => {
  expect(await segmentEverything(predictor, picture, { ...LENIENT, predIouThresh: 10 })).toEqual([]);
  const few = await segmentEverything(predictor, picture, { ...LENIENT, boxNmsThresh: 0.5 });
  expect(few.length).toBeLessThan(27);
  expect(few.length).toBeGreaterThan(0);
});

test("a signal stops it", async () => {
  const stop = AbortSignal.abort(new Error("stopped by the user"));
  await expect(segmentEverything(predictor, picture, { ...LENIENT, signal: stop })).rejects.toThrow(
    "stopped by the user",
  );
});

test.for([
  [{ pointsPerBatch: 0 }, "pointsPerBatch: expected a whole number from 1, got 0"],
  [{ pointsPerSide: 2.5 }, "pointsPerSide: expected a whole number from 1, got 2.5"],
  [{ boxNmsThresh: Number.NaN }, "boxNmsThresh: expected a number, got NaN"],
  [{ cropOverlapRatio: 1 }, "cropOverlapRatio: expected at least 0 and less than 1, got 1"],
] as const)("%j is refused", async ([options, message]) => {
  await expect(segmentEverything(predictor, picture, options)).rejects.toThrow(message);
});
