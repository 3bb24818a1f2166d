import { uniformTensor } from "@tessera-ml/nn/golden";
import { fromArray, grad, type Tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import {
  answerLosses,
  centreClick,
  clipLoss,
  iouLoss,
  type Mask,
  maskDice,
  maskFocal,
  maskIou,
  objectScoreLoss,
  randomClicks,
  squaredDistances,
} from "../../src/index.ts";

const read = async (x: Tensor) => Number(await x.item());
const SHAPE = [2, 3, 5, 7] as const;
const masks = uniformTensor("training.masks", SHAPE).mul(3);
const truth = uniformTensor("training.truth", [2, 1, 5, 7]).greater(0.2).astype("float32");
const iou = uniformTensor("training.iou", [2, 3]).mul(0.5).add(0.5);
const objectScore = uniformTensor("training.score", [2, 1]);

const losses: Readonly<Record<string, { readonly at: Tensor; readonly loss: (x: Tensor) => Tensor }>> = {
  maskFocal: { at: masks, loss: (x) => maskFocal(x, truth).sum() },
  maskDice: { at: masks, loss: (x) => maskDice(x, truth).sum() },
  "iouLoss, l1": { at: iou, loss: (x) => iouLoss(x, masks, truth).sum() },
  "iouLoss, mse": { at: iou, loss: (x) => iouLoss(x, masks, truth, "mse").sum() },
  objectScoreLoss: { at: objectScore, loss: (x) => objectScoreLoss(x, truth) },
  "clipLoss, masks": {
    at: masks,
    loss: (x) =>
      clipLoss([
        { truth, answers: [{ masks: x, iou, objectScore }] },
        { truth, answers: [{ masks: x.narrow(1, 0, 1), iou: iou.narrow(1, 0, 1), objectScore }] },
      ]).loss,
  },
  "clipLoss, estimates": {
    at: iou,
    loss: (x) => clipLoss([{ truth, answers: [{ masks, iou: x, objectScore }] }]).loss,
  },
};

describe.each(Object.entries(losses))("%s", (_, { at, loss }) => {
  test("its gradient is the slope of the loss", async () => {
    const gradient = grad(loss)(at);
    for (const name of ["a", "b", "c"]) {
      const direction = uniformTensor(`training.direction.${name}`, at.shape);
      const step = 2 ** -9;
      const value = (times: number) => read(loss(at.add(direction.mul(times * step))));
      const measured = ((await value(1)) - (await value(-1))) / (2 * step);
      const slope = await read(gradient.mul(direction).sum());
      const norm = await read(gradient.square().sum().sqrt());
      expect(norm).toBeGreaterThan(0);
      expect(Math.abs(slope - measured)).toBeLessThan(0.01 * norm + 1e-3);
    }
  });
});

describe("losses", () => {
  test("of several guesses only the best one learns its mask", async () => {
    // The second guess is right.
    const guesses = truth
      .mul(8)
      .sub(4)
      .expand(SHAPE)
      .mul(fromArray(Float32Array.of(-1, 1, 0.1), [1, 3, 1, 1]));
    const gradient = grad((x: Tensor) => {
      const { focal, dice } = answerLosses({ masks: x, iou, objectScore }, truth);
      return focal.add(dice);
    })(guesses);
    const each = (await gradient.abs().sum([0, 2, 3]).data()) as Float32Array;
    expect([each[0], each[2]]).toEqual([0, 0]);
    expect(each[1]).toBeGreaterThan(0);
  });

  test("an absent object has only its score to learn", async () => {
    const nothing = truth.mul(0);
    const found = answerLosses({ masks, iou, objectScore }, nothing);
    expect(await Promise.all([found.focal, found.dice, found.iou].map(read))).toEqual([0, 0, 0]);
    expect(await read(found.score)).toBeGreaterThan(0);
  });

  test("maskIou counts pixels", async () => {
    const exact = truth.mul(2).sub(1);
    const both = maskIou(exact.expand(SHAPE), truth);
    expect([...((await both.data()) as Float32Array)]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(await read(maskIou(masks.abs().neg(), truth.mul(0)).sum())).toBe(0);
  });
});

/** Rows of `#` and `.` */
function drawn(...rows: string[]): Mask {
  const data = Uint8Array.from(rows.join(""), (c) => (c === "#" ? 1 : 0));
  return { width: rows[0]?.length ?? 0, height: rows.length, data };
}

describe("clicks", () => {
  test("distances are those of a search over all pixels", () => {
    const [width, height] = [13, 9];
    const random = uniformTensor("training.distances", [height, width]).greater(-0.7);
    return random.data().then((values) => {
      const data = Uint8Array.from(values as Uint8Array);
      const found = squaredDistances({ width, height, data });
      const inside = (x: number, y: number) =>
        x >= 0 && y >= 0 && x < width && y < height && data[y * width + x] === 1;
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          let least = inside(x, y) ? Number.POSITIVE_INFINITY : 0;
          for (let v = -1; v <= height; v++)
            for (let u = -1; u <= width; u++)
              if (!inside(u, v)) least = Math.min(least, (u - x) ** 2 + (v - y) ** 2);
          expect(found[y * width + x]).toBe(least);
        }
    });
  });

  test("the centre click is in the middle of the larger error", () => {
    const object = drawn("......", ".###..", ".###..", ".###..", "......");
    expect(centreClick(object)).toEqual({ x: 2, y: 2, label: 1 });
    expect(centreClick(drawn("......", "......", "......"), drawn(".###..", ".###..", ".###.."))).toEqual({
      x: 2,
      y: 1,
      label: 0,
    });
    expect(centreClick(object, object)).toEqual({ x: 0, y: 0, label: 0 });
  });

  test("random clicks lie in the error, and say which", async () => {
    const wanted = fromArray(Float32Array.of(0, 1, 1, 0, 0, 0), [1, 1, 2, 3]);
    const found = fromArray(Float32Array.of(0, 1, 0, 0, 1, 0), [1, 1, 2, 3]).greater(0);
    const noise = uniformTensor("training.noise", [1, 64, 2, 3, 2]).add(1).div(2);
    const { coords, labels } = randomClicks(wanted, found, noise);
    const at = (await coords.data()) as Float32Array;
    const signs = (await labels.data()) as Int32Array;
    const seen = new Set(Array.from(signs, (label, i) => `${at[2 * i]},${at[2 * i + 1]}:${label}`));
    expect(seen).toEqual(new Set(["2,0:1", "1,1:0"]));
  });
});
