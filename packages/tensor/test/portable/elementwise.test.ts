import { expect, test } from "vitest";
import {
  acos,
  asin,
  atan,
  atan2,
  cosh,
  exp2,
  isInf,
  log2,
  log10,
  logicalXor,
  maximum,
  minimum,
  sinh,
  softplus,
  tensor,
  where,
} from "../../src/index.ts";

import { check } from "../support/fixtures.ts";

interface Args {
  value: number;
  min?: number;
  max?: number;
  exponent: number;
}

await check<Args>("elementwise", {
  abs: (_, x) => x.abs(),
  neg: (_, x) => x.neg(),
  exp: (_, x) => x.exp(),
  expm1: (_, x) => x.expm1(),
  log: (_, x) => x.log(),
  log1p: (_, x) => x.log1p(),
  log2: (_, x) => log2(x),
  log10: (_, x) => log10(x),
  exp2: (_, x) => exp2(x),
  sqrt: (_, x) => x.sqrt(),
  rsqrt: (_, x) => x.rsqrt(),
  reciprocal: (_, x) => x.reciprocal(),
  square: (_, x) => x.square(),
  sin: (_, x) => x.sin(),
  cos: (_, x) => x.cos(),
  tan: (_, x) => x.tan(),
  asin: (_, x) => asin(x),
  acos: (_, x) => acos(x),
  atan: (_, x) => atan(x),
  sinh: (_, x) => sinh(x),
  cosh: (_, x) => cosh(x),
  tanh: (_, x) => x.tanh(),
  erf: (_, x) => x.erf(),
  sigmoid: (_, x) => x.sigmoid(),
  softplus: (_, x) => softplus(x),
  relu: (_, x) => x.relu(),
  floor: (_, x) => x.floor(),
  ceil: (_, x) => x.ceil(),
  round: (_, x) => x.round(),
  sign: (_, x) => x.sign(),
  clamp: ({ min, max }, x) => x.clamp(min, max),
  powScalar: ({ exponent }, x) => x.pow(exponent),
  scalar: ({ value }, x) => x.rsub(value).mul(value).add(x.div(value)),
  add: (_, x, y) => x.add(y),
  sub: (_, x, y) => x.sub(y),
  mul: (_, x, y) => x.mul(y),
  div: (_, x, y) => x.div(y),
  maximum: (_, x, y) => maximum(x, y),
  minimum: (_, x, y) => minimum(x, y),
  pow: (_, x, y) => x.pow(y),
  remainder: (_, x, y) => x.remainder(y),
  floorDivide: (_, x, y) => x.floorDivide(y),
  atan2: (_, x, y) => atan2(x, y),
  equal: (_, x, y) => x.equal(y),
  notEqual: (_, x, y) => x.notEqual(y),
  less: (_, x, y) => x.less(y),
  lessEqual: (_, x, y) => x.lessEqual(y),
  greater: (_, x, y) => x.greater(y),
  greaterEqual: (_, x, y) => x.greaterEqual(y),
  logicalAnd: (_, x, y) => x.logicalAnd(y),
  logicalOr: (_, x, y) => x.logicalOr(y),
  logicalXor: (_, x, y) => logicalXor(x, y),
  logicalNot: (_, x) => x.logicalNot(),
  isNaN: (_, x) => x.isNaN(),
  isInf: (_, x) => isInf(x),
  where: (_, condition, x, y) => where(condition, x, y),
});

test("extents of 1 at the end meet operands of lower rank", async () => {
  const x = tensor([[[1]], [[2]], [[3]]]); // [3, 1, 1]
  const line = tensor([10, 20]); // [2]
  expect(
    await x
      .mul(2)
      .sub(tensor([1]))
      .tolist(),
  ).toEqual([[[1]], [[3]], [[5]]]);
  expect(await x.add(line).tolist()).toEqual([[[11, 21]], [[12, 22]], [[13, 23]]]);
  expect(await line.sub(x).tolist()).toEqual([[[9, 19]], [[8, 18]], [[7, 17]]]);
  expect(await where(x.greater(1), x, line.sum()).tolist()).toEqual([[[30]], [[2]], [[3]]]);
});
