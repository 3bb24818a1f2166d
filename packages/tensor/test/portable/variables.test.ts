/** Variables: when they are read, how steps change them, and their state after a failure. */
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  buffer,
  compile,
  embedding,
  evaluate,
  normal,
  parameter,
  randomKey,
  Tensor,
  tensor,
  Variable,
  zeros,
} from "../../src/index.ts";

const list = async (x: Tensor) => await x.tolist();

afterEach(() => {
  vi.restoreAllMocks();
});

/** Large enough that no host copy is kept. */
const large = (value: number) => new Float32Array(1000).fill(value);
const firstOf = async (x: Tensor) => (await x.data())[0];

describe("assignment", () => {
  test("takes tensors and host values, keeps shape and type, counts versions", async () => {
    const w = parameter(tensor([1, 2]));
    w.assign(new Float32Array([3, 4]));
    expect(await list(w)).toEqual([3, 4]);
    w.assign(tensor(new Int32Array([5, 6])));
    expect([await list(w), w.dtype]).toEqual([[5, 6], "float32"]);
    w.assign(new Int32Array([7, 8]));
    expect([await list(w), w.dtype]).toEqual([[7, 8], "float32"]);
    const half = parameter(tensor([1, 2], { dtype: "float16" }));
    half.assign(new Float32Array([1.5, 2.5]));
    expect([await list(half), half.dtype]).toEqual([[1.5, 2.5], "float16"]);
    const mask = buffer(tensor([true, false]));
    mask.assign(new Uint8Array([0, 1]));
    expect(await list(mask)).toEqual([false, true]);
    expect(w.version).toBe(3);
  });

  test("a wrong shape is an error that names the variable", () => {
    const w = new Variable(zeros([2, 3]), { name: "blocks.0.weight" });
    expect(() => w.assign(zeros([3, 2]))).toThrow("blocks.0.weight: expected [2, 3], got [3, 2]");
    expect(() => w.assign(new Float32Array(5))).toThrow("blocks.0.weight: expected [2, 3], got [5]");
    expect(() => buffer(zeros([2])).assign(zeros([]))).toThrow("variable: expected [2], got []");
  });

  test("a chain of pending assignments is computed as one graph, at the next read of anything", async () => {
    const [a, b] = [parameter(tensor([1])), parameter(tensor([10]))];
    for (let i = 0; i < 5; i++) {
      a.assign(a.add(b));
      b.assign(b.add(1));
    }
    expect(await list(zeros([1]).add(0))).toEqual([0]);
    expect([a.peekValue().stored !== undefined, b.peekValue().stored !== undefined]).toEqual([true, true]);
    expect([await list(a), await list(b)]).toEqual([[61], [15]]);
  });

  test("two assignments in one step: the second sees the first and wins", async () => {
    const w = parameter(tensor([1]));
    const step = compile(() => {
      w.assign(w.add(1));
      const middle = new Tensor(w.value);
      w.assign(w.mul(10));
      return middle;
    });
    expect([await list(step()), await list(w)]).toEqual([[2], [20]]);
    expect([await list(step()), await list(w)]).toEqual([[21], [210]]);
  });

  test("two variables are swapped", async () => {
    const [a, b] = [parameter(tensor(large(1))), parameter(tensor(large(2)))];
    const swap = compile(() => {
      const held = new Tensor(a.value);
      a.assign(b);
      b.assign(held);
    });
    const follow = compile(() => {
      a.assign(b);
      b.assign(a); // the new value of a
    });
    for (let i = 0; i < 5; i++) swap();
    expect([await firstOf(a), await firstOf(b)]).toEqual([2, 1]);
    follow();
    expect([await firstOf(a), await firstOf(b)]).toEqual([1, 1]);
  });
});

describe("an array that is still referenced keeps its values during later steps", () => {
  const setUp = () => {
    const w = parameter(tensor(large(0)));
    const step = compile(() => {
      w.assign(w.add(1));
    });
    return { w, step };
  };

  test("arrays that were read", async () => {
    const { w, step } = setUp();
    const held: [number, ArrayLike<number | bigint>][] = [];
    for (let i = 0; i < 6; i++) {
      held.push([i, await w.data()]);
      step();
      if (i % 2 === 0) await w.data();
    }
    for (const [value, data] of held) expect([data[0], data[999]]).toEqual([value, value]);
  });

  test("tensors derived from the variable, computed or not", async () => {
    const { w, step } = setUp();
    step();
    const lazy = w.add(0.5);
    const same = new Tensor(w.value);
    const other = parameter(zeros([1000]));
    other.assign(w);
    for (let i = 0; i < 5; i++) step();
    expect(await firstOf(lazy)).toBe(1.5);
    expect(await firstOf(same)).toBe(1);
    expect(await firstOf(other)).toBe(1);
    expect(await firstOf(w)).toBe(6);
  });

  test("a running mean, inside and outside steps", async () => {
    const { w, step } = setUp();
    const mean = parameter(zeros([1000]));
    const average = compile(() => {
      mean.assign(mean.add(w).mul(0.5));
    });
    const copy = compile(() => {
      mean.assign(w);
    });
    step();
    copy();
    step();
    step();
    expect([await firstOf(mean), await firstOf(w)]).toEqual([1, 3]);
    average();
    step();
    expect(await firstOf(mean)).toBe(2);
    mean.assign(w);
    step();
    step();
    expect([await firstOf(mean), await firstOf(w)]).toEqual([4, 6]);
  });

  test("results of a step that are the variable itself", async () => {
    const w = parameter(tensor(large(0)));
    const step = compile(() => {
      const before = new Tensor(w.value);
      w.assign(w.add(1));
      return [before, new Tensor(w.value)] as const;
    });
    const results = Array.from({ length: 6 }, () => step());
    for (const [i, [before, after]] of results.entries())
      expect([await firstOf(before), await firstOf(after)]).toEqual([i, i + 1]);
  });

  test("a run that is overtaken by steps while it waits for its session", async () => {
    const { w, step } = setUp();
    for (let i = 0; i < 3; i++) step();
    await w.data();
    const read = compile((x: Tensor) => w.add(x).mean());
    const means = Array.from({ length: 10 }, (_, i) => {
      const mean = read(zeros([i + 1, 1000]));
      step();
      step();
      step();
      return mean;
    });
    expect(await Promise.all(means.map((mean) => mean.item()))).toEqual(means.map((_, i) => 3 + 3 * i));
  });
});

describe("failures", () => {
  test("an error inside the function changes nothing", async () => {
    const w = parameter(tensor([1]));
    let broken = true;
    const step = compile((x: Tensor) => {
      w.assign(w.add(x));
      if (broken) throw new Error("half way");
      return w;
    });
    expect(() => step(tensor([1]))).toThrow("half way");
    expect([await list(w), w.version]).toEqual([[1], 0]);
    broken = false;
    expect(await list(step(tensor([1])))).toEqual([2]);
    expect(await list(w.add(1))).toEqual([3]);
  });

  /** A step that fails at run time for an id out of range. */
  const lookUp = () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const table = parameter(tensor(Array.from({ length: 1000 }, (_, i) => [i])));
    const step = compile(
      (ids: Tensor) => {
        const rows = embedding(table, ids);
        table.assign(table.add(1));
        return rows.sum();
      },
      { name: "step" },
    );
    return { warn, table, step };
  };
  const ids = (...values: number[]) => tensor(new Int32Array(values));

  test("a failed run rejects for its readers, warns once, and leaves the variables unchanged", async () => {
    const { warn, table, step } = lookUp();
    expect(await step(ids(1, 2)).item()).toBe(3);
    const failed = step(ids(5000));
    await expect(failed.item()).rejects.toThrow(/5000/);
    await expect(failed.data()).rejects.toThrow(/5000/);
    expect(await firstOf(table)).toBe(1);
    expect(await step(ids(1, 2)).item()).toBe(5);
    expect(await firstOf(table)).toBe(2);
    expect(warn.mock.calls).toHaveLength(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/step failed and its variables keep their values/);
  });

  test("runs queued behind a failed one fail too, and the variables revert to before all of them", async () => {
    const { warn, table, step } = lookUp();
    await step(ids(0)).item();
    await step(ids(0)).item();
    const results = [step(ids(5000)), step(ids(1)), step(ids(1))];
    const outside = table.mul(2);
    for (const result of results) await expect(result.item()).rejects.toThrow(/5000/);
    await expect(outside.data()).rejects.toThrow(/5000/);
    expect(await firstOf(table)).toBe(2);
    expect(await step(ids(1)).item()).toBe(3);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test("an unread failure is reported and does not crash the process", async () => {
    const { warn, table, step } = lookUp();
    step(ids(5000));
    await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(1));
    expect(await firstOf(table)).toBe(0);
  });

  test("a failure loses no other value of the same graph", async () => {
    const [drawn, counted] = [parameter(normal(randomKey(1), [3, 2])), parameter(zeros([1]))];
    counted.assign(counted.add(1));
    const wrong = embedding(drawn, ids(7));
    const doubled = drawn.mul(2);
    const step = compile(() => doubled.sum());
    const several = evaluate(wrong, doubled);
    const late = step();
    await expect(several).rejects.toThrow(/7/);
    await expect(late.item()).rejects.toThrow(/7/);
    const sum = await drawn.sum().item();
    expect(await list(counted)).toEqual([1]);
    expect(await doubled.sum().item()).toBeCloseTo(2 * sum, 5);
    expect(await step().item()).toBeCloseTo(2 * sum, 5);
    expect(await list(embedding(drawn, ids(1)))).toHaveLength(1);
    await expect(wrong.data()).rejects.toThrow(/7/);
  });

  test("a variable that cannot be computed does not affect the others", async () => {
    let leaked: Tensor = zeros([1]);
    compile((x: Tensor) => {
      leaked = x.add(1);
      return leaked;
    })(zeros([1]));
    const [good, bad] = [parameter(zeros([1])), parameter(zeros([1]))];
    bad.assign(leaked);
    good.assign(good.add(1));
    await evaluate(zeros([3]).add(1));
    expect(await list(good)).toEqual([1]);
    await expect(bad.data()).rejects.toThrow(/input of a function being compiled/);
    const step = compile(() => bad.add(good));
    expect(() => step()).toThrow(/input of a function being compiled/);
    bad.assign(zeros([1]));
    expect(await list(step())).toEqual([1]);
  });
});
