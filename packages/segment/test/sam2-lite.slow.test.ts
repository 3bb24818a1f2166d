/** Our own small network learns, from pictures and from clips. */
import { AdamW } from "@tessera-ml/nn";
import {
  compile,
  fromArray,
  HostRandom,
  manualSeed,
  type Tensor,
  valueAndGrad,
  zeros,
} from "@tessera-ml/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { networks, Sam2, sam2Lite } from "../src/index.ts";
import { startFrom } from "../src/training/encoder.ts";
import type { Photograph } from "../src/training/photographs.ts";
import { resized } from "../src/training/resized.ts";
import { sceneSamples } from "../src/training/samples.ts";
import { sceneLoss } from "../src/training/step.ts";

test("it is small enough to be shipped", () => {
  const model = networks.find("sam2_lite").network.create();
  const values = [...model.stateDict().values()].reduce((sum, { size }) => sum + size, 0);
  expect(2 * values).toBeLessThan(8e6);
});

test("another size of input shares its parameters", async () => {
  const config = { ...sam2Lite, image: 128, dim: 32, memory: 16, hidden: 64 } as const;
  const model = new Sam2(config).train();
  const half = resized(model, config, 64);
  expect([...half.parameters()]).toEqual([...model.parameters()]);
  for (const [path, variable] of half.parameters()) expect(variable).toBe(model.parameters().get(path));
  const points = { coords: zeros([1, 2, 2]), labels: zeros([1, 2], "int32") };
  const { map, finer } = half.encode(zeros([1, 3, 64, 64]));
  expect(half.decode(map, finer, { points }).masks.shape).toEqual([1, 4, 16, 16]);
});

/** Bright boxes on dark noise. */
const photographs = Array.from({ length: 4 }, (_, n): Photograph => {
  const [side, random] = [96, new HostRandom(n)];
  const [left, top] = [10 + 10 * n, 40 - 8 * n];
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
    const inside = x >= left && x < left + 40 && y >= top && y < top + 30;
    return (inside ? 170 : 20) + 60 * random.next();
  });
  const box = {
    left,
    top,
    width: 40,
    height: 30,
    mask: new Uint8Array(1200).fill(1),
    area: 1200,
    whole: true,
  };
  return { width: side, height: side, pixels, things: [box] };
});

describe.each([
  ["pictures, with corrections", { frames: 1, prompts: { mask: 0, box: 0 } }],
  ["clips, from masks", { frames: 3, prompts: { mask: 1, box: 0 } }],
] as const)("%s", (_, given) => {
  let losses: number[] = [];
  beforeAll(async () => {
    manualSeed(0);
    const model = new Sam2({ ...sam2Lite, image: 64, dim: 32, memory: 16, hidden: 64 }).train();
    model.image_encoder.trunk.eval();
    const data = sceneSamples(photographs, 64, { side: 64, objects: 2, ...given });
    const batchOf = async (i: number) => {
      const fields = await data.batch(Uint32Array.of(4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3), (sample) => {
        const random = new HostRandom(i, sample);
        return () => random.next();
      });
      const tensors = Object.entries(fields).map(([name, { data, shape }]) => [name, fromArray(data, shape)]);
      const { images, ...rest } = Object.fromEntries(tensors) as Record<string, Tensor>;
      return { maps: [images!.flatten(0, 1)], truth: rest.truth!, corrections: 1, ...rest };
    };
    await startFrom(model, (await batchOf(0)).maps[0]!);
    const optimizer = new AdamW(model, { lr: 2e-3 });
    const step = compile((batch: Awaited<ReturnType<typeof batchOf>>) => {
      const { value, grads } = valueAndGrad(model, () => sceneLoss(model, batch, { side: 32 }).loss);
      optimizer.update(grads);
      return value;
    });
    losses = [];
    for (let i = 0; i < 40; i++) losses.push(await step(await batchOf(i % 16)).item());
    step.release();
  }, 300_000);

  test("the loss falls", () => {
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(mean(losses.slice(-8))).toBeLessThan(0.8 * mean(losses.slice(0, 8)));
  });
});
