/** Initial values that are never read are never computed. */
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
  // The parameter has been computed, so the remaining graph draws no random numbers.
  const models = load.mock.calls.slice(loads).map(([model]) => new TextDecoder("latin1").decode(model));
  expect(models.some((model) => model.includes("BitShift"))).toBe(false);
  load.mockRestore();
});

test("an assignment before the first read sets the initial value", async () => {
  const idle = parameter(normal(randomKey(1), [3]));
  const other = normal(randomKey(3), [3]);
  idle.assign(other.mul(2));
  await tensor([1, 2]).add(1).data();
  expect(idle.peekValue().stored).toBeUndefined();
  expect(await idle.tolist()).toEqual(await other.mul(2).tolist());
  // Once it has been read, a new value is computed with the next read of anything.
  idle.assign(idle.add(1));
  await tensor([1, 2]).add(1).data();
  expect(idle.peekValue().stored).toBeDefined();
});
