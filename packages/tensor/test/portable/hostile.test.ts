/** NaN and infinities, empty arrays, absurd sizes: defined results, or an error that says why. */
import { describe, expect, test } from "vitest";
import * as t from "../../src/index.ts";
import { grad, type Tensor, tensor, zeros } from "../../src/index.ts";

const [N, I] = [Number.NaN, Number.POSITIVE_INFINITY];
const list = async (x: Tensor) => await x.tolist();
const ints = (...values: number[]) => tensor(new Int32Array(values));

describe("NaN and infinities propagate as in PyTorch", () => {
  const x = tensor([N, I, -I, -1, 0, 2]);
  const cases: Record<string, [Tensor, number[]]> = {
    relu: [x.relu(), [N, I, 0, 0, 0, 2]],
    clamp: [x.clamp(-1, 1), [N, 1, -1, -1, 0, 1]],
    "clamp from below": [x.clamp(0), [N, I, 0, 0, 0, 2]],
    "clamp from above": [x.clamp(undefined, 1), [N, 1, -I, -1, 0, 1]],
    "clamp of half floats": [x.astype("float16").clamp(0), [N, I, 0, 0, 0, 2]],
    maximum: [x.maximum(0), [N, I, 0, 0, 0, 2]],
    minimum: [t.minimum(0, x), [N, 0, -I, -1, 0, 0]],
    exp: [x.exp(), [N, I, 0, Math.exp(-1), 1, Math.exp(2)]],
    log: [x.log(), [N, I, N, N, -I, Math.log(2)]],
    sqrt: [x.sqrt(), [N, I, N, N, 0, Math.SQRT2]],
    log1p: [x.log1p(), [N, I, N, -I, 0, Math.log(3)]],
    expm1: [x.expm1(), [N, I, -1, Math.expm1(-1), 0, Math.expm1(2)]],
    tanh: [x.tanh(), [N, 1, -1, Math.tanh(-1), 0, Math.tanh(2)]],
    sigmoid: [x.sigmoid(), [N, 1, 0, 1 / (1 + Math.E), 0.5, 1 / (1 + Math.exp(-2))]],
    softplus: [t.softplus(x), [N, I, 0, Math.log1p(Math.exp(-1)), Math.LN2, Math.log1p(Math.exp(2))]],
    remainder: [x.remainder(2), [N, N, N, 1, 0, 0]],
    "remainder by infinity": [tensor([1, -1]).remainder(I), [1, I]],
    "division by zero": [tensor([1, -1, 0]).div(0), [I, -I, N]],
    "to the power 0": [x.pow(0), [1, 1, 1, 1, 1, 1]],
    "1 to any power": [tensor([1, 1]).pow(tensor([N, I])), [1, 1]],
    any: [tensor([0, N]).any().astype("float32").reshape([1]), [1]],
    "equals itself": [x.equal(x).astype("float32"), [0, 1, 1, 1, 1, 1]],
    "half floats beyond their range": [tensor([1e6, -1e6, 1e-9]).astype("float16"), [I, -I, 0]],
    "product with a row of zeros": [
      tensor([[0, 0]])
        .matmul(tensor([[N], [I]]))
        .reshape([1]),
      [N],
    ],
  };
  for (const [name, [actual, expected]] of Object.entries(cases))
    test(name, async () => {
      const values = (await list(actual)) as number[];
      expect(values).toHaveLength(expected.length);
      values.forEach((value, i) => {
        const wanted = expected[i] as number;
        if (Number.isFinite(wanted)) expect(value).toBeCloseTo(wanted, 5);
        else expect(value).toBe(wanted);
      });
    });

  test("reductions, for every position of the NaN and over every axis", async () => {
    for (let at = 0; at < 20; at++) {
      const data = Float32Array.from({ length: 20 }, (_, i) => (i === at ? N : i - 10));
      const square = tensor(data, { shape: [4, 5] });
      for (const name of ["max", "min", "sum", "mean", "prod", "logSumExp"] as const) {
        expect(await square[name]().item()).toBe(N);
        const [columns, rows] = [
          (await list(square[name](0))) as number[],
          (await list(square[name](1))) as number[],
        ];
        expect(columns.map(Number.isNaN)).toEqual(columns.map((_, i) => i === at % 5));
        expect(rows.map(Number.isNaN)).toEqual(rows.map((_, i) => i === Math.floor(at / 5)));
      }
    }
    const infinite = tensor([
      [I, -I, 1],
      [-I, -I, -I],
    ]);
    expect(await list(infinite.max(1))).toEqual([I, -I]);
    expect(await list(infinite.min(1))).toEqual([-I, -I]);
    expect(await list(infinite.logSumExp(1))).toEqual([I, -I]);
  });

  test("softmax: a row with NaN or ∞, or all −∞, is NaN; otherwise −∞ gives 0", async () => {
    const rows = tensor([
      [1, N, 2],
      [I, 0, 0],
      [-I, -I, -I],
      [-I, 0, 0],
    ]);
    const nan = [N, N, N];
    expect(await list(t.softmax(rows))).toEqual([nan, nan, nan, [0, 0.5, 0.5]]);
    expect(((await list(t.logSoftmax(rows))) as number[][])[3]?.[0]).toBe(-I);
  });

  test("gradients: zero for clamped entries, NaN for NaN", async () => {
    expect(await list(grad((v: Tensor) => v.clamp(-1, 1).sum())(tensor([N, I, -I, 0])))).toEqual([
      0, 0, 0, 1,
    ]);
    expect(await list(grad((v: Tensor) => v.square().sum())(tensor([N, I])))).toEqual([N, I]);
    expect(await list(grad((v: Tensor) => v.norm())(zeros([2])))).toEqual([0, 0]);
    expect(await list(grad((v: Tensor) => t.where(v.greater(0), v.sqrt(), 0).sum())(tensor([4])))).toEqual([
      0.25,
    ]);
  });
});

describe("integer divisions that would crash the process", () => {
  const least = -(2 ** 31);
  test("the smallest integer by −1 wraps around; by 0 is an error", async () => {
    const x = ints(least, 7, -7);
    for (const by of [-1, ints(-1), ints(-1, -1, -1)]) {
      expect(await list(x.floorDivide(by))).toEqual([least, -7, 7]);
      expect(await list(x.remainder(by))).toEqual([0, 0, 0]);
    }
    expect(await list(x.floorDivide(ints(2, -2, 2)))).toEqual([-(2 ** 30), -4, -4]);
    expect(await list(x.remainder(ints(2, -2, 2)))).toEqual([0, -1, 1]);
    await expect(x.floorDivide(0).data()).rejects.toThrow(/zero/);
    await expect(x.remainder(ints(1, 0, 1)).data()).rejects.toThrow(/zero/);
    const wide = tensor(new BigInt64Array([-(2n ** 63n), 7n]));
    expect(await wide.floorDivide(-1).data()).toEqual(new BigInt64Array([-(2n ** 63n), -7n]));
    expect(await wide.remainder(tensor(new BigInt64Array([-1n, -2n]))).data()).toEqual(
      new BigInt64Array([0n, -1n]),
    );
  });
});

describe("empty arrays", () => {
  const none = (...shape: number[]) => zeros(shape).add(0);
  const key = t.randomKey(1);
  /** A tensor and its expected values. */
  const cases: Record<string, [Tensor, readonly number[] | Nested]> = {
    sum: [none(2, 0).sum(1), [0, 0]],
    mean: [none(2, 0).mean(1), [N, N]],
    prod: [none(2, 0).prod(1), [1, 1]],
    any: [none(2, 0).any(1), [false, false]],
    all: [none(2, 0).all(1), [true, true]],
    logSumExp: [none(2, 0).logSumExp(1), [-I, -I]],
    variance: [none(2, 0).variance(1), [N, N]],
    norm: [none(2, 0).norm(1), [0, 0]],
    "an empty sum of products": [
      none(2, 0).matmul(none(0, 2)),
      [
        [0, 0],
        [0, 0],
      ],
    ],
    "an empty batched sum of products": [t.einsum("bij,bjk->bk", none(2, 3, 0), none(2, 0, 1)), [[0], [0]]],
    linear: [t.linear(none(2, 0), none(1, 0), tensor([3])), [[3], [3]]],
    "a convolution without channels": [t.conv2d(none(1, 0, 2, 2), none(1, 0, 2, 2)), [[[[0]]]]],
    pad: [none(0).pad([[1, 1]], { value: 5 }), [5, 5]],
    concat: [t.concat([none(0), tensor([1])]), [1]],
    scatterAdd: [t.scatterAdd(tensor([[1]]), 1, zeros([1, 0], "int32"), none(1, 0)), [[1]]],
    "attention without keys": [
      t.scaledDotProductAttention(none(1, 1, 2), none(1, 0, 2), none(1, 0, 2)),
      [[[0, 0]]],
    ],
    "gradient of a weight for an empty batch": [
      grad((w: Tensor) => t.conv2d(none(0, 1, 3, 3), w).sum())(none(1, 1, 2, 2).add(1)),
      [
        [
          [
            [0, 0],
            [0, 0],
          ],
        ],
      ],
    ],
    "gradient of a grouped weight for an empty batch": [
      grad((w: Tensor) => t.conv1d(none(0, 2, 2), w, { groups: 2 }).sum())(none(2, 1, 1).add(1)),
      [[[0]], [[0]]],
    ],
    "convolution without channels, with bias": [
      t.conv1d(none(1, 0, 2), none(2, 0, 1), { bias: tensor([1, 2]) }),
      [
        [
          [1, 1],
          [2, 2],
        ],
      ],
    ],
    "transposed convolution without channels": [t.convTranspose1d(none(1, 0, 1), none(0, 1, 2)), [[[0, 0]]]],
    "gradient of an embedding without lookups": [
      grad((w: Tensor) => t.embedding(w, zeros([0], "int32")).sum())(tensor([[1], [2]])),
      [[0], [0]],
    ],
  };
  type Nested = readonly (number | boolean | Nested)[];
  for (const [name, [actual, expected]] of Object.entries(cases))
    test(name, async () => {
      expect(await list(actual)).toEqual(expected);
    });

  test("all operators give the right empty shape", async () => {
    const image = none(0, 4, 6, 6);
    const empty: [Tensor, number[]][] = [
      [none(0, 3).add(none(1, 3)).mul(2).exp(), [0, 3]],
      [zeros([0, 3], "int32").floorDivide(zeros([1, 3], "int32")), [0, 3]],
      [t.where(none(0, 1).greater(0), none(1, 2), 1), [0, 2]],
      [none(2, 0, 3).max(0), [0, 3]],
      [none(0, 3).cumsum(0).cumprod(1), [0, 3]],
      [none(0, 3).argmax(1), [0]],
      [none(0, 3).reshape([3, 0]).permute([1, 0]).flip().roll(1, 0), [0, 3]],
      [none(2, 3).index([1, 1], [null, null, -1]), [0, 3]],
      [tensor([[1, 2]]).tile([0, 1]), [0, 2]],
      [none(0).diagonal(), [0, 0]],
      [t.stack([none(0, 3), none(0, 3)], 1), [0, 2, 3]],
      [none(2, 0).chunk(2, 1)[1] as Tensor, [2, 0]],
      [none(0, 3).split(2)[0] as Tensor, [0, 3]],
      [t.glu(none(2, 0)), [2, 0]],
      [t.softmax(none(0, 3)), [0, 3]],
      [t.logSoftmax(none(3, 0)), [3, 0]],
      [t.sort(none(0, 3)).values, [0, 3]],
      [t.topK(none(0, 3), 2).indices, [0, 2]],
      [t.topK(tensor([[1, 2]]), 0).values, [1, 0]],
      [t.gather(none(0, 3), 1, zeros([0, 2], "int32")), [0, 2]],
      [t.take(tensor([1, 2]), zeros([0, 2], "int32")), [0, 2]],
      [t.oneHot(zeros([0], "int32"), 3), [0, 3]],
      [none(0, 2, 3).matmul(none(3, 2)), [0, 2, 2]],
      [t.conv2d(image, none(2, 4, 3, 3), { padding: 1 }), [0, 2, 6, 6]],
      [t.convTranspose2d(image, none(4, 2, 2, 2), { stride: 2 }), [0, 2, 12, 12]],
      [t.conv1d(none(0, 4, 6), none(4, 1, 3), { groups: 4 }), [0, 4, 4]],
      [grad((x: Tensor) => t.conv2d(x, none(2, 4, 3, 3)).sum())(image), [0, 4, 6, 6]],
      [t.maxPool2d(image, 2), [0, 4, 3, 3]],
      [t.maxPool2d(none(2, 0, 6, 6), 2), [2, 0, 3, 3]],
      [t.adaptiveAvgPool2d(image, 4), [0, 4, 4, 4]],
      [grad((x: Tensor) => t.maxPool2d(x, 2).sum())(image), [0, 4, 6, 6]],
      [t.batchNormTrain(image).output, [0, 4, 6, 6]],
      [grad((x: Tensor) => t.batchNormTrain(x).output.sum())(image), [0, 4, 6, 6]],
      [t.layerNorm(none(3, 0), [0]), [3, 0]],
      [t.groupNorm(image, 2), [0, 4, 6, 6]],
      [t.rmsNorm(none(0, 3), [3]), [0, 3]],
      [t.localResponseNorm(image, 3), [0, 4, 6, 6]],
      [t.scaledDotProductAttention(none(0, 4, 3, 8), none(0, 2, 3, 8), none(0, 2, 3, 8)), [0, 4, 3, 8]],
      [t.resize(image, { size: [3, 9], mode: "bilinear" }), [0, 4, 3, 9]],
      [t.resize(image, { size: [3, 3], mode: "bicubic", antialias: true }), [0, 4, 3, 3]],
      [t.gridSample(image, none(0, 2, 2, 2)), [0, 4, 2, 2]],
      [t.unfold(image, 3), [0, 36, 16]],
      [t.pixelShuffle(image, 2), [0, 1, 12, 12]],
      [t.stft(none(0, 64), { fftSize: 16 }), [0, 9, 17, 2]],
      [t.normal(key, [0, 3]), [0, 3]],
      [t.permutation(key, 0), [0]],
      [t.dropout(none(0, 3), 0.5, key), [0, 3]],
    ];
    await t.evaluate(...empty.map(([x]) => x));
    for (const [x, shape] of empty) expect([x.shape, (await x.data()).length]).toEqual([shape, 0]);
  });

  test("undefined results are errors", () => {
    const image = none(1, 1, 0, 4);
    const cases: [() => unknown, string][] = [
      [() => none(2, 0).max(1), "max([2, 0]): an empty axis has no maximum"],
      [() => none(0).min(), "min([0]): an empty axis has no minimum"],
      [() => none(2, 0).argmax(1), "argmax([2, 0]): axis 1 is empty"],
      [() => none(0, 3).reshape([0, -1]), "reshape([0, 3]): cannot become [0, -1]"],
      [() => none(0).pad([[1, 0]], { mode: "replicate" }), "needs a non-empty axis"],
      [() => t.maxPool2d(image, 2), "a window of 2 does not fit in 0 entries"],
      [() => t.conv2d(none(1, 1, 4, 4), none(1, 1, 0, 3)), "a kernel of [0, 3] is empty"],
      [() => t.resize(image, { size: [2, 2] }), "resize([1, 1, 0, 4]): the image is empty"],
      [() => t.gridSample(image, none(1, 2, 2, 2)), "the image is empty"],
      [() => t.concat([]), "concat: no tensors given"],
      [() => t.stack([]), "concat: no tensors given"],
    ];
    for (const [call, message] of cases) expect(call).toThrow(message);
  });
});

describe("absurd sizes", () => {
  test("shapes with too many entries are rejected on creation", () => {
    const huge = 2 ** 31;
    const cases: [() => unknown, RegExp][] = [
      [() => zeros([huge, huge]), /^fill\(\): shape \[2147483648, 2147483648\] has too many entries/],
      [() => zeros([1, 1]).expand([huge, huge]), /^expand\(\[1, 1\]\): shape/],
      [() => zeros([huge, 1]).matmul(zeros([1, huge])), /^matmul\(.*too many entries/],
      [() => zeros([huge]).tile([huge]), /too many entries/],
      [() => zeros([huge, 1]).add(zeros([huge])), /^add\(.*too many entries/],
      [() => t.uniform(t.randomKey(0), [huge, huge]), /too many entries/],
      [() => tensor(new Float32Array(1), { shape: [huge, huge] }), /^tensor: shape .* too many entries/],
    ];
    for (const [call, message] of cases) expect(call).toThrow(message);
  });

  test("invalid extents are rejected", () => {
    for (const shape of [[-1], [1.5, 2], [Number.NaN], [Number.POSITIVE_INFINITY], [-3, -1]]) {
      expect(() => zeros(shape)).toThrow(/expected a shape of non-negative integers/);
      expect(() => tensor(new Float32Array(3), { shape })).toThrow(
        /tensor: expected a shape of non-negative integers/,
      );
    }
    expect(() => zeros([3]).reshape([1.5, 2])).toThrow(/reshape\(\[3\]\): expected a shape/);
    expect(() => zeros([3]).reshape([-3, -1])).toThrow(/reshape\(\[3\]\)/);
    expect(() => zeros([3]).expand([-1, 3])).toThrow(/expand\(\[3\]\)/);
  });

  test("running out of memory rejects for the reader, and later runs work", async () => {
    // A petabyte exceeds the address space, so no system overcommits it.
    const petabyte = zeros([2 ** 24, 2 ** 24]).add(1);
    await expect(petabyte.data()).rejects.toThrow(/cannot allocate|allocate memory|too large|overflow/);
    const inside = zeros([2 ** 24, 1])
      .add(zeros([2 ** 24]))
      .sum();
    await expect(inside.data()).rejects.toThrow(/cannot allocate|allocate memory|too large|overflow/);
    expect(await zeros([2]).add(1).tolist()).toEqual([1, 1]);
  });
});
