/** Tensors outside `compile`: when they are computed, and what is shared. */
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  backend,
  buffer,
  compile,
  evaluate,
  full,
  manualSeed,
  nextKey,
  normal,
  parameter,
  scatter,
  Tensor,
  tensor,
  topK,
  zeros,
} from "../../src/index.ts";

const list = async (x: Tensor) => await x.tolist();
const spies = async () => {
  const on = await backend();
  return vi.spyOn(on, "load");
};

afterEach(() => {
  vi.restoreAllMocks();
});

test("a tensor is computed when read, and only once", async () => {
  const load = await spies();
  const y = tensor([1, 2]).mul(3).sub(1);
  expect(load).not.toHaveBeenCalled();
  expect(await list(y)).toEqual([2, 5]);
  expect(await list(y)).toEqual([2, 5]);
  expect(load).toHaveBeenCalledTimes(1);
  // Dependent tensors start from its array.
  expect(await list(y.add(1))).toEqual([3, 6]);
  expect(y.value.node).toBeUndefined();
});

test("graphs that differ only in scalars or in the order of their tensors share a session", async () => {
  const load = await spies();
  const [a, b] = [tensor([1, 2, 3]), tensor([10, 20, 30])];
  const results: unknown[] = [];
  for (const factor of [2, -1, 0.5, Number.NaN]) results.push(await list(a.mul(factor).sub(b.mul(factor))));
  results.push(await list(b.mul(2).sub(a.mul(2))));
  expect(load).toHaveBeenCalledTimes(1);
  expect(results).toEqual([
    [-18, -36, -54],
    [9, 18, 27],
    [-4.5, -9, -13.5],
    [Number.NaN, Number.NaN, Number.NaN],
    [18, 36, 54],
  ]);
  // The same tensor on both sides makes a different graph.
  expect(await list(a.mul(2).sub(a.mul(2)))).toEqual([0, 0, 0]);
  expect(load).toHaveBeenCalledTimes(2);
});

test("evaluate computes its arguments and all pending variables in one graph", async () => {
  const load = await spies();
  const [w, count] = [parameter(tensor([1, 2])), buffer(tensor([0]))];
  w.assign(w.mul(2));
  count.assign(count.add(1));
  const [x, y] = [w.add(1), w.sub(1)];
  await evaluate(x, y, x);
  expect(load).toHaveBeenCalledTimes(1);
  expect([x, y, w, count].every((t) => t.value.stored !== undefined)).toBe(true);
  expect([await list(x), await list(y), await list(w), await list(count)]).toEqual([
    [3, 5],
    [1, 3],
    [2, 4],
    [1],
  ]);
  expect(load).toHaveBeenCalledTimes(1);
});

test("equal subgraphs are computed once, in whatever order they were built", () => {
  const x = tensor([1, 2]);
  const build = () => x.exp().add(x.mul(2)).stopGradient().sub(1);
  const { graph } = compile(() => [build(), build(), x.mul(2).stopGradient().exp()]).trace().plan;
  expect(graph.steps.map(({ node }) => node.operator.name).sort()).toEqual(
    ["add", "constant", "constant", "exp", "exp", "mul", "sub"].sort(),
  );
});

test("mixed results: several outputs of one operator, aliases, leaves", async () => {
  const x = tensor([3, 1, 2]);
  const { values, indices } = topK(x, 2);
  const stopped = values.stopGradient();
  await evaluate(values, stopped, indices, x);
  expect([await list(values), await list(stopped), await list(indices)]).toEqual([
    [3, 2],
    [3, 2],
    [0, 2],
  ]);
});

test("scalars of every type keep their values as inputs", async () => {
  const values = [
    tensor(2.5, { dtype: "float32" }),
    tensor(2.5, { dtype: "float16" }),
    tensor(-3, { dtype: "int32" }),
    tensor(-3, { dtype: "int64" }),
    tensor(200, { dtype: "uint8" }),
    tensor(true),
  ];
  expect(await Promise.all(values.map(list))).toEqual([2.5, 2.5, -3, -3, 200, true]);
  const made = [zeros([]).add(2), zeros([], "int64").add(-7), zeros([], "bool"), zeros([], "uint8").add(300)];
  expect(await Promise.all(made.map(list))).toEqual([2, -7, false, 300]);
  // A fraction is truncated to an integer; as bool, a number is "not zero".
  expect(
    await Promise.all([full([], 2.7, "int64"), full([], -2.7, "int32"), full([], 5, "bool")].map(list)),
  ).toEqual([2, -2, true]);
  expect(await full([], 5, "bool").data()).toEqual(new Uint8Array([1]));
});

test("a failing graph rejects only for its readers", async () => {
  const bad = scatter(zeros([3]), 0, tensor(new Int32Array([7])), tensor([1]));
  await expect(list(bad)).rejects.toThrow(/7|bound|range/);
  await expect(list(bad.add(1))).rejects.toThrow(/7|bound|range/);
  await expect(evaluate(tensor([1]).add(1), bad)).rejects.toThrow();
  expect(await list(tensor([1]).add(1))).toEqual([2]);
});

describe("warnings", () => {
  test("warns once of a pending graph that grows without bound, and says where", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    let x = zeros([1]);
    for (let i = 0; i < 25_000; i++) x = x.add(1);
    for (let i = 0; i < 25_000; i++) x = x.add(1);
    const texts = warn.mock.calls.map(([text]) => text as string);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/pending graph is \d+ operators deep .*add, .*eager\.test/);
  });

  test("a long chain is still computed", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    let x = zeros([1]);
    for (let i = 0; i < 3000; i++) x = x.add(1);
    expect(await x.item()).toBe(3000);
    let y = x;
    for (let i = 0; i < 300; i++) {
      y = y.add(1);
      await y.item(); // each step starts from the last
      expect(y.value.depth).toBe(0);
    }
    expect(await y.item()).toBe(3300);
  });
});

test("keys drawn one by one and the initial values made from them form one graph", async () => {
  const load = await spies();
  manualSeed(1);
  const weights = Array.from({ length: 20 }, () => parameter(normal(nextKey(), [4])));
  const first = await Promise.all(weights.map(list));
  expect(load).toHaveBeenCalledTimes(1);
  manualSeed(1);
  const again = Array.from({ length: 20 }, () => parameter(normal(nextKey(), [4])));
  expect(await Promise.all(again.map(list))).toEqual(first);
  expect(new Set(first.map(String)).size).toBe(20);
  expect(new Tensor((weights[0] as Tensor).value).shape).toEqual([4]);
});
