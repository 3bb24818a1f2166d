/** Tensors used where JavaScript expects a number. */
import { describe, expect, test } from "vitest";
import { compile, grad, parameter, type Tensor, tensor } from "../../src/index.ts";

/** Uses of a tensor as a number, which the type checker would reject. */
const uses: Readonly<Record<string, (x: never) => unknown>> = {
  "x > 0": (x) => x > 0,
  "0 <= x": (x) => 0 <= x,
  // biome-ignore lint/suspicious/noDoubleEquals: it is what is tested
  "x == 1": (x) => (x as number) == 1,
  "+x": (x) => +x,
  "-x": (x) => -x,
  "x + 1": (x) => x + 1,
  '"" + x': (x) => ("" as string) + (x as string),
  "x * x": (x) => x * x,
  "Number(x)": (x) => Number(x),
  "Math.max(x, 0)": (x) => Math.max(x, 0),
  "while (x < 3)": (x) => {
    while (x < 3);
  },
};

describe.each(Object.entries(uses))("%s", (_, use) => {
  const eager =
    "[] was used as a number, but a tensor has no value until it is read: write x.greater(0), x.equal(1), x.add(1) or where(condition, a, b), or read it with await x.item()";

  test("throws for a computed tensor, a lazy one and a variable", async () => {
    const computed = tensor(2);
    await computed.item();
    for (const x of [computed, tensor(2).add(1), parameter(tensor(1))])
      expect(() => use(x as never)).toThrow(new TypeError(eager));
  });

  test("throws while a function is compiled or differentiated", () => {
    const compiled = compile((x: Tensor) => {
      use(x as never);
      return x;
    });
    expect(() => compiled(tensor(1))).toThrow(
      "argument 0 [] was used as a number, but a tensor has no value until it is read: write x.greater(0), x.equal(1), x.add(1) or where(condition, a, b), or read it outside the compiled function with await x.item()",
    );
    const slope = grad((x: Tensor) => {
      use(x as never);
      return x;
    });
    expect(() => slope(tensor(1))).toThrow("was used as a number");
  });
});

test("text shows shape and type", () => {
  const x = tensor([[1, 2]], { dtype: "int32" });
  expect([x.toString(), `${x}`, String(x)]).toEqual(Array(3).fill("[1, 2] int32"));
});

test("identity, null checks and truthiness work as for any object", () => {
  const [x, y] = [tensor(1), tensor(1)] as unknown[];
  expect([x === y, x == null, !x]).toEqual([false, false, false]);
});
