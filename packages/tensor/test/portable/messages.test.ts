/** What a user sees: printed tensors, type promotion, and errors that name operator, shapes and variables. */
import { describe, expect, test } from "vitest";
import type { DType } from "../../src/dtype.ts";
import * as t from "../../src/index.ts";
import { compile, parameter, Tensor, tensor, Variable, zeros } from "../../src/index.ts";
import { flatten } from "../../src/tree.ts";

describe("types", () => {
  const order: readonly DType[] = ["bool", "uint8", "int32", "int64", "float16", "float32"];
  const one = (dtype: DType) => zeros([2], dtype);
  const later = (a: DType, b: DType) => (order.indexOf(a) > order.indexOf(b) ? a : b);
  /** Sums and products of bool and uint8 are computed in int32. */
  const summed = (dtype: DType) => (order.indexOf(dtype) < 2 ? "int32" : dtype);

  test("two operands promote to the later of bool, uint8, int32, int64, float16, float32", async () => {
    const results: [Tensor, DType][] = [];
    for (const a of order)
      for (const b of order) {
        const [x, y, both] = [one(a), one(b), later(a, b)];
        results.push(
          [x.add(y), summed(both)],
          [x.maximum(y), summed(both)],
          [x.div(y), both.startsWith("float") ? both : "float32"],
          [t.where(x.equal(y), x, y), both],
          [t.concat([x, y]), both],
          [x.less(y), "bool"],
        );
      }
    for (const [result, dtype] of results) expect(result.dtype).toBe(dtype);
    // Evaluates all pairs, to check that the graphs are valid.
    await t.evaluate(...results.map(([result]) => result));
  });

  test("a number takes the type of the other operand if that can hold it", async () => {
    const cases: [Tensor, DType, number | boolean][] = [
      [one("float16").add(1.5), "float16", 1.5],
      [one("float32").add(2), "float32", 2],
      [one("int64").add(3), "int64", 3],
      [one("int32").add(-3), "int32", -3],
      [one("int32").add(0.5), "float32", 0.5],
      [one("int32").add(2 ** 40), "int64", 2 ** 40],
      [one("uint8").add(1), "int32", 1],
      [one("uint8").add(-1), "int32", -1],
      [one("uint8").add(1000), "int32", 1000],
      [one("bool").add(1), "int32", 1],
      [t.where(one("bool"), 1, one("uint8")), "uint8", 0],
      [one("uint8").less(-1), "bool", false],
      [one("uint8").equal(256), "bool", false],
      [one("int32").pow(0), "int32", 1],
      [one("int32").add(2).pow(5), "int32", 32],
      [one("int32").add(2).pow(-1), "float32", 0.5],
    ];
    for (const [result, dtype, value] of cases) {
      expect(result.dtype).toBe(dtype);
      expect(((await result.tolist()) as number[])[0]).toBe(value);
    }
  });

  test("reductions, products and functions of integers", () => {
    const cases: [Tensor, DType][] = [
      [one("bool").sum(), "int32"],
      [one("uint8").sum(), "int32"],
      [one("int64").sum(), "int64"],
      [one("int32").mean(), "float32"],
      [one("float16").mean(), "float16"],
      [one("uint8").max(), "int32"],
      [one("int32").sqrt(), "float32"],
      [one("int32").abs(), "int32"],
      [one("int32").floor(), "int32"],
      [one("float32").argmax(), "int32"],
      [t.sort(one("int64")).values, "int64"],
      [t.sort(one("int64")).indices, "int32"],
      [one("int32").matmul(one("int32")), "int32"],
      [one("int32").any(), "bool"],
      [t.arange(3), "int32"],
      [t.arange(0, 1, 0.5), "float32"],
      [t.eye(2), "float32"],
      [tensor([true, false]), "bool"],
      [tensor([1, 2]), "float32"],
      [tensor(new BigInt64Array(1)), "int64"],
      [tensor(new Uint8Array(1), { dtype: "bool" }), "bool"],
    ];
    for (const [result, dtype] of cases) expect(result.dtype).toBe(dtype);
  });
});

test("a tensor prints its shape, its type unless float32, and the name of its variable", () => {
  const weight = new Variable(zeros([2, 3]), { name: "head.weight" });
  expect([zeros([]), zeros([2, 0]), zeros([1], "int64"), weight].map(String)).toEqual([
    "[]",
    "[2, 0]",
    "[1] int64",
    "head.weight [2, 3]",
  ]);
});

describe("errors name the operator, its operands and what was expected", () => {
  const [a, b] = [zeros([2, 3]), zeros([4, 5])];
  const weight = new Variable(zeros([4, 5]), { name: "blocks.0.weight" });
  const cases: [() => unknown, string][] = [
    [() => a.add(b), "add([2, 3], [4, 5]): shapes [2, 3] and [4, 5] do not broadcast"],
    [() => a.matmul(weight), "matmul([2, 3], blocks.0.weight [4, 5]): inner extents 3 and 4 differ"],
    [() => a.matmul(zeros([])), "matmul([2, 3], []): expected at least one axis, got a scalar"],
    [
      () => t.linear(a, weight),
      "linear([2, 3], blocks.0.weight [4, 5]): the last axis has 3 entries, the weight expects 5",
    ],
    [() => a.reshape([4]), "reshape([2, 3]): [4] has 4 entries, the tensor has 6"],
    [() => a.reshape([-1, 4]), "reshape([2, 3]): cannot become [-1, 4]"],
    [() => a.reshape([-1, -1]), "reshape([2, 3]): cannot become [-1, -1]"],
    [() => a.permute([0, 0]), "permute([2, 3]): [0, 0] is not a permutation of its 2 axes"],
    [() => a.squeeze(0), "squeeze([2, 3]): axis 0 has extent 2, not 1"],
    [() => a.expand([3, 3]), "expand([2, 3]): shapes [2, 3] and [3, 3] do not broadcast"],
    [() => a.index(0, 5), "index([2, 3]): 5 is out of range on axis 1, which has 3 entries"],
    [() => a.index(0, 0, 0), "index([2, 3]): 3 indices for 2 axes"],
    [() => a.index([0, 2, 0]), "index([2, 3]): expected a nonzero integer step on axis 0, got 0"],
    [() => a.narrow(1, 2, 2), "slice([2, 3]): 2 + 2 is out of range on axis 1, which has 3 entries"],
    [() => a.slice([0], [1]), "slice([2, 3]): expected 2 starts and sizes, got [0] and [1]"],
    [() => a.narrow(0, 0.5, 1), "slice([2, 3]): 0.5 + 1 is out of range on axis 0"],
    [() => a.split([1, 3], 1), "split([2, 3]): sizes [1, 3] do not add up to 3 on axis 1"],
    [() => a.split(0), "split([2, 3]): expected a size of 1 or more, got 0"],
    [() => a.chunk(0), "chunk([2, 3]): expected a count of 1 or more, got 0"],
    [() => a.pad([[1, 1]]), "pad([2, 3]): 1 pairs for 2 axes"],
    [
      () =>
        a.pad(
          [
            [0, 0],
            [3, 0],
          ],
          { mode: "reflect" },
        ),
      "pad([2, 3]): reflect padding of [3, 0] on axis 1 is limited to 2",
    ],
    [() => t.concat([a, b]), "concat([2, 3], [4, 5]): shapes differ on an axis other than 0"],
    [() => a.sum(2), "axis 2 is out of range for a tensor of rank 2"],
    [() => a.sum([0, -2]), "axes [0, 0] repeat"],
    [() => a.sum(0.5), "axis 0.5 is out of range for a tensor of rank 2"],
    [() => t.take(a, a), "take([2, 3], [2, 3]): indices must be int32 or int64, got float32"],
    [
      () => t.gather(a, 0, zeros([2, 4], "int32")),
      "an index of [2, 4] exceeds [2, 3] on an axis other than 0",
    ],
    [() => t.topK(a, 4), "topK([2, 3]): expected an integer k from 0 to 3, got 4"],
    [() => t.conv2d(a, b), "conv2d([2, 3], [4, 5]): expected 4 axes, [N, C, ...] and [O, C/groups, ...]"],
    [
      () => t.conv2d(zeros([1, 3, 8, 8]), zeros([4, 2, 3, 3])),
      "conv2d([1, 3, 8, 8], [4, 2, 3, 3]): the weight expects 2 channels (2 in 1 groups), the input has 3",
    ],
    [
      () => t.conv2d(zeros([1, 3, 2, 8]), zeros([4, 3, 3, 3])),
      "conv2d([1, 3, 2, 8], [4, 3, 3, 3]): a window of 3 does not fit in 2 entries padded by 0 and 0 (spatial axis 0)",
    ],
    [
      () => t.conv2d(zeros([1, 3, 8, 8]), zeros([4, 3, 3, 3]), { stride: 0 }),
      "conv2d([1, 3, 8, 8], [4, 3, 3, 3]): stride must be 2 integers of at least 1, got [0, 0]",
    ],
    [() => t.layerNorm(a, [4]), "layerNorm([2, 3]): the last axes are not [4]"],
    [() => t.einsum("ij,jk", a, b), 'einsum("ij,jk", [2, 3], [4, 5]): label j has extents 3 and 4'],
    [
      () => t.einsum("ii->i", zeros([1, 3])),
      'einsum("ii->i", [1, 3]): label i appears twice in a term, with different extents',
    ],
    [() => tensor([[1, 2], [3]]), "tensor: ragged data, expected 2 entries at depth 1, got 1"],
    [() => tensor([1, [2]]), "tensor: ragged data, expected a number"],
    [() => tensor([[1], 2]), "tensor: ragged data, expected an array at depth 1"],
    [() => tensor([1, 2], { shape: [3] }), "tensor: shape [3] needs 3 values, got 2"],
    [() => tensor(new Float64Array(2) as never), "tensor: no element type for Float64Array"],
    [
      () => Tensor.fromArray(new Float32Array(2), [2], "int32"),
      "tensor: expected an array of int32 values, got Float32Array",
    ],
    [() => t.arange(0, Number.POSITIVE_INFINITY), "arange: expected finite bounds and a nonzero step"],
    [() => t.linspace(0, 1, -1), "linspace: expected a non-negative integer count, got -1"],
    // Errors that the type checker would catch.
    [() => a.add("1" as never), "expected a tensor or a number, got 1"],
    [() => a.mul(undefined as never), "expected a tensor or a number, got undefined"],
    [() => tensor([zeros([2])] as never), "tensor: expected numbers, got Tensor"],
    [() => tensor(null as never), "tensor: expected numbers, got null"],
    [
      () => t.resize(zeros([1, 3, 4, 4]), { size: 2, mode: "lanczos" as never }),
      'resize([1, 3, 4, 4]): no mode "lanczos", only nearest, nearestExact, linear',
    ],
    [
      () =>
        a.pad(
          [
            [1, 1],
            [0, 0],
          ],
          { mode: "mirror" as never },
        ),
      'pad([2, 3]): no mode "mirror"',
    ],
    [
      () => t.valueAndGrad({ weight }, (async () => a.sum()) as never),
      "valueAndGrad: expected the function to return a scalar tensor, got Promise: building a graph is synchronous",
    ],
    [() => t.resize(zeros([1, 3, 4, 4]), { scale: [2] }), "scale must have 2 entries, got 1"],
    [
      () => t.convTranspose2d(zeros([1, 4, 8, 8]), zeros([4, 5, 3, 3]), { groups: 3 }),
      "convTranspose2d([1, 4, 8, 8], [4, 5, 3, 3]): 4 channels do not divide into 3 groups",
    ],
    [
      () => t.convTranspose2d(zeros([1, 4, 8, 8]), zeros([4, 5, 3, 3]), { bias: zeros([4]) }),
      "convTranspose2d([1, 4, 8, 8], [4, 5, 3, 3]): expected a bias of [5], got [4]",
    ],
    [
      () => t.maxPool2d(zeros([1, 1, 8, 8]), 2, { padding: [2, 0] }),
      "maxPool2d([1, 1, 8, 8]): a padding of 2 and 2 must be below the kernel, 2 (spatial axis 0)",
    ],
  ];
  for (const [call, message] of cases)
    test(message, () => {
      expect(call).toThrow(message);
    });

  test("item and data of the wrong tensor", async () => {
    await expect(a.item()).rejects.toThrow("item: expected a tensor with one entry, got [2, 3]");
  });

  test("in a compiled function, arguments and variables are named", () => {
    const run = compile((x: Tensor, y: Tensor) => x.add(y));
    expect(() => run(a, b)).toThrow("add(argument 0 [2, 3], argument 1 [4, 5]): shapes");
    const step = compile((x: Tensor) => x.matmul(weight));
    expect(() => step(a)).toThrow("matmul(argument 0 [2, 3], blocks.0.weight [4, 5]): inner");
    const outer = t.grad((x: Tensor) => x.matmul(weight).sum());
    expect(() => outer(a)).toThrow("blocks.0.weight [4, 5]): inner");
    const both = () => t.valueAndGrad({ weight }, () => a.matmul(weight).sum());
    expect(both).toThrow("matmul([2, 3], blocks.0.weight [4, 5]): inner");
  });

  test("a failed run gives ONNX Runtime's message, with our operator in it", async () => {
    const rest = tensor(new Int32Array([9])).remainder(tensor(new Int32Array([0])));
    await expect(rest.data()).rejects.toThrow(/remainder\.\d.*zero/s);
  });
});

test("trees: what is traversed, what is kept, and in which order", () => {
  const [x, y, z] = [zeros([1]), zeros([2]), zeros([3])];
  class Other {
    readonly tensor = z;
  }
  const other = new Other();
  const tree = { a: [x, { b: y }], m: new Map([["k", z]]), n: null, f: Math.max, other, deep: [[[x]]] };
  const { leaves, rebuild, key } = flatten(tree);
  expect(leaves).toEqual([x, y, z, x]);
  const swapped = rebuild([z, y, x, y]) as typeof tree;
  expect(swapped).toEqual({ ...tree, a: [z, { b: y }], m: new Map([["k", x]]), deep: [[[y]]] });
  expect(swapped.other).toBe(other);
  expect(flatten({ ...tree }).key).toBe(key);
  expect(flatten({ ...tree, n: undefined }).key).not.toBe(key);
  expect(flatten({ ...tree, other: new Other() }).key).not.toBe(key);
  expect(flatten([]).key).not.toBe(flatten({}).key);
  expect(flatten(parameter(x)).leaves).toHaveLength(1);
});
