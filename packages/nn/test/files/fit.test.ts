import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCheckpoint } from "../../src/files/checkpoint.ts";
import { type Checkpoint, KeyIndex, StoredTensor } from "../../src/files/index.ts";

/** A checkpoint with the given shapes and no data. */
function file(shapes: Readonly<Record<string, readonly number[]>>): Checkpoint {
  const tensors = Object.entries(shapes).map(([name, shape]): [string, StoredTensor] => [
    name,
    new StoredTensor({ name, dtype: "F32", shape, readBytes: async (_, length) => new Uint8Array(length) }),
  ]);
  return createCheckpoint({
    name: "m.pt",
    format: "torch",
    tensors: new Map(tensors),
    close: async () => {},
  });
}

const NETWORK = {
  "conv.weight": [8, 3, 3, 3],
  "block.0.bn.running_mean": [8],
  "fc.weight": [10, 8],
  "fc.bias": [10],
};
const needed = Object.entries(NETWORK).map(([key, shape]) => ({ keys: [key], shape }));
const under = (prefix: string, shapes: Readonly<Record<string, readonly number[]>> = NETWORK) =>
  Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [prefix + key, shape]));

describe("prefixes", () => {
  const names = Object.keys(NETWORK);

  test("arbitrarily nested wrappers, and counters of averages", () => {
    const wrapper = fc.constantFrom("_orig_mod.", "module.", "model.", "net.", "ema_model.", "backbone.");
    const property = fc.property(fc.array(wrapper, { maxLength: 5 }), (wrappers) => {
      const index = new KeyIndex(file({ n_averaged: [], ...under(wrappers.join("")), "other.weight": [2] }));
      const fit = index.fit(needed);
      expect(fit).toMatchObject({ matched: 4, missing: 0, ambiguous: false, copies: [] });
      // For a network at the top level, `other.weight` is an unexpected key.
      const atTop = fit.prefix === "";
      expect(fit.unexpected).toBe(atTop ? 1 : 0);
      expect(index.select(fit).names()).toEqual(atTop ? [...names, "other.weight"] : names);
    });
    fc.assert(property);
  });

  test("a wrapper around a submodule", () => {
    const shapes = {
      "conv._orig_mod.weight": [8, 3, 3, 3],
      "block.module.0._checkpoint_wrapped_module.bn.running_mean": [8],
      "module.fc.weight": [10, 8],
      "fc.bias": [10],
    };
    const index = new KeyIndex(file(shapes));
    const fit = index.fit(needed);
    expect(fit).toMatchObject({ prefix: "", exact: true });
    const selected = index.select(fit);
    expect(selected.names()).toEqual(names);
    expect(selected.get("fc.weight").name).toBe("fc.weight");
  });

  test("names that differ only in their wrappers are kept", () => {
    const index = new KeyIndex(file({ ...NETWORK, "module.fc.bias": [10] }));
    expect(index.fit(needed)).toMatchObject({ matched: 4, unexpected: 1, exact: false });
  });

  test("batch norm counters belong to their network", () => {
    const index = new KeyIndex(file({ ...under("model."), "model.block.0.bn.num_batches_tracked": [] }));
    const fit = index.fit(needed);
    expect(fit.exact).toBe(true);
    expect(index.select(fit).names()).toContain("block.0.bn.num_batches_tracked");
  });
});

describe("several networks in one file", () => {
  test("averaged weights next to the trained ones are a copy", () => {
    const { "block.0.bn.running_mean": _, ...parameters } = NETWORK;
    for (const own of ["", "model."]) {
      const index = new KeyIndex(file({ ...under(own), ...under("ema_model.", parameters) }));
      const fit = index.fit(needed);
      expect(fit).toMatchObject({ prefix: own, copies: ["ema_model."], ambiguous: false, exact: true });
      expect(index.select(fit).names()).toEqual(Object.keys(NETWORK));
    }
  });

  test("a student and its teacher are ambiguous", () => {
    const fit = new KeyIndex(file({ ...under("student."), ...under("teacher.") })).fit(needed);
    expect(fit).toMatchObject({ prefix: "student.", copies: ["teacher."], ambiguous: true });
  });
});

describe("fitting", () => {
  const fit = (shapes: Readonly<Record<string, readonly number[]>>) =>
    new KeyIndex(file(shapes)).fit(needed, { classes: 10, optional: (key) => key.startsWith("aux.") });

  test("a different number of classes, if only the head differs", () => {
    expect(fit({ ...NETWORK, "fc.weight": [7, 8], "fc.bias": [7] })).toMatchObject({
      classes: 7,
      exact: true,
      matched: 4,
    });
    expect(fit(NETWORK).classes).toBeUndefined();
    // A different width, two different numbers, and a mismatch in another layer.
    for (const other of [
      { "fc.weight": [7, 9] },
      { "fc.weight": [7, 8], "fc.bias": [6] },
      { "conv.weight": [4, 3, 3, 3] },
    ]) {
      const misfit = fit({ ...NETWORK, "fc.bias": [7], ...other });
      expect(misfit.classes).toBeUndefined();
      expect(misfit).toMatchObject({ exact: false, missing: 2 });
    }
  });

  test("missing, unexpected and optional keys; parts of one parameter", () => {
    expect(fit({ "conv.weight": [8, 3, 3, 3], extra: [1], "aux.fc.weight": [1] })).toMatchObject({
      named: 1,
      matched: 1,
      missing: 3,
      unexpected: 1,
    });
    expect(fit({})).toMatchObject({ prefix: "", matched: 0, missing: 4, unexpected: 0 });
    const parts = [{ keys: ["a.q", "a.k"], shape: [4, 2] }];
    expect(new KeyIndex(file({ "a.q": [2, 2], "a.k": [2, 2] })).fit(parts).exact).toBe(true);
    expect(new KeyIndex(file({ "a.q": [2, 2] })).fit(parts)).toMatchObject({
      named: 0,
      missing: 1,
      unexpected: 1,
    });
  });

  test("names with a million dots are handled quickly", () => {
    const name = "a.".repeat(500_000);
    expect(new KeyIndex(file({ [name]: [1], [`b.${name}`]: [1] })).fit(needed).matched).toBe(0);
  });
});
