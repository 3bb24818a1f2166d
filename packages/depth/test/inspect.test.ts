/** Looking inside: attention and tokens of DINOv2, and what the decoder does. */
import { Image, Planes } from "@tessera-ml/media";
import { fillGolden, uniformTensor } from "@tessera-ml/nn/golden";
import { inInference, moduleOutputs } from "@tessera-ml/nn/inspect";
import { HostRandom, type Tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { DepthAnything, MidasNet, midasConfigs } from "../src/index.ts";
import { decoding } from "../src/inspect/fusion.ts";
import { patchAt, patchAttention, patchTokens, principalComponents } from "../src/inspect/tokens.ts";
import { compactValues, readCompact } from "../src/outputs/compact.ts";
import { type CommonResult, relativeDepth } from "../src/result.ts";
import { fillTiny, TINY } from "./support.ts";

const expectClose = (found: Float32Array, expected: readonly number[]) => {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 3);
};

const values = async (tensor: Tensor) => [...((await tensor.data()) as Float32Array)];

describe("tokens", () => {
  const model = fillTiny(new DepthAnything(TINY));
  const x = uniformTensor("image", [1, 3, 8, 12]); // 4 x 6 patches

  test("a point lies in a patch, those on the far edges in the last", () => {
    expect(patchAt([4, 6], { x: 0, y: 0 })).toEqual({ row: 0, column: 0 });
    expect(patchAt([4, 6], { x: 0.5, y: 0.26 })).toEqual({ row: 1, column: 3 });
    expect(patchAt([4, 6], { x: 1, y: 1 })).toEqual({ row: 3, column: 5 });
  });

  test("a patch attends to all patches and the class token", async () => {
    const maps = await patchAttention(model, x, { row: 2, column: 5 });
    expect(maps.map(({ shape }) => shape)).toEqual(Array(4).fill([2, 4, 6]));
    for (const { data } of maps)
      for (const head of [data.subarray(0, 24), data.subarray(24)]) {
        const sum = head.reduce((total, weight) => total + weight, 0);
        expect(sum).toBeGreaterThan(0.5);
        expect(sum).toBeLessThan(1);
      }
    const other = await patchAttention(model, x, { row: 0, column: 0 });
    expect([...other[1]!.data]).not.toEqual([...maps[1]!.data]);
    await expect(patchAttention(new MidasNet(SMALL), x, { row: 0, column: 0 })).rejects.toMatchObject({
      code: "no-attention",
    });
  });

  test("patch tokens are those that the head gets", async () => {
    const found = await patchTokens(model, x, 3);
    const [features] = inInference(model, () => model.pretrained.intermediateLayers(x, [3]));
    expect([...found]).toEqual(await values(features!.patches));
  });

  test("principal components find the directions of the largest variance", () => {
    const [count, dim] = [400, 12];
    const random = new HostRandom(3);
    const deviations = [5, 3, 2];
    const hidden = Array.from({ length: count }, () =>
      deviations.map((deviation) => deviation * random.normal()),
    );
    // Three orthogonal directions, each along two features, and some noise.
    const vectors = Float32Array.from({ length: count * dim }, (_, i) => {
      const [n, d] = [Math.floor(i / dim), i % dim];
      const along = d < 6 ? hidden[n]![d >> 1]! * (d % 2 === 0 ? 0.6 : 0.8) : 0;
      return along + 7 + 0.05 * random.normal();
    });
    const { scores, shares } = principalComponents(vectors, dim);
    const total = 25 + 9 + 4;
    for (const [c, deviation] of deviations.entries()) {
      expect(shares[c]).toBeCloseTo(deviation ** 2 / total, 1);
      const mean = hidden.reduce((sum, row) => sum + row[c]!, 0) / count;
      const sign = Math.sign(scores[c]![0]! * (hidden[0]![c]! - mean));
      for (let n = 0; n < count; n += 37)
        expect(Math.abs(sign * scores[c]![n]! - (hidden[n]![c]! - mean))).toBeLessThan(0.6 * deviation);
    }
    const flat = principalComponents(new Float32Array(5 * dim).fill(2), dim);
    expect(flat.shares).toEqual([0, 0, 0]);
    expect([...flat.scores[0]!].every((value) => value === 0)).toBe(true);
  });
});

const SMALL = {
  ...midasConfigs.midas_v21_small_256,
  features: [4, 8, 16, 32],
} as const;

describe("the decoder", () => {
  test("its last reading is the network's answer before the activation", async () => {
    const model = fillTiny(new DepthAnything(TINY));
    const x = uniformTensor("image", [1, 3, 8, 12]);
    const { stages, fusions } = await decoding(model, x);
    expect(stages.map(({ stage, shape }) => [stage, ...shape])).toEqual([
      [1, 1, 8, 16, 24],
      [2, 1, 8, 8, 12],
      [3, 1, 8, 4, 6],
      [4, 1, 8, 2, 3],
    ]);
    expect(fusions.map(({ stage, shape }) => [stage, ...shape.slice(2)])).toEqual([
      [4, 4, 6],
      [3, 8, 12],
      [2, 16, 24],
      [1, 32, 48],
    ]);
    const outputs = inInference(model, () => moduleOutputs(model, () => model.forward(x)));
    const path = outputs.get("depth_head.scratch.refinenet1")!;
    const { strength } = fusions[3]!;
    const expected = await values(path.square().mean(1).sqrt());
    expectClose(strength.data, expected);
    const { scratch } = model.depth_head;
    const read = scratch.output_conv2.forward(scratch.output_conv1.forward(path));
    expectClose(fusions[3]!.reading!.data, await values(read));
  });

  test("paths of other widths cannot be read, and networks without fusions not shown", async () => {
    const model = new MidasNet(SMALL);
    fillGolden(model);
    const { fusions } = await decoding(model, uniformTensor("image", [1, 3, 64, 96]));
    expect(fusions.map(({ reading }) => reading !== undefined)).toEqual([false, false, true, true]);
    const encoder = model.pretrained as unknown as Parameters<typeof decoding>[0];
    await expect(decoding(encoder, uniformTensor("image", [1, 3, 64, 64]))).rejects.toMatchObject({
      code: "no-fusion",
    });
  });
});

const flat = (disparity: readonly number[], width: number) => {
  const height = disparity.length / width;
  const common: CommonResult = {
    ...{ model: "a", width, height, milliseconds: 1, image: new Image(width, height, 3) },
    ...{ camera: { focalLength: 9, from: "assumed" }, colors: "midas" },
  };
  return relativeDepth(common, Float32Array.from(disparity));
};

test("compact values are those of the map, or of every second pixel", async () => {
  const map = Array.from({ length: 48 }, (_, i) => Math.sin(i) * 3 + 4);
  map[5] = Number.NaN;
  const whole = await readCompact(await compactValues(flat(map, 8), 100));
  expect(whole).toBeInstanceOf(Planes);
  expect(whole.shape).toEqual([1, 6, 8]);
  for (const [i, value] of map.entries())
    if (i === 5) expect(whole.data[i]).toBeNaN();
    else expect(Math.abs(whole.data[i]! - value)).toBeLessThan(6 / 65534);
  const half = await readCompact(await compactValues(flat(map, 8), 4));
  expect(half.shape).toEqual([1, 3, 4]);
  for (const value of half.data)
    expect(
      map.some((one) => (Number.isNaN(one) && Number.isNaN(value)) || Math.abs(one - value) < 1e-3),
    ).toBe(true);
  const same = await readCompact(await compactValues(flat(Array(12).fill(2), 4), 64));
  expect([...same.data]).toEqual(Array(12).fill(2));
});
