/** Initial values that nothing asks for are never computed. */
import { expect, test, vi } from "vitest";
import { backend, normal, parameter, randomKey, tensor } from "../../src/index.ts";

test("a read computes the initial values it needs, once, and no others", async () => {
  const idle = parameter(normal(randomKey(1), [3]));
  const used = parameter(normal(randomKey(2), [3]));
  const sum = used.mul(2);
  const load = vi.spyOn(await backend(), "load");
  await tensor([1, 2]).add(1).data();
  expect(used.peekValue().stored).toBeUndefined();
  await sum.data();
  expect(idle.peekValue().stored).toBeUndefined();
  expect(used.peekValue().stored).toBeDefined();
  const loads = load.mock.calls.length;
  expect(await used.mul(2).tolist()).toEqual(await sum.tolist());
  // The parameter is an array by now: what is left to compute has no random numbers in it.
  const models = load.mock.calls.slice(loads).map(([model]) => new TextDecoder("latin1").decode(model));
  expect(models.some((model) => model.includes("BitShift"))).toBe(false);
  load.mockRestore();
});
