import { describe, expect, test } from "vitest";
import { arrays, DataLoader, type HostArray, samples } from "../../src/index.ts";

const numbers = (length: number) =>
  arrays({
    x: { data: Float32Array.from({ length: 2 * length }, (_, i) => i), shape: [length, 2] },
    id: Int32Array.from({ length }, (_, i) => i),
  });

async function ids(loader: DataLoader<{ id: HostArray; x: HostArray }>, epoch: number, from?: number) {
  const seen: number[][] = [];
  for await (const { id } of loader.epoch(epoch, from)) seen.push((await id.tolist()) as number[]);
  return seen;
}

describe("batches", () => {
  test("in order, with the last one smaller or dropped", async () => {
    const loader = new DataLoader(numbers(5), { batchSize: 2 });
    expect(loader.batches).toBe(3);
    expect(await ids(loader, 0)).toEqual([[0, 1], [2, 3], [4]]);
    expect(await (await loader.batch(0, 2)).x.tolist()).toEqual([[8, 9]]);
    expect((await loader.batch(0, 0)).id.dtype).toBe("int32");
    expect(await ids(new DataLoader(numbers(5), { batchSize: 2, dropLast: true }), 0)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test("shuffled by seed and epoch, independent of what was read before", async () => {
    const options = { batchSize: 10, shuffle: true, seed: 3 };
    const loader = new DataLoader(numbers(100), options);
    const [first, second] = [await ids(loader, 0), await ids(loader, 1)];
    expect(first.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(first).not.toEqual(second);
    expect(await ids(loader, 0)).toEqual(first);
    expect(await ids(new DataLoader(numbers(100), options), 1, 4)).toEqual(second.slice(4));
    expect(await ids(new DataLoader(numbers(100), { ...options, seed: 4 }), 0)).not.toEqual(first);
  });

  test("augmented with a generator per batch", async () => {
    const make = () =>
      new DataLoader(numbers(6), {
        batchSize: 2,
        augment: ({ id, x }, random) => ({
          id,
          x,
          noise: { data: Float32Array.of(random(), random()), shape: [2] },
        }),
      });
    const noise = async (loader: ReturnType<typeof make>, epoch: number) => {
      const seen: unknown[] = [];
      for await (const batch of loader.epoch(epoch)) seen.push(await batch.noise.tolist());
      return seen;
    };
    const first = await noise(make(), 0);
    expect(new Set((first as number[][]).flat()).size).toBe(6);
    expect(await noise(make(), 0)).toEqual(first);
    expect(await noise(make(), 1)).not.toEqual(first);
    expect(await (await make().batch(0, 2)).noise.tolist()).toEqual(first[2]);
  });

  test("of samples produced one by one, with a generator per sample", async () => {
    const dataset = samples(4, async (index, random) => ({
      image: { data: Uint8Array.of(index, index + 1), shape: [1, 2] },
      label: { data: BigInt64Array.of(BigInt(index)), shape: [] },
      draw: random(),
    }));
    const whole = await new DataLoader(dataset, { batchSize: 4, seed: 1 }).batch(2, 0);
    expect([whole.image.shape, whole.image.dtype]).toEqual([[4, 1, 2], "uint8"]);
    expect(await whole.label.tolist()).toEqual([0, 1, 2, 3]);
    const shuffled = await new DataLoader(dataset, { batchSize: 4, seed: 1, shuffle: true }).batch(2, 0);
    const order = (await shuffled.label.tolist()) as number[];
    const draws = (await whole.draw.tolist()) as number[];
    expect(order).not.toEqual([0, 1, 2, 3]);
    expect(await shuffled.draw.tolist()).toEqual(order.map((index) => draws[index]));
  });

  test("prefetched one ahead; a failure rejects the batch it belongs to", async () => {
    const made: number[] = [];
    const dataset = {
      length: 3,
      batch: (indices: Uint32Array) => {
        made.push(indices[0] as number);
        if (indices[0] === 2) throw new Error("sample 2 is broken");
        return { id: { data: Int32Array.from(indices), shape: [indices.length] } };
      },
    };
    const batches = new DataLoader(dataset, { batchSize: 1 }).epoch(0)[Symbol.asyncIterator]();
    await batches.next();
    expect(made).toEqual([0]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toEqual([0, 1]);
    await batches.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toEqual([0, 1, 2]);
    await expect(batches.next()).rejects.toThrow("sample 2 is broken");
  });
});

test("mismatched fields are errors", async () => {
  expect(() => arrays({ x: { data: new Float32Array(5), shape: [2, 2] } })).toThrow(
    "arrays: x: expected 4 values for [2, 2], got 5",
  );
  expect(() => arrays({ x: new Float32Array(3), y: new Int32Array(2) })).toThrow(
    "arrays: y: expected 3 samples like x, got 2",
  );
  expect(() => new DataLoader(numbers(3), { batchSize: 4, dropLast: true })).toThrow(
    "3 samples do not fill a batch of 4",
  );
  const uneven = samples(2, (index) => ({ x: { data: new Float32Array(index + 1), shape: [index + 1] } }));
  await expect(new DataLoader(uneven, { batchSize: 2 }).batch(0, 0)).rejects.toThrow(
    "sample 1: x: expected [1] float32 like sample 0, got [2] float32",
  );
});
