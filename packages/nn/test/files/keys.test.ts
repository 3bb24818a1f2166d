import { describe, expect, test } from "vitest";
import {
  type Checkpoint,
  encodeSafetensors,
  type MatchKeysOptions,
  matchKeys,
  openCheckpoint,
} from "../../src/files/index.ts";

async function checkpoint(shapes: Readonly<Record<string, readonly number[]>>): Promise<Checkpoint> {
  const tensors = Object.entries(shapes).map(([name, shape]) => ({
    name,
    dtype: "float32" as const,
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  }));
  return await openCheckpoint(new File([await encodeSafetensors(tensors)], "resnet.pth"));
}

async function match(
  expected: Readonly<Record<string, readonly number[]>>,
  actual: Readonly<Record<string, readonly number[]>>,
  options?: MatchKeysOptions,
) {
  return matchKeys(new Map(Object.entries(expected)), await checkpoint(actual), options);
}

describe("strict", () => {
  test("returns the tensors by the model's names", async () => {
    const report = await match({ a: [2], b: [] }, { b: [], a: [2] });
    expect([...report.matched.keys()].sort()).toEqual(["a", "b"]);
    expect(report).toMatchObject({ missing: [], unexpected: [], misshapen: [], summary: "" });
  });

  test("lists all mismatches", async () => {
    const wanted = { "conv1.weight": [64, 3, 7, 7], "fc.weight": [10], "fc.bias": [10], ok: [1] };
    const found = { "conv1.weight": [64, 1, 7, 7], "head.weight": [3], ok: [1] };
    await expect(match(wanted, found)).rejects.toThrow(
      "cannot load resnet.pth: 2 missing (fc.weight, fc.bias); 1 unexpected (head.weight); " +
        "1 misshapen (conv1.weight: expected [64, 3, 7, 7], got [64, 1, 7, 7])",
    );
  });

  test("shapes of different rank do not match", async () => {
    await expect(match({ a: [2] }, { a: [2, 1] })).rejects.toThrow(
      "1 misshapen (a: expected [2], got [2, 1])",
    );
    await expect(match({ a: [2, 1] }, { a: [2] })).rejects.toThrow(
      "1 misshapen (a: expected [2, 1], got [2])",
    );
  });

  test("long lists are abbreviated, with counts", async () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, [1]]));
    await expect(match(many, { x: [1] })).rejects.toThrow(
      "cannot load resnet.pth: 20 missing (k0, k1, k2, k3, k4, … and 15 more); 1 unexpected (x)",
    );
  });

  test("detects a common prefix", async () => {
    await expect(match({ "a.w": [1], b: [1] }, { "module.a.w": [1], "module.b": [1] })).rejects.toThrow(
      "2 unexpected (module.a.w, module.b). All unexpected keys start with module.: strip it with stripPrefix (--strip-prefix)",
    );
    const error = await match({ w: [1] }, { "module.w": [1], other: [1] }).catch(String);
    expect(error).not.toContain("stripPrefix");
  });
});

test("not strict: mismatches are reported, not thrown", async () => {
  const report = await match({ a: [2], b: [1] }, { a: [3], c: [1] }, { strict: false });
  expect(report.matched.size).toBe(0);
  expect(report).toMatchObject({
    missing: ["b"],
    unexpected: ["c"],
    misshapen: [{ name: "a", expected: [2], actual: [3] }],
    summary: "1 missing (b); 1 unexpected (c); 1 misshapen (a: expected [2], got [3])",
  });
});

test("renames and skips keys, and rejects collisions", async () => {
  const rename = (key: string) => (key === "drop" ? undefined : key.replace("gamma", "weight"));
  const report = await match({ "n.weight": [1] }, { "n.gamma": [1], drop: [5] }, { rename });
  expect([...report.matched.keys()]).toEqual(["n.weight"]);
  expect(report.matched.get("n.weight")?.name).toBe("n.gamma");
  await expect(match({ "n.weight": [1] }, { "n.gamma": [1], "n.weight": [1] }, { rename })).rejects.toThrow(
    "cannot load resnet.pth: n.gamma and n.weight are both renamed to n.weight",
  );
});

test("optional keys may be missing or unexpected", async () => {
  const optional = (key: string) => key.endsWith("num_batches_tracked");
  await match({ w: [1] }, { w: [1], "bn.num_batches_tracked": [] }, { optional });
  await match({ w: [1], "bn.num_batches_tracked": [] }, { w: [1] }, { optional });
  await expect(
    match({ w: [1], "bn.num_batches_tracked": [] }, { w: [1], "bn.num_batches_tracked": [1] }, { optional }),
  ).rejects.toThrow("1 misshapen (bn.num_batches_tracked: expected [], got [1])");
});
