import { argsort, median, quantile, sort, topK } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args {
  axis?: number;
  descending?: boolean;
  largest?: boolean;
  k: number;
  q: number;
  keepDims?: boolean;
}

await check<Args>("sort", {
  sort: (args, x) => {
    const { values, indices } = sort(x, args);
    return [values, indices];
  },
  argsort: (args, x) => argsort(x, args),
  median: (args, x) => median(x, args),
  quantile: ({ q, ...options }, x) => quantile(x, q, options),
  topK: ({ k, ...options }, x) => {
    const { values, indices } = topK(x, k, options);
    return [values, indices];
  },
});
