import { check } from "../support/fixtures.ts";

interface Args {
  axes?: number[];
  axis: number;
  keepDims?: boolean;
  correction: number;
  ord: number;
  reverse: boolean;
}

await check<Args>("reduce", {
  sum: ({ axes, keepDims }, x) => x.sum(axes, keepDims),
  mean: ({ axes, keepDims }, x) => x.mean(axes, keepDims),
  max: ({ axes, keepDims }, x) => x.max(axes, keepDims),
  min: ({ axes, keepDims }, x) => x.min(axes, keepDims),
  prod: ({ axes, keepDims }, x) => x.prod(axes, keepDims),
  variance: ({ axes, ...options }, x) => x.variance(axes, options),
  std: ({ axes, ...options }, x) => x.std(axes, options),
  norm: ({ axes, keepDims, ord }, x) => x.norm(axes, { keepDims, p: ord }),
  normInfinity: ({ axes, keepDims }, x) => x.norm(axes, { keepDims, p: Number.POSITIVE_INFINITY }),
  logSumExp: ({ axes, keepDims }, x) => x.logSumExp(axes, keepDims),
  any: ({ axes, keepDims }, x) => x.any(axes, keepDims),
  all: ({ axes, keepDims }, x) => x.all(axes, keepDims),
  argmax: ({ axis, keepDims }, x) => x.argmax(axis, keepDims),
  argmin: ({ axis, keepDims }, x) => x.argmin(axis, keepDims),
  cumsum: ({ axis, ...options }, x) => x.cumsum(axis, options),
  cumprod: ({ axis }, x) => x.cumprod(axis),
});
