/** Indices outside of their axis are errors with the number, wherever they come from. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openBackend } from "#runtime";
import {
  type BackendOptions,
  checkedIndex,
  compile,
  configure,
  embedding,
  evaluate,
  exportOnnx,
  gather,
  grad,
  maxUnpool1d,
  oneHot,
  parameter,
  scatter,
  scatterAdd,
  type Tensor,
  take,
  tensor,
} from "../../src/index.ts";

const KINDS: readonly (readonly [string, BackendOptions])[] =
  "document" in globalThis
    ? [
        ["wasm", { device: "wasm" }],
        ["webgpu", { device: "webgpu" }],
      ]
    : [
        ["direct", { binding: "direct" }],
        ["node", { binding: "node" }],
      ];

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const row = (...entries: number[]) => tensor([entries], { dtype: "int32" });

/** Uses of an index [1, 2] into an axis of 3 entries, and whether negative numbers count from the end. */
const uses: Readonly<Record<string, readonly [use: (index: Tensor) => Tensor, fromEnd: boolean]>> = {
  "take: index": [(index) => take(x, index, 1), true],
  "gather: index": [(index) => gather(x, 1, index), true],
  "scatter: index": [(index) => scatter(x, 1, index, tensor([[7, 8]])), true],
  "scatterAdd: index": [(index) => scatterAdd(x, 1, index, tensor([[7, 8]])), true],
  "embedding: id": [(index) => embedding(tensor([[1], [2], [3]]), index), false],
  "oneHot: id": [(index) => oneHot(index, 3), false],
  "maxUnpool1d: index": [
    (index) => maxUnpool1d(tensor([[[7, 8]]]), index.unsqueeze(0), 2, { stride: 1 }),
    false,
  ],
};

describe.each(KINDS)("%s", (_, options) => {
  beforeEach(() => configure(options));
  afterEach(() => configure({}));

  describe.each(Object.entries(uses))("%s", (what, [use, fromEnd]) => {
    const inside = [0, 2, ...(fromEnd ? [-1, -3] : [])];
    const outside = fromEnd ? [3, -4, 1000] : [3, -1, -1000];
    const message = (value: number) => `${what} ${value} is outside ${fromEnd ? -3 : 0}..2`;
    const ways: Readonly<Record<string, (index: Tensor) => Tensor>> = {
      "an index that is given": use,
      "one that is computed": (index) => use(index.add(1).sub(1)),
      "one that is given to a compiled function": compile(use),
      "one that a compiled function computes": compile((index: Tensor) => use(index.add(1).sub(1))),
      "one of int64": (index) => use(index.astype("int64")),
    };
    test.each(Object.entries(ways))("%s", async (_, way) => {
      for (const value of inside) await way(row(1, value)).data();
      for (const value of outside) await expect(way(row(1, value)).data()).rejects.toThrow(message(value));
      // Nothing is left behind by a failure.
      await way(row(1, 0)).data();
    });
  });

  test("a step whose index is outside changes nothing", async () => {
    const table = parameter(tensor([[1], [2], [3]]));
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    for (const change of [(index: Tensor) => index, (index: Tensor) => index.add(0)]) {
      const step = compile(
        (index: Tensor) => {
          const loss = embedding(table, change(index)).sum();
          table.assign(table.add(1));
          return loss;
        },
        { name: "the step" },
      );
      await step(row(0, 1)).item();
      const before = [...(await table.data())].map(Number);
      for (const [index, wrong] of [
        [row(0, -1), -1],
        [row(7, 0), 7],
      ] as const) {
        await expect(step(index).item()).rejects.toThrow(`embedding: id ${wrong} is outside 0..2`);
        expect([...(await table.data())]).toEqual(before);
      }
      await step(row(0, 1)).item();
      expect([...(await table.data())]).toEqual(before.map((v) => v + 1));
    }
    expect(warn.mock.calls[0]?.[0]).toContain(
      "the step failed and its variables keep their values: embedding: id",
    );
    warn.mockRestore();
  });

  test("gradients go through indices that were checked", async () => {
    const slope = grad((w: Tensor) => take(w, row(2, -1, 0)).sum());
    expect(await slope(tensor([1, 2, 3])).tolist()).toEqual([1, 0, 2]);
    const wrong = grad((w: Tensor) => take(w, row(5).add(0)).sum());
    await expect(wrong(tensor([1, 2, 3])).data()).rejects.toThrow("take: index 5 is outside -3..2");
  });

  test("a failure is its own: other results of the same read are there", async () => {
    const fine = tensor([1]).add(1);
    await expect(evaluate(fine, take(x, row(9)))).rejects.toThrow("take: index 9");
    expect(await fine.item()).toBe(2);
  });
});

test("an ignored number is let through, and frozen indices are checked too", async () => {
  const index = (values: number[]) => checkedIndex(row(...values), 3, { what: "label", ignore: -7 });
  expect(await index([-7, 2]).notEqual(-7).tolist()).toEqual([[false, true]]);
  await expect(index([-7, -8]).data()).rejects.toThrow("label -8 is outside 0..2");
  const computed = checkedIndex(row(-7, 4, 2).sub(1), 3, { ignore: -8 });
  await expect(computed.data()).rejects.toThrow("index 3 is outside 0..2");
  await checkedIndex(row(-7, 3, 2).sub(1), 3, { ignore: -8 }).data();

  const table = parameter(row(0, 3));
  const frozen = compile(() => take(x, table, 1), { freeze: true });
  await expect(frozen().data()).rejects.toThrow("take: index 3 is outside -3..2");
  table.assign(row(0, 1));
  expect(await frozen().tolist()).toEqual([[[1, 2]], [[4, 5]]]);
});

test("an empty index is inside any axis; nothing is inside an empty one", async () => {
  const none = tensor(new Int32Array(0));
  expect(await take(x, none, 1).tolist()).toEqual([[], []]);
  expect(await take(x, none.add(0), 1).tolist()).toEqual([[], []]);
  const empty = tensor(new Float32Array(0));
  await expect(take(empty, row(0)).data()).rejects.toThrow("take: index 0 is outside an axis of no entries");
});

test("an exported file has the results alone", async () => {
  const picking = compile((index: Tensor) => take(x, index.add(0), 1));
  const { model } = await exportOnnx(picking, [row(0, 1)]);
  const backend = await openBackend("document" in globalThis ? { device: "wasm" } : {});
  const outputs = [{ name: "output0", dtype: "float32", shape: [2, 1, 2] }] as const;
  const session = await backend.load(model, { inputs: ["input0"], outputs });
  const [picked] = await session.run([backend.upload(Int32Array.of(2, -1), "int32", [1, 2])]);
  expect([...((await picked?.read()) ?? [])]).toEqual([3, 3, 6, 6]);
  session.release();
});
