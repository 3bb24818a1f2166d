/** Gradients: what they are taken of, and what stops or replaces them. */
import { describe, expect, test } from "vitest";
import {
  buffer,
  checkpoint,
  compile,
  customGradient,
  dropout,
  embedding,
  grad,
  manualSeed,
  parameter,
  stopGradient,
  Tensor,
  tensor,
  valueAndGrad,
  where,
  zeros,
} from "../../src/index.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { uniform } from "../support/uniform.ts";

const list = async (x: Tensor) => await x.tolist();
const random = (name: string, ...shape: number[]) =>
  Tensor.fromArray(
    new Float32Array(
      uniform(
        name,
        shape.reduce((a, b) => a * b, 1),
      ),
    ),
    shape,
  );
/** Gradients by name. */
const read = async (grads: ReadonlyMap<string, Tensor>) =>
  Object.fromEntries(
    await Promise.all([...grads].map(async ([name, g]) => [name, await g.tolist()] as const)),
  );

describe("grad", () => {
  test("of one argument, of several, and of a tensor passed twice", async () => {
    const fn = (x: Tensor, y: Tensor) => x.mul(y).mul(y).sum();
    const x = tensor([2, 3]);
    expect(await list(grad(fn)(x, tensor([5, 7])))).toEqual([25, 49]);
    expect(await list(grad(fn, 1)(x, tensor([5, 7])))).toEqual([20, 42]);
    const [dx, dy] = grad(fn, [0, 1])(x, x) as [Tensor, Tensor];
    expect([await list(dx), await list(dy)]).toEqual([
      [4, 9],
      [8, 18],
    ]);
  });

  test("of second and third order, and inside compiled functions", async () => {
    const cube = (x: Tensor) => x.pow(3).sum();
    const first = grad(cube);
    const second = grad((x: Tensor) => first(x).sum());
    const third = grad((x: Tensor) => second(x).sum());
    const x = tensor([2, -3]);
    expect([await list(first(x)), await list(second(x)), await list(third(x))]).toEqual([
      [12, 27],
      [12, -18],
      [6, 6],
    ]);
    expect(await list(compile(third)(x))).toEqual([6, 6]);
  });

  test("of a compiled function, which is inlined into the graph", async () => {
    const loss = compile((x: Tensor) => x.square().sum());
    expect(await list(grad(loss)(tensor([3, 4])))).toEqual([6, 8]);
    const w = parameter(tensor([5]));
    const scaled = compile((x: Tensor) => w.mul(x).sum());
    const { value, grads } = valueAndGrad({ w }, () => scaled(tensor([3])));
    expect([await value.item(), await read(grads)]).toEqual([15, { w: [3] }]);
  });

  test("is zero if nothing depends on the argument; integers stop it", async () => {
    expect(await list(grad((_: Tensor, y: Tensor) => y.sum())(tensor([1, 2]), tensor([3])))).toEqual([0, 0]);
    expect(await list(grad((x: Tensor) => x.astype("int32").astype("float32").sum())(tensor([1.5])))).toEqual(
      [0],
    );
    expect(await list(grad((x: Tensor) => x.greater(0).astype("float32").sum())(tensor([1])))).toEqual([0]);
  });

  test("a loss that is not a float scalar, or an argument that is not a tensor, is an error", () => {
    expect(() => grad((x: Tensor) => x)(tensor([1, 2]))).toThrow(
      "grad: expected a scalar float loss, got [2]",
    );
    expect(() => grad((x: Tensor) => x.sum().astype("int32"))(tensor([1]))).toThrow(/got \[\] int32/);
    expect(() => grad((n: number) => tensor(n))(1)).toThrow("grad: argument 0 is not a tensor");
    const w = parameter(zeros([2]));
    expect(() => valueAndGrad({ w }, () => w.mul(1))).toThrow(/valueAndGrad: expected a scalar float loss/);
  });
});

describe("stopGradient and customGradient", () => {
  test("stopGradient returns the value and stops the gradient", async () => {
    const fn = (x: Tensor) => x.mul(stopGradient(x)).sum();
    expect(await fn(tensor([3])).item()).toBe(9);
    expect(await list(grad(fn)(tensor([3])))).toEqual([3]);
  });

  test("a custom gradient: a straight-through estimator, an omitted input", async () => {
    const rounded = customGradient((x) => ({ value: (x as Tensor).round(), gradient: (dy) => [dy] }));
    expect(await list(grad((x: Tensor) => rounded(x).mul(3).sum())(tensor([1.4])))).toEqual([3]);
    const half = customGradient((x, y) => ({
      value: (x as Tensor).mul(y as Tensor),
      gradient: (dy) => [dy.mul(y as Tensor), undefined],
    }));
    const [dx, dy] = grad((x: Tensor, y: Tensor) => half(x, y).sum(), [0, 1])(tensor([2]), tensor([5]));
    expect([await list(dx as Tensor), await list(dy as Tensor)]).toEqual([[5], [0]]);
  });

  test("a custom gradient can be differentiated again", async () => {
    const cube = customGradient((x) => ({
      value: (x as Tensor).pow(3),
      gradient: (dy) => [(x as Tensor).square().mul(3).mul(dy)],
    }));
    const first = grad((x: Tensor) => cube(x).sum());
    expect(await list(grad((x: Tensor) => first(x).sum())(tensor([2, -3])))).toEqual([12, -18]);
  });

  test("a gradient of another shape is an error", () => {
    const wrong = customGradient((x) => ({ value: x as Tensor, gradient: (dy) => [dy.sum()] }));
    expect(() => grad((x: Tensor) => wrong(x).sum())(tensor([1, 2]))).toThrow(
      "gradient of custom: input 1 is [2], its gradient is []",
    );
  });
});

describe("valueAndGrad", () => {
  test("named variables, extra results, zeros for unused variables", async () => {
    const [w, b, unused] = [parameter(tensor([2, 3])), parameter(tensor([1])), parameter(zeros([2, 1]))];
    const { value, grads } = valueAndGrad({ w, b, unused }, () => {
      const y = w.mul(tensor([5, 7])).add(b);
      return [y.sum(), { y }] as const;
    });
    expect([await value[0].item(), await list(value[1].y)]).toEqual([33, [11, 22]]);
    expect(await read(grads)).toEqual({ w: [5, 7], b: [2], unused: [[0], [0]] });
  });

  test("variables with the same value have separate gradients", async () => {
    const start = tensor([3]);
    const [a, b] = [parameter(start), parameter(start)];
    const c = parameter(tensor([0]));
    c.assign(a);
    const compute = () => valueAndGrad({ a, b, c }, () => a.mul(a).add(b.mul(5)).add(start).sum()).grads;
    expect(await read(compute())).toEqual({ a: [6], b: [5], c: [0] });
    expect(await read(compile(compute)())).toEqual({ a: [6], b: [5], c: [0] });
  });

  test("a tensor computed from a variable beforehand is a constant", async () => {
    const w = parameter(tensor([3]));
    const earlier = w.mul(2);
    const compute = () => valueAndGrad({ w }, () => w.mul(earlier).sum()).grads;
    expect(await read(compute())).toEqual({ w: [6] });
    expect(await read(compile(compute)())).toEqual({ w: [6] });
    await earlier.data();
    expect(await read(compute())).toEqual({ w: [6] });
  });

  test("an assigned variable: the gradient flows through the new value to the old one", async () => {
    for (const wrap of [<T>(fn: () => T) => fn, <T>(fn: () => T) => compile(fn)]) {
      const [w, mean] = [parameter(tensor([3])), buffer(tensor([10]))];
      const { value, grads } = wrap(() =>
        valueAndGrad({ w }, () => {
          w.assign(w.square());
          mean.assign(mean.add(w));
          return w.mul(5).add(mean).sum();
        }),
      )();
      expect([await value.item(), await read(grads)]).toEqual([64, { w: [36] }]);
      expect([await list(w), await list(mean)]).toEqual([[9], [19]]);
    }
  });

  test("integer inputs and indices get no gradient", async () => {
    const table = parameter(tensor([[1], [2], [3]]));
    const ids = tensor(new Int32Array([2, 0, 2]));
    const { grads } = valueAndGrad({ table }, () => embedding(table, ids).sum());
    expect(await read(grads)).toEqual({ table: [[1], [0], [2]] });
    const [dx, dn] = grad((x: Tensor, n: Tensor) => x.mul(n).sum(), [0, 1])(tensor([1]), tensor([2]));
    expect([await list(dx as Tensor), await list(dn as Tensor)]).toEqual([[2], [1]]);
  });
});

describe("checkpoint", () => {
  const [w1, w2] = [parameter(random("w1", 6, 16)), parameter(random("w2", 16, 6))];
  const block = (x: Tensor) => x.matmul(w1).tanh().matmul(w2).add(x);
  const loss = (f: (x: Tensor) => Tensor) => (x: Tensor) => f(f(x)).square().mean();

  test("gives the values, gradients and second-order gradients of the plain function", async () => {
    const x = random("x", 4, 6);
    const safe = checkpoint((at) => block(at as Tensor));
    const both = [loss(block), loss(safe)].map((fn) => {
      const { value, grads } = valueAndGrad({ w1, w2 }, () => fn(x));
      return [value, ...grads.values(), grad(fn)(x)];
    });
    const [plain, again] = (await Promise.all(
      both.map((tensors) => Promise.all(tensors.map(async (t) => [...(await t.data())] as number[]))),
    )) as [number[][], number[][]];
    plain.forEach((values, i) => values.forEach((value, k) => expect(again[i]?.[k]).toBeCloseTo(value, 6)));
    await gradcheck((at) => grad(loss(safe))(at as Tensor), [x]);
  });

  test("recomputes in the graph, once per block", () => {
    const count = (f: (x: Tensor) => Tensor) => {
      const step = compile((x: Tensor) => valueAndGrad({ w1, w2 }, () => loss(f)(x)).grads);
      const { graph } = step.trace(random("x", 4, 6)).plan;
      return graph.steps.filter(({ node }) => node.operator.name === "tanh").length;
    };
    expect(count(block)).toBe(2);
    expect(count(checkpoint((x) => block(x as Tensor)))).toBe(4);
    expect(count((x) => checkpoint((at) => block(block(at as Tensor)))(x))).toBe(8);
  });

  test("a captured tensor that depends on the same input", async () => {
    const outer = (wrap: typeof checkpoint) => (x: Tensor) => {
      const squared = x.square();
      return wrap((at) => (at as Tensor).mul(squared))(x).sum(); // x³
    };
    expect(await list(grad(outer((f) => f))(tensor([2, -3])))).toEqual([12, 27]);
    expect(await list(grad(outer(checkpoint))(tensor([2, -3])))).toEqual([12, 27]);
  });

  test("redraws the same random numbers, and assigns variables only once", async () => {
    const calls = buffer(tensor([0]));
    const noisy = (x: Tensor) => {
      calls.assign(calls.add(1));
      return dropout(x, 0.5);
    };
    const x = random("x", 64).add(3);
    for (const wrap of [<T>(fn: (x: Tensor) => T) => fn, <T>(fn: (x: Tensor) => T) => compile(fn)]) {
      manualSeed(3);
      calls.assign(tensor([0]));
      const [y, dx] = wrap((at: Tensor) => {
        const scale = parameter(zeros([64]).add(1));
        const { value, grads } = valueAndGrad({ scale }, () => {
          const out = checkpoint((t) => noisy(t as Tensor))(at.mul(scale));
          calls.assign(calls.add(10));
          return [out.sum(), out] as const;
        });
        return [value[1], grads.get("scale") as Tensor] as const;
      })(x);
      // The gradient of scale equals the output if both passes draw the same mask.
      expect(await list(dx)).toEqual(await list(y));
      expect(await list(calls)).toEqual([11]);
      manualSeed(3);
      expect(await list(y)).toEqual(await list(dropout(x, 0.5)));
    }
  });

  test("integer inputs, and inputs without rows", async () => {
    const table = parameter(random("table", 5, 3));
    const look = checkpoint((ids, scale) =>
      embedding(table, ids as Tensor)
        .mul(scale as Tensor)
        .exp(),
    );
    const compute = (ids: Tensor) =>
      valueAndGrad({ table }, () => look(ids, tensor([1, 2, 3])).sum()).grads.get("table") as Tensor;
    const ids = tensor(new Int32Array([1, 1, 4]));
    const plain = valueAndGrad({ table }, () =>
      embedding(table, ids)
        .mul(tensor([1, 2, 3]))
        .exp()
        .sum(),
    );
    expect(await list(compute(ids))).toEqual(await list(plain.grads.get("table") as Tensor));
    expect(await list(compute(tensor(new Int32Array([]))))).toEqual(await list(zeros([5, 3])));
    const empty = grad((x: Tensor) => checkpoint((at) => (at as Tensor).exp())(x).sum())(zeros([0, 3]));
    expect(empty.shape).toEqual([0, 3]);
    expect(await list(where(empty.greater(0), empty, 1).sum())).toBe(0);
  });
});
