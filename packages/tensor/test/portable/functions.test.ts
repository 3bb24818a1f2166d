/** Functions without PyTorch fixtures, against JavaScript's `Math`. */
import { expect, test } from "vitest";
import {
  acosh,
  asinh,
  atanh,
  grad,
  isFinite,
  lerp,
  outer,
  type Tensor,
  tensor,
  trunc,
  unbind,
} from "../../src/index.ts";

test.each([
  ["asinh", asinh, Math.asinh, [-3, -0.5, 0.25, 2]],
  ["acosh", acosh, Math.acosh, [1.25, 2, 7]],
  ["atanh", atanh, Math.atanh, [-0.75, 0.1, 0.9]],
] as const)("%s and its gradient", async (_, ours, host, inputs) => {
  const x = tensor([...inputs]);
  const values = (await ours(x).tolist()) as number[];
  const slopes = (await grad((t: Tensor) => ours(t).sum())(x).tolist()) as number[];
  inputs.forEach((input, i) => {
    expect(values[i]).toBeCloseTo(host(input), 5);
    expect(slopes[i]).toBeCloseTo((host(input + 1e-5) - host(input - 1e-5)) / 2e-5, 4);
  });
});

test("rounding toward zero, finiteness, interpolation, slices and outer products", async () => {
  expect(
    await trunc(tensor([-1.7, -0.2, 0.9, 2.5]))
      .equal(tensor([-1, 0, 0, 2]))
      .all()
      .item(),
  ).toBe(1);
  expect(await isFinite(tensor([1, Number.NaN, Number.NEGATIVE_INFINITY])).tolist()).toEqual([
    true,
    false,
    false,
  ]);
  expect(await lerp(tensor([0, 10]), tensor([4, 20]), 0.25).tolist()).toEqual([1, 12.5]);
  const [first, second] = unbind(
    tensor([
      [1, 2],
      [3, 4],
    ]),
    1,
  ) as [Tensor, Tensor];
  expect(await first.tolist()).toEqual([1, 3]);
  expect(await second.tolist()).toEqual([2, 4]);
  expect(await outer(tensor([1, 2]), tensor([3, 4, 5])).tolist()).toEqual([
    [3, 4, 5],
    [6, 8, 10],
  ]);
});
