/** The loop of every evaluation. */
import { expect, test } from "vitest";
import { measureAll, spreadIndices } from "../src/index.ts";

/** Says of sample i that it is 10·i, and sums up what it hears. */
function tens(total: number, log: string[] = []) {
  const seen: [number, number][] = [];
  return {
    seen,
    total,
    prepare: async (index: number) => {
      log.push(`read ${index}`);
      return index;
    },
    ask: async (inputs: readonly number[]) => {
      log.push(`ask ${inputs.join()}`);
      return inputs.map((index) => 10 * index);
    },
    record: (output: number, index: number) => void seen.push([index, output]),
    metrics: () => ({ sum: seen.reduce((sum, [, output]) => sum + output, 0) }),
  };
}

test("indices are spread evenly, and no more than there are", () => {
  expect(spreadIndices(4)).toEqual([0, 1, 2, 3]);
  expect(spreadIndices(10, 4)).toEqual([0, 2, 5, 7]);
  expect(spreadIndices(3, 9)).toEqual([0, 1, 2]);
  expect(spreadIndices(0, 5)).toEqual([]);
});

test("every sample is asked about once, and the next batch is read meanwhile", async () => {
  const log: string[] = [];
  const measuring = tens(5, log);
  const shares: number[] = [];
  const measured = await measureAll(measuring, {
    batchSize: 2,
    progress: ({ done, total, metrics }) => shares.push(done / total, metrics.sum as number),
  });
  expect(measuring.seen).toEqual([0, 1, 2, 3, 4].map((i) => [i, 10 * i]));
  expect(measured).toMatchObject({ count: 5, metrics: { sum: 100 } });
  expect(shares).toEqual([0.4, 10, 0.8, 60, 1, 100]);
  expect(log.indexOf("read 2")).toBeLessThan(log.indexOf("ask 0,1"));
});

test("a limit takes some of them", async () => {
  const measuring = tens(10);
  expect(await measureAll(measuring, { limit: 4 })).toMatchObject({ count: 4, metrics: { sum: 140 } });
});

test("an abort and a sample that cannot be read end it", async () => {
  const stop = new AbortController();
  const aborted = measureAll(tens(10), {
    batchSize: 2,
    signal: stop.signal,
    progress: () => stop.abort(new Error("enough")),
  });
  await expect(aborted).rejects.toThrow("enough");
  const unread = {
    ...tens(4),
    prepare: async (index: number) => {
      if (index === 3) throw new Error("sample 3 is damaged");
      return index;
    },
  };
  await expect(measureAll(unread, { batchSize: 1 })).rejects.toThrow("sample 3 is damaged");
});
