import {
  elu,
  gelu,
  glu,
  hardsigmoid,
  hardswish,
  leakyRelu,
  logSigmoid,
  mish,
  prelu,
  relu6,
  selu,
  silu,
  softsign,
} from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args {
  slope?: number;
  alpha: number;
  axis: number;
}

await check<Args>("activation", {
  logSigmoid: (_, x) => logSigmoid(x),
  softsign: (_, x) => softsign(x),
  relu6: (_, x) => relu6(x),
  elu: (_, x) => elu(x),
  eluAlpha: ({ alpha }, x) => elu(x, alpha),
  selu: (_, x) => selu(x),
  gelu: (_, x) => gelu(x),
  geluTanh: (_, x) => gelu(x, { approximate: "tanh" }),
  silu: (_, x) => silu(x),
  mish: (_, x) => mish(x),
  hardswish: (_, x) => hardswish(x),
  hardsigmoid: (_, x) => hardsigmoid(x),
  leakyRelu: ({ slope }, x) => leakyRelu(x, slope),
  prelu: (_, x, weight) => prelu(x, weight),
  glu: ({ axis }, x) => glu(x, axis),
});
