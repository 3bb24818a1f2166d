import { describe, expect, it, vi } from "vitest";
import { type Asked, askAll, type Outcome, pipelineOf, streamOf } from "../src/index.ts";
import { Doubler } from "./support/toys.ts";

const collect = async <T>(items: AsyncIterable<T>) => await Array.fromAsync(items);
const short = (outcomes: readonly Outcome<number>[]) =>
  outcomes.map((outcome) => [outcome.index, "error" in outcome ? String(outcome.error) : outcome.answer]);

describe("streamOf", () => {
  it("asks about full batches, then about the rest, and keeps the order", async () => {
    const opened = new Doubler();
    const outcomes = await collect(streamOf(opened, [1, 2, 3, 4, 5], { plus: 1 }, { batchSize: 2 }));
    expect(short(outcomes)).toEqual([3, 5, 7, 9, 11].map((answer, i) => [i, answer]));
    expect(opened.batches).toEqual([[1, 2], [3, 4], [5]]);
    const usual = new Doubler();
    await collect(streamOf(usual, Array(9).keys(), {}));
    expect(usual.batches.map(({ length }) => length)).toEqual([8, 1]);
    expect(await collect(streamOf(usual, [], {}))).toEqual([]);
  });

  it("answers a batch before it takes more of its inputs than the next", async () => {
    let taken = 0;
    async function* inputs() {
      for (; taken < 100; taken++) yield taken;
    }
    for await (const { index } of streamOf(new Doubler(), inputs(), {}, { batchSize: 3 }))
      if (index === 5) break;
    expect(taken).toBeLessThan(7);
  });

  it("reports a bad input in its place; the rest of its batch is asked one by one", async () => {
    const opened = new Doubler();
    const outcomes = await collect(streamOf(opened, [1, -2, 3, 4], {}, { batchSize: 3 }));
    expect(short(outcomes)).toEqual([
      [0, 2],
      [1, "RangeError: expected no negative number, got -2"],
      [2, 6],
      [3, 8],
    ]);
    expect(opened.batches).toEqual([[1, -2, 3], [1], [-2], [3], [4]]);
  });

  it("ends with the signal's reason, without asking further", async () => {
    const opened = new Doubler();
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async () => {
      for await (const { index } of streamOf(
        opened,
        [1, 2, 3],
        {},
        { batchSize: 1, signal: controller.signal },
      )) {
        seen.push(index);
        controller.abort(new Error("enough"));
      }
    };
    await expect(run()).rejects.toThrow("enough");
    expect([seen, opened.batches]).toEqual([[0], [[1]]]);
  });

  it("takes an abort while it answers for no bad input", async () => {
    const opened = new Doubler();
    const controller = new AbortController();
    opened.answer = async () => {
      controller.abort(new Error("enough"));
      throw new Error("the network was stopped");
    };
    const { signal } = controller;
    await expect(collect(streamOf(opened, [1, 2], {}, { signal }))).rejects.toThrow("enough");
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses a batchSize of %d", async (batchSize) => {
    await expect(collect(streamOf(new Doubler(), [1], {}, { batchSize }))).rejects.toThrow(
      `batchSize: expected a whole number of at least 1, got ${batchSize}`,
    );
  });
});

describe("pipelineOf", () => {
  it("is a function of one input or of several, with options of the task and its own", async () => {
    const opened = new Doubler();
    const double = pipelineOf(opened);
    expect(await double(3)).toBe(6);
    expect(await double(3, { plus: 1 })).toBe(7);
    expect(await double([1, 2, 3], { plus: 1, batchSize: 2 })).toEqual([3, 5, 7]);
    expect(await double([])).toEqual([]);
    expect(double.record).toBe(opened.record);
    expect(double.module).toBe(opened.module);
    expect(short(await collect(double.stream([1, -1])))).toEqual([
      [0, 2],
      [1, "RangeError: expected no negative number, got -1"],
    ]);
  });

  it("throws the first error", async () => {
    await expect(pipelineOf(new Doubler())([1, -2, -3])).rejects.toThrow("got -2");
  });

  it("frees the session at the end of a scope", async () => {
    const opened = new Doubler();
    {
      using double = pipelineOf(opened);
      await double(1);
      expect(opened.released).toBe(0);
    }
    expect(opened.released).toBe(1);
  });
});

describe("askAll", () => {
  const decode = async (text: string) => {
    if (!/^-?\d+$/.test(text)) throw new Error(`${text}: expected a number`);
    return Number(text);
  };
  const rows = (asked: readonly Asked<string, number>[]) =>
    asked.map(({ source, models, answers, errors }) => [source, models, answers, errors.map(String)]);

  it("asks every checkpoint about every input, each decoded once", async () => {
    const openeds = [new Doubler("line.a"), new Doubler("line.b")];
    const spy = vi.fn(decode);
    const progress = vi.fn();
    const asked = await collect(
      askAll(openeds, ["1", "2", "3"], { plus: 1 }, { decode: spy, batchSize: 2, progress }),
    );
    const both = ["line.a", "line.b"];
    expect(rows(asked)).toEqual([
      ["1", both, [3, 3], []],
      ["2", both, [5, 5], []],
      ["3", both, [7, 7], []],
    ]);
    expect(spy).toHaveBeenCalledTimes(3);
    for (const { batches } of openeds) expect(batches).toEqual([[1, 2], [3]]);
    // The end is no progress.
    expect(progress.mock.calls).toEqual([[2, 3]]);
  });

  it("keeps the others when an input cannot be read, or a checkpoint cannot answer it", async () => {
    const picky = new Doubler("line.a");
    const all = new Doubler("line.b");
    all.answer = async (inputs) => [...inputs];
    const asked = await collect(askAll([picky, all], ["1", "two", "-3", "4"], {}, { decode }));
    expect(rows(asked)).toEqual([
      ["1", ["line.a", "line.b"], [2, 1], []],
      ["two", [], [], ["Error: two: expected a number"]],
      ["-3", ["line.b"], [-3], ["RangeError: expected no negative number, got -3"]],
      ["4", ["line.a", "line.b"], [8, 4], []],
    ]);
  });

  it("asks nothing about a batch without a readable input", async () => {
    const opened = new Doubler();
    await collect(askAll([opened], ["one", "two"], {}, { decode }));
    expect(opened.batches).toEqual([]);
  });

  it("decodes the next batch while one is asked about", async () => {
    const opened = new Doubler();
    const decoded: string[] = [];
    const slow = async (text: string) => {
      decoded.push(text);
      return Number(text);
    };
    const asked = askAll([opened], ["1", "2", "3"], {}, { decode: slow, batchSize: 1 });
    await asked.next();
    expect(decoded).toEqual(["1", "2"]);
    await asked.return();
  });

  it("ends with the signal's reason", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(collect(askAll([new Doubler()], ["1"], {}, { decode, signal }))).rejects.toThrow("enough");
  });
});
