import { embedding, gather, type Index, oneHot, scatter, scatterAdd, take } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args {
  axis: number;
  classes: number;
  ranges: Index[];
}

await check<Args>("index", {
  gather: ({ axis }, x, index) => gather(x, axis, index),
  scatter: ({ axis }, x, index, source) => scatter(x, axis, index, source),
  scatterAdd: ({ axis }, x, index, source) => scatterAdd(x, axis, index, source),
  take: ({ axis }, x, index) => take(x, index, axis),
  embedding: (_, ids, weight) => embedding(weight, ids),
  oneHot: ({ classes }, ids) => oneHot(ids, classes),
  index: ({ ranges }, x) => x.index(...ranges),
});
