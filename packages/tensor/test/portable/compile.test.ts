/** `compile`: when it traces, what it captures, what it returns. */
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  backend,
  type Compiled,
  compile,
  fromArray,
  guard,
  parameter,
  Tensor,
  tensor,
  valueAndGrad,
  zeros,
} from "../../src/index.ts";

/** A function that counts its traces. */
function counted<A extends readonly unknown[], R>(fn: (...args: A) => R, options = {}) {
  let traces = 0;
  const run = compile((...args: A) => {
    traces++;
    return fn(...args);
  }, options);
  return { run, traces: () => traces };
}

const list = async (x: Tensor) => await x.tolist();

afterEach(() => {
  vi.restoreAllMocks();
});

describe("one trace and one session per structure, shape and type", () => {
  test("equal signatures share a trace, others do not", async () => {
    const load = vi.spyOn(await backend(), "load");
    const { run, traces } = counted((x: Tensor) => x.mul(2));
    expect(await list(run(tensor([1, 2])))).toEqual([2, 4]);
    expect(await list(run(tensor([3, 5])))).toEqual([6, 10]);
    expect([traces(), load.mock.calls.length]).toEqual([1, 1]);
    expect(await list(run(tensor([1, 2, 3])))).toEqual([2, 4, 6]);
    expect(await list(run(tensor([[1, 2]])))).toEqual([[2, 4]]);
    expect(await list(run(tensor([1, 2], { dtype: "int32" })))).toEqual([2, 4]);
    expect([traces(), load.mock.calls.length]).toEqual([4, 4]);
    expect(await list(run(tensor([7, 8])))).toEqual([14, 16]);
    expect([traces(), load.mock.calls.length]).toEqual([4, 4]);
  });

  test("what is not a tensor is a constant of the trace", async () => {
    const { run, traces } = counted((x: Tensor, options: { by: number; how?: string }) =>
      options.how === "add" ? x.add(options.by) : x.mul(options.by),
    );
    const x = tensor([1, 2]);
    expect(await list(run(x, { by: 3 }))).toEqual([3, 6]);
    expect(await list(run(x, { by: 3 }))).toEqual([3, 6]);
    expect(traces()).toBe(1);
    expect(await list(run(x, { by: 3, how: "add" }))).toEqual([4, 5]);
    expect(await list(run(x, { by: -0 }))).toEqual([-0, -0]);
    expect(await list(run(x, { by: 0 }))).toEqual([0, 0]);
    expect(traces()).toBe(4);
  });

  test("constants that print alike are distinguished", async () => {
    const seen: unknown[] = [];
    const run = compile((x: Tensor, value: unknown) => {
      seen.push(value);
      return x;
    });
    const x = tensor([1]);
    const kinds: unknown[] = [
      1,
      "1",
      1n,
      true,
      "true",
      null,
      undefined,
      "undefined",
      [1],
      [[1]],
      { a: 1 },
      { b: 1 },
      new Map<unknown, unknown>([[1, 2]]),
      new Map<unknown, unknown>([["1", 2]]),
      new Map<unknown, unknown>([["a:1}", 2]]),
      Number.NaN,
      () => 1,
      () => 1,
      new Date(0),
    ];
    for (const kind of [...kinds, ...kinds]) await run(x, kind).data();
    expect(seen).toEqual(kinds);
  });

  test("structures of tensors are distinguished", async () => {
    const { run, traces } = counted((tree: unknown) =>
      Array.isArray(tree) ? (tree[0] as Tensor) : (tree as { a: Tensor }).a,
    );
    const [a, b] = [tensor([1]), tensor([2])];
    expect(await list(run([a, b]))).toEqual([1]);
    expect(await list(run([b, a]))).toEqual([2]);
    expect(traces()).toBe(1);
    expect(await list(run([[a], b].flat()))).toEqual([1]);
    expect(traces()).toBe(1);
    expect(await list(run({ a, b }))).toEqual([1]);
    expect(await list(run({ b, a }))).toEqual([1]); // another order of the leaves
    expect(traces()).toBe(3);
  });

  test("a guard retraces when its value changes, and reuses the old trace when it changes back", async () => {
    let mode = "double";
    const { run, traces } = counted((x: Tensor) => (guard(() => mode) === "double" ? x.mul(2) : x.neg()));
    const x = tensor([1]);
    expect(await list(run(x))).toEqual([2]);
    mode = "negate";
    expect(await list(run(x))).toEqual([-1]);
    mode = "double";
    expect(await list(run(x))).toEqual([2]);
    expect(traces()).toBe(2);
  });

  test("a guard inside a differentiated function works too", async () => {
    const w = parameter(tensor([3]));
    let sign = 1;
    const { run, traces } = counted((x: Tensor) => {
      return valueAndGrad({ w }, () =>
        w
          .mul(x)
          .sum()
          .mul(guard(() => sign)),
      ).grads.get("w") as Tensor;
    });
    expect(await list(run(tensor([5])))).toEqual([5]);
    sign = -1;
    expect(await list(run(tensor([5])))).toEqual([-5]);
    expect(traces()).toBe(2);
  });

  test("release frees the sessions after the runs in flight; the next call retraces", async () => {
    const { run, traces } = counted((x: Tensor) => x.add(1));
    const under = run(tensor([1]));
    run.release();
    expect(await list(under)).toEqual([2]);
    expect(await list(run(tensor([2])))).toEqual([3]);
    expect(traces()).toBe(2);
  });

  test("more shapes than are cached, without awaiting: every result arrives", async () => {
    const { run } = counted((x: Tensor) => x.add(1).sum());
    const sums = Array.from({ length: 100 }, (_, i) => run(fromArray(new Float32Array(i + 1), [i + 1])));
    expect(await Promise.all(sums.map((sum) => sum.item()))).toEqual(sums.map((_, i) => i + 1));
  });
});

describe("captured values", () => {
  test("tensors are captured with their values", async () => {
    const table = tensor([10, 20, 30]);
    const run = compile((x: Tensor) => x.add(table));
    expect(await list(run(tensor([1, 2, 3])))).toEqual([11, 22, 33]);
    expect(await list(run(tensor([0, 0, 0])))).toEqual([10, 20, 30]);
  });

  test("an uncomputed tensor is computed once, not in every call", async () => {
    const pending = tensor([1, 2]).mul(3).add(1); // [4, 7]
    const run = compile((x: Tensor) => x.add(pending));
    expect(await list(run(tensor([0, 0])))).toEqual([4, 7]);
    const { plan } = run.trace(tensor([0, 0]));
    expect(plan.graph.steps.map(({ node }) => node.operator.name)).toEqual(["add"]);
  });

  test("captured variables are read at each call", async () => {
    const w = parameter(tensor([2]));
    const { run, traces } = counted((x: Tensor) => x.mul(w));
    expect(await list(run(tensor([3])))).toEqual([6]);
    w.assign(tensor([5]));
    expect(await list(run(tensor([3])))).toEqual([15]);
    w.assign(w.mul(2)); // pending
    expect(await list(run(tensor([3])))).toEqual([30]);
    expect(traces()).toBe(1);
  });

  test("a pending argument and a pending variable are computed with the call", async () => {
    const w = parameter(zeros([2]).add(1));
    const run = compile((x: Tensor) => x.mul(w));
    expect(await list(run(tensor([3, 4]).neg()))).toEqual([-3, -4]);
  });

  test("a variable created inside starts at its initial value and persists", async () => {
    const kept: { count?: ReturnType<typeof parameter> } = {};
    const run = compile((x: Tensor) => {
      kept.count ??= parameter(zeros([1]).add(10));
      kept.count.assign(kept.count.add(x));
      return kept.count;
    });
    expect(await list(run(tensor([1])))).toEqual([11]);
    expect(await list(run(tensor([2])))).toEqual([13]);
    expect(await list(kept.count as Tensor)).toEqual([13]);
  });

  test("a variable initialised from an argument is an error, and affects nothing else", async () => {
    const w = parameter(tensor([1]));
    w.assign(w.add(1));
    const run = compile((x: Tensor) => parameter(x.mul(2)));
    expect(() => run(tensor([1]))).toThrow(/initial value depends on inputs of the function/);
    expect(await list(w)).toEqual([2]);
  });

  test("using an argument that leaked out of its function is an error that names it", async () => {
    let leaked: Tensor | undefined;
    const run = compile((x: Tensor) => {
      leaked = x.mul(2);
      return leaked;
    });
    expect(await list(run(tensor([1])))).toEqual([2]);
    await expect((leaked as Tensor).data()).rejects.toThrow(
      /argument 0 \[1\] is an input of a function being compiled/,
    );
    const other = compile(() => (leaked as Tensor).add(1), { name: "other" });
    expect(() => other()).toThrow(/^other: argument 0 \[1\] is an input of a function/);
    const another = compile(() => new Tensor((leaked as Tensor).inputOf(0).value), { name: "another" });
    expect(() => another()).toThrow(/^another: argument 0 \[1\] is an input of another function/);
  });

  test("a compiled function inside another is inlined", async () => {
    const inner = counted((x: Tensor) => x.mul(2));
    const outer = counted((x: Tensor) => inner.run(inner.run(x)).add(1));
    expect(await list(outer.run(tensor([1])))).toEqual([5]);
    expect(await list(outer.run(tensor([2])))).toEqual([9]);
    expect([inner.traces(), outer.traces()]).toEqual([2, 1]);
  });
});

describe("results", () => {
  test("any tree: records, arrays, maps, constants among tensors", async () => {
    const run = compile((x: Tensor) => ({
      list: [x, x.add(1)],
      map: new Map<string, unknown>([
        ["a", x.mul(2)],
        ["b", { c: x.neg() }],
      ]),
      text: "kept",
      nothing: null,
    }));
    for (const start of [1, 5]) {
      const result = run(tensor([start]));
      expect(await list(result.list[0] as Tensor)).toEqual([start]);
      expect(await list(result.list[1] as Tensor)).toEqual([start + 1]);
      expect([...result.map.keys()]).toEqual(["a", "b"]);
      expect(await list(result.map.get("a") as Tensor)).toEqual([start * 2]);
      expect(await list((result.map.get("b") as { c: Tensor }).c)).toEqual([-start]);
      expect([result.text, result.nothing]).toEqual(["kept", null]);
    }
  });

  test("an argument, a tensor returned twice, a captured tensor, a constant, a variable", async () => {
    const captured = tensor([7, 8]);
    const w = parameter(tensor([5]));
    const run = compile((x: Tensor) => {
      const y = x.mul(2);
      return [x, x, y, y, captured, zeros([2]), w];
    });
    const results = run(tensor([1, 2]));
    expect(await Promise.all(results.map(list))).toEqual([
      [1, 2],
      [1, 2],
      [2, 4],
      [2, 4],
      [7, 8],
      [0, 0],
      [5],
    ]);
    w.assign(tensor([6]));
    expect(await list(results[6] as Tensor)).toEqual([5]);
  });

  test("nothing at all", async () => {
    const run = compile(() => {});
    expect(run()).toBeUndefined();
    const w = parameter(tensor([1]));
    const step = compile(() => {
      w.assign(w.add(1));
    });
    step();
    step();
    expect(await list(w)).toEqual([3]);
  });

  test("an async function is rejected, whatever it awaits", async () => {
    const run = compile(async (x: Tensor) => (await x.data()).length, { name: "wrong" });
    expect(() => run(tensor([1]))).toThrow(/wrong is async/);
    await new Promise((resolve) => setTimeout(resolve, 10)); // an unhandled rejection would fail the file
  });
});

describe("freeze", () => {
  const frozen = (fn: () => Tensor): Compiled<[], Tensor> => compile(fn, { freeze: true });

  test("variables become constants of the session, which is rebuilt when they change", async () => {
    const load = vi.spyOn(await backend(), "load");
    const w = parameter(tensor([2]));
    const run = frozen(() => w.mul(3));
    expect(await list(run())).toEqual([6]);
    expect(await list(run())).toEqual([6]);
    expect(load).toHaveBeenCalledTimes(1);
    expect([...(load.mock.calls[0]?.[1].weights?.keys() ?? [])]).toHaveLength(1);
    expect(load.mock.calls[0]?.[1].inputs).toEqual([]);
    w.assign(tensor([5]));
    expect(await list(run())).toEqual([15]);
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("a frozen run after a training step sees the new values", async () => {
    const w = parameter(tensor([1, 1]));
    const step = compile(() => {
      w.assign(w.mul(2));
    });
    const run = frozen(() => w.add(0.5));
    const seen: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const before = run();
      step();
      step();
      seen.push(await list(before), await list(run()));
    }
    expect(seen).toEqual([0, 2, 2, 4, 4, 6, 6, 8].map((k) => [2 ** k + 0.5, 2 ** k + 0.5]));
  });

  test("variables that the function assigns stay inputs", async () => {
    const [w, count] = [parameter(tensor([2])), parameter(tensor([0]))];
    const run = frozen(() => {
      count.assign(count.add(1));
      return w.mul(count);
    });
    expect([await list(run()), await list(run()), await list(run())]).toEqual([[2], [4], [6]]);
  });
});

describe("prepare", () => {
  for (const freeze of [false, true])
    test(`loads the session that the first call uses, ${freeze ? "with" : "without"} constants`, async () => {
      const load = vi.spyOn(await backend(), "load");
      const w = parameter(tensor([1, 2]).mul(3)); // not computed yet
      const run = compile((x: Tensor) => x.mul(w), { freeze });
      await run.prepare(zeros([2]));
      // There may be another for the parameter.
      const made = load.mock.calls.length;
      expect(made).toBeGreaterThan(0);
      expect(await list(run(fromArray(Float32Array.of(1, 10), [2])))).toEqual([3, 60]);
      expect(load).toHaveBeenCalledTimes(made);
    });

  test("a concurrent call waits for the same session", async () => {
    const load = vi.spyOn(await backend(), "load");
    const run = compile((x: Tensor) => x.add(1));
    const [, sum] = await Promise.all([
      run.prepare(zeros([1])),
      list(run(fromArray(Float32Array.of(2), [1]))),
    ]);
    expect(sum).toEqual([3]);
    expect(load).toHaveBeenCalledTimes(1);
  });

  test("a function that computes nothing needs no session", async () => {
    await expect(compile(() => {}).prepare()).resolves.toBeUndefined();
  });

  test("rejects on failure, and the next call retries", async () => {
    const load = vi.spyOn(await backend(), "load").mockRejectedValueOnce(new Error("no memory"));
    const run = compile((x: Tensor) => x.add(1));
    await expect(run.prepare(zeros([1]))).rejects.toThrow("no memory");
    expect(await list(run(fromArray(Float32Array.of(2), [1])))).toEqual([3]);
    expect(load).toHaveBeenCalledTimes(2);
  });
});
