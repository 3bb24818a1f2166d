import { argsort, sort, topK } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args {
  axis?: number;
  descending?: boolean;
  largest?: boolean;
  k: number;
}

await check<Args>("sort", {
  sort: (args, x) => {
    const { values, indices } = sort(x, args);
    return [values, indices];
  },
  argsort: (args, x) => argsort(x, args),
  topK: ({ k, ...options }, x) => {
    const { values, indices } = topK(x, k, options);
    return [values, indices];
  },
});
