import { type AttentionOptions, logSoftmax, scaledDotProductAttention, softmax } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args extends AttentionOptions {
  axis: number;
}

await check<Args>("softmax-attention", {
  softmax: ({ axis }, x) => softmax(x, axis),
  logSoftmax: ({ axis }, x) => logSoftmax(x, axis),
  attention: (args, query, key, value) => scaledDotProductAttention(query, key, value, args),
  attentionMasked: (args, query, key, value, mask) =>
    scaledDotProductAttention(query, key, value, { ...args, mask }),
});
