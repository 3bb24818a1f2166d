/** Random expressions: gradients against finite differences, eager against compiled, plain against recomputed. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  checkpoint,
  compile,
  concat,
  evaluate,
  grad,
  logSoftmax,
  maximum,
  softmax,
  stack,
  Tensor,
  where,
} from "../../src/index.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { uniform } from "../support/uniform.ts";

type Unary = (x: Tensor) => Tensor;
type Binary = (x: Tensor, y: Tensor) => Tensor;

const random = (name: string) => Tensor.fromArray(new Float32Array(uniform(name, 12)), [4, 3]);
const [x, y] = [random("x"), random("y").mul(1.5)];
/** Selects by a fixed mask: a mask that depends on values would be discontinuous. */
const choice = random("choice").greater(0);

/** Smooth functions that keep values small. */
const functions: Record<string, Unary> = {
  tanh: (x) => x.tanh(),
  sin: (x) => x.sin(),
  sigmoid: (x) => x.sigmoid(),
  gauss: (x) => x.square().neg().exp(),
  root: (x) => x.square().add(1).sqrt(),
  log: (x) => x.square().log1p(),
  reciprocal: (x) => x.square().add(1).reciprocal(),
  cube: (x) => x.tanh().pow(3),
  erf: (x) => x.erf(),
  softmax: (x) => softmax(x, -1).mul(3),
  logSoftmax: (x) => logSoftmax(x, 0),
  centre: (x) => x.sub(x.mean(-1, true)),
  scale: (x) => x.div(x.square().sum(0, true).add(1).sqrt()),
  logSumExp: (x) => x.sub(x.logSumExp(-1, true)),
  variance: (x) => x.mul(x.variance(0, { keepDims: true })),
  shift: (x) => x.add(x.roll(1, -1)),
  mirror: (x) => x.mul(x.flip(0)),
  running: (x) => x.cumsum(-1).mul(0.3),
  halves: (x) => concat([x.index([null, null, 2]), x.index([1, null, 2])], 0),
  edges: (x) =>
    x
      .pad(
        [
          [1, 1],
          [1, 1],
        ],
        { mode: "replicate" },
      )
      .index([0, -2], [2, null]),
  turn: (x) => x.transpose().tanh().reshape(x.shape),
  cycle: (x) => stack([x, x.tanh()]).permute([2, 0, 1]).cumsum(1).permute([1, 2, 0]).mean(0),
  gram: (x) => x.matmul(x.transpose()).tanh().matmul(x).mul(0.5),
  wide: (x) =>
    x
      .unsqueeze(0)
      .expand([2, ...x.shape])
      .mean(0),
};
const joins: Record<string, Binary> = {
  add: (x, y) => x.add(y),
  sub: (x, y) => x.sub(y),
  mul: (x, y) => x.mul(y),
  div: (x, y) => x.div(y.square().add(1)),
  rows: (x, y) => x.mul(y.sum(1, true).tanh()),
  columns: (x, y) => x.add(y.mean(0)),
  matmul: (x, y) => x.matmul(y.transpose()).mul(0.3).tanh().matmul(y),
  pow: (x, y) => x.square().add(0.5).pow(y.tanh()),
  where: (x, y) => where(choice, x, y),
  maximum: (x, y) => maximum(x.add(100), y).sub(100),
};

interface Expression {
  readonly text: string;
  readonly compute: Binary;
}
const inputs: fc.Arbitrary<Expression> = fc.constantFrom(
  { text: "x", compute: (x: Tensor) => x },
  { text: "y", compute: (_: Tensor, y: Tensor) => y },
);
const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5, depthSize: "large" },
    inputs,
    fc.tuple(fc.constantFrom(...Object.keys(functions)), tie("expression")).map(([name, inner]) => ({
      text: `${name}(${inner.text})`,
      compute: (x: Tensor, y: Tensor) => (functions[name] as Unary)(inner.compute(x, y)),
    })),
    fc
      .tuple(fc.constantFrom(...Object.keys(joins)), tie("expression"), tie("expression"))
      .map(([name, left, right]) => ({
        text: `${name}(${left.text}, ${right.text})`,
        compute: (x: Tensor, y: Tensor) => (joins[name] as Binary)(left.compute(x, y), right.compute(x, y)),
      })),
  ),
}));
const drawn = expression
  .filter(({ text }) => text.length > 1)
  .map(({ text, compute }) => ({ toString: () => text, compute }));

test("gradients agree with finite differences", async () => {
  await fc.assert(
    fc.asyncProperty(drawn, async ({ compute }) => {
      await gradcheck((a, b) => compute(a as Tensor, b as Tensor), [x, y], {
        step: 2 ** -7,
        tolerance: 5e-3,
        directions: 1,
      });
    }),
    { numRuns: 25 },
  );
});

test("second-order gradients agree with finite differences", async () => {
  await fc.assert(
    fc.asyncProperty(drawn, async ({ compute }) => {
      const slope = (a: Tensor, b: Tensor) => {
        const [da, db] = grad((u: Tensor, v: Tensor) => compute(u, v).mul(b.cos()).sum(), [0, 1])(a, b);
        return concat([da as Tensor, (db as Tensor).mul(2)]).tanh();
      };
      await gradcheck((a) => slope(a as Tensor, y), [x], { step: 2 ** -7, tolerance: 1e-2, directions: 1 });
    }),
    { numRuns: 10 },
  );
});

test("eager, compiled and recomputed values and gradients are the same", async () => {
  await fc.assert(
    fc.asyncProperty(drawn, drawn, async (first, second) => {
      const build = (wrap: (f: Binary) => Binary) => (a: Tensor, b: Tensor) => {
        const inner = wrap(first.compute);
        const loss = (u: Tensor, v: Tensor) => wrap(second.compute)(inner(u, v), v).square().sum();
        return [loss(a, b), ...grad(loss, [0, 1])(a, b)];
      };
      const plain = build((f) => f);
      const again = build((f) => checkpoint((u, v) => f(u as Tensor, v as Tensor)));
      const compiled = compile(plain);
      const all = [plain(x, y), compiled(x, y), again(x, y)];
      await evaluate(...all.flat());
      const [eager, ...others] = await Promise.all(
        all.map((tensors) => Promise.all(tensors.map(async (t) => Array.from(await t.data(), Number)))),
      );
      for (const other of others)
        eager?.forEach((values, k) => {
          const largest = Math.max(1e-3, ...values.map(Math.abs));
          values.forEach((value, i) =>
            expect(Math.abs((other[k]?.[i] as number) - value) / largest).toBeLessThan(1e-4),
          );
        });
      compiled.release();
    }),
    { numRuns: 15 },
  );
});
