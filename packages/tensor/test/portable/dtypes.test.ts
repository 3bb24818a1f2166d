import type { DType } from "../../src/dtype.ts";
import { softmax, where } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args {
  axes: number[];
  axis: number;
  dtype: DType;
}

await check<Args>("dtypes", {
  add: (_, x, y) => x.add(y),
  sub: (_, x, y) => x.sub(y),
  mul: (_, x, y) => x.mul(y),
  div: (_, x, y) => x.div(y),
  floorDivide: (_, x, y) => x.floorDivide(y),
  remainder: (_, x, y) => x.remainder(y),
  maximum: (_, x, y) => x.maximum(y),
  minimum: (_, x, y) => x.minimum(y),
  neg: (_, x) => x.neg(),
  abs: (_, x) => x.abs(),
  sign: (_, x) => x.sign(),
  where: (_, condition, x, y) => where(condition, x, y),
  matmul: (_, x, y) => x.matmul(y),
  exp: (_, x) => x.exp(),
  tanh: (_, x) => x.tanh(),
  softmax: ({ axis }, x) => softmax(x, axis),
  sum: ({ axes }, x) => x.sum(axes),
  mean: ({ axes }, x) => x.mean(axes),
  max: ({ axes }, x) => x.max(axes),
  cast: ({ dtype }, x) => x.astype(dtype),
});
