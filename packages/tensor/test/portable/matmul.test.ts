import { einsum, linear } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args {
  equation: string;
}

await check<Args>("matmul", {
  einsum: ({ equation }, ...operands) => einsum(equation, ...operands),
  matmul: (_, x, y) => x.matmul(y),
  linear: (_, x, weight, bias) => linear(x, weight, bias),
});
