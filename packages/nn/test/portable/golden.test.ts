/** Golden fills, probes and readers. */
import { fromArray, type Tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import {
  compare,
  compareAll,
  deviation,
  type FillRule,
  fillGolden,
  fnv1a32,
  goldenParameter,
  integerTensor,
  type Probe,
  readProbe,
  readProbes,
  readRules,
  runCases,
  stateHash,
  uniformByName,
} from "../../src/golden/index.ts";
import { BatchNorm2d, Conv2d, Embedding, Linear, Module } from "../../src/index.ts";

const read = async (x: Tensor | undefined) => [...((await x!.data()) as Float32Array)];

describe("fill", () => {
  test("hash and values match the reference", () => {
    expect(fnv1a32("")).toBe(0x811c9dc5);
    expect(fnv1a32("a")).toBe(0xe40c292c); // published test vectors of FNV-1a
    expect(fnv1a32("foobar")).toBe(0xbf9cf968);
    // numpy's, by the formula.
    expect([...uniformByName("input", 4)]).toEqual(INPUT);
  });

  test("each kind of parameter", async () => {
    const u = (key: string, n: number) => [...uniformByName(key, n)];
    const near = (got: ArrayLike<number> | undefined, expected: readonly number[]) => {
      expect(got?.length).toBe(expected.length);
      for (const [i, value] of expected.entries()) expect(got?.[i]).toBeCloseTo(value, 6);
    };
    near(
      goldenParameter("a.weight", [2, 3, 2, 2]),
      u("a.weight", 24).map((x) => x * Math.sqrt(6 / 12)),
    );
    near(
      goldenParameter("a.bias", [2, 3]),
      u("a.bias", 6).map((x) => x),
    );
    near(
      goldenParameter("n.weight", [3]),
      u("n.weight", 3).map((x) => 1 + 0.1 * x),
    );
    near(
      goldenParameter("n.bias", [3]),
      u("n.bias", 3).map((x) => 0.1 * x),
    );
    near(
      goldenParameter("n.running_var", [3]),
      u("n.running_var", 3).map((x) => 1 + 0.5 * x),
    );
    near(goldenParameter("n.num_batches_tracked", []), [0]);
  });

  test("rules: the first match, or all of them", () => {
    const key = "head.out.bias";
    const rules: FillRule[] = [
      { match: /bias$/, offset: 2, gain: 0.5 },
      { match: /^head\./, scale: 3 },
      { match: /^table$/, keep: true },
      { match: /mix$/, value: -0.6 },
    ];
    const affine = Float32Array.from(uniformByName(key, 4), (u) => 2 + 0.5 * u);
    expect(goldenParameter(key, [4], { rules })).toEqual(affine);
    expect(goldenParameter(key, [4], { rules, everyRule: true })).toEqual(affine.map((x) => 3 * x));
    expect(goldenParameter("table", [4], { rules })).toBeUndefined();
    expect(goldenParameter("a.mix", [2], { rules })).toEqual(Float32Array.of(-0.6, -0.6));
    expect(goldenParameter("other", [4], { rules })).toEqual(goldenParameter("other", [4]));
  });

  test("a module, with keys and shapes of the reference", async () => {
    class Net extends Module {
      conv = new Conv2d(1, 2, 1, { bias: false });
      norm = new BatchNorm2d(2);
      words = new Embedding(3, 2);
      head = new Linear(2, 3, { bias: false });
      constructor() {
        super();
        this.head.weight = this.words.weight;
      }
    }
    const net = new Net();
    const before = await read(net.norm.weight);
    fillGolden(net, {
      keyOf: (path) => path.replace("conv.", "stem."),
      shapeOf: (key, shape) => (key === "stem.weight" ? shape.slice(0, 2) : shape),
      rules: [{ match: /^norm\.weight$/, keep: true }],
    });
    const state = net.stateDict();
    expect(await read(state.get("conv.weight"))).toEqual([...goldenParameter("stem.weight", [2, 1])!]);
    expect(await read(state.get("norm.running_var"))).toEqual([...goldenParameter("norm.running_var", [2])!]);
    expect(await read(net.norm.weight)).toEqual(before);
    // Tied: filled under its first path.
    expect(await read(state.get("head.weight"))).toEqual([...goldenParameter("words.weight", [3, 2])!]);
  });

  test("integers and the hash of a state", async () => {
    const ids = [...((await integerTensor("ids", [2, 50], 7).data()) as BigInt64Array)].map(Number);
    const expected = [...uniformByName("ids", 100)].map((u) => Math.floor(((u + 1) / 2) * 7));
    expect(ids).toEqual(expected);
    expect(new Set(ids)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
    const entries = [["b.weight", [2, 3]] as const, ["a", []] as const];
    expect(stateHash(entries)).toBe(fnv1a32("a scalar\nb.weight 2x3"));
    expect(stateHash(entries.toReversed())).toBe(stateHash(entries));
  });
});

/** u("input", 0 to 3). */
const INPUT = [0.5980662107467651, -0.7767595052719116, -0.8749638795852661, -0.23235714435577393];

describe("probes", () => {
  const data = Float32Array.of(1, -2, 3, 0, 5, -1);
  const [mean, std] = [1, Math.sqrt((0 + 9 + 4 + 1 + 16 + 4) / 6)];
  const probe: Probe = { shape: [2, 3], mean, std, argmax: 4, step: 2, values: [1, 3, 5] };

  test("the same array agrees", () => {
    expect(compare(data, [2, 3], probe, 1e-6)).toEqual({ deviation: 0, problems: [] });
    expect(compare(BigInt64Array.from(data, BigInt), [2, 3], probe, 1e-6).problems).toEqual([]);
  });

  test("deviations are measured in standard deviations", () => {
    const moved = data.map((x, i) => (i === 2 ? x + std / 2 : x));
    expect(deviation(moved, probe)).toBeCloseTo(0.5, 6);
    expect(compare(moved, [2, 3], probe, 0.6).problems).toEqual([]);
    expect(compare(moved, [2, 3], probe, 0.4).problems).toEqual(["values off by 5.0e-1 of std, over 0.4"]);
  });

  test("mean, standard deviation and argmax are compared too", () => {
    const between = data.map((x, i) => (i === 5 ? x + 10 : x));
    expect(compare(between, [2, 3], probe, 1e-3).problems.map((text) => text.split(" ")[0])).toEqual([
      "mean",
      "std",
      "argmax",
    ]);
  });

  test("a NaN anywhere never agrees", () => {
    for (const at of data.keys()) {
      const broken = data.map((x, i) => (i === at ? Number.NaN : x));
      expect(compare(broken, [2, 3], probe, 1e9).problems).not.toEqual([]);
    }
    expect(
      deviation(
        data.map((x, i) => (i === 0 ? Number.NaN : x)),
        probe,
      ),
    ).toBeNaN();
    expect(deviation([], probe)).toBeNaN();
  });

  test("shapes must be the same", () => {
    const other = compare(data, [3, 2], probe, 1);
    expect(other).toEqual({ deviation: Number.POSITIVE_INFINITY, problems: ["expected [2, 3], got [3, 2]"] });
  });

  test("a constant array is measured by its magnitude", () => {
    const constant: Probe = { shape: [4], mean: 8, std: 0, step: 1, values: [8, 8, 8, 8] };
    expect(compare([8, 8, 8, 8], [4], constant, 1e-6).problems).toEqual([]);
    expect(deviation([8, 8, 9, 8], constant)).toBe(1 / 8);
    expect(deviation([0, 0, 2, 0], { ...constant, mean: 0, values: [0, 0, 0, 0] })).toBe(2);
  });

  test("several by name", async () => {
    const outputs = new Map([["a", fromArray(data, [2, 3])]]);
    expect(await compareAll(outputs, new Map([["a", probe]]), 1e-6)).toEqual({ deviation: 0, problems: [] });
    const { problems, deviation: worst } = await compareAll(
      outputs,
      new Map([
        ["a", { ...probe, values: [1, 3, 6] }],
        ["b", probe],
      ]),
      1e-3,
    );
    expect(worst).toBe(Number.POSITIVE_INFINITY);
    expect(problems).toEqual([expect.stringMatching(/^a: values off by/), "b: no such output"]);
  });
});

describe("readers", () => {
  const json = { shape: [2, 3], mean: 0, std: 1, l2: 3, argmax: 1, step: 2, values: [1, 2, 3] };

  test("probes", () => {
    expect(readProbe(json, "x")).toEqual({
      shape: [2, 3],
      mean: 0,
      std: 1,
      argmax: 1,
      step: 2,
      values: [1, 2, 3],
    });
    expect([...readProbes({ a: json, b: { ...json, spread: 1e-6 } }, "case.outputs").keys()]).toEqual([
      "a",
      "b",
    ]);
    expect(() => readProbes({ a: { ...json, std: "1" } }, "case.outputs")).toThrow(
      'case.outputs.a.std: expected a number, got "1"',
    );
    expect(() => readProbe({ ...json, step: 3 }, "x")).toThrow(
      "x.values: expected 1 to 2 values (6 entries, step 3), got 3",
    );
    expect(() => readProbe(null, "x")).toThrow("x: expected an object, got null");
  });

  test("rules of every system", () => {
    expect(readRules(undefined, "rules")).toEqual([]);
    expect(
      readRules(
        [
          { match: "(^|\\.)pos_embed$", gain: 0.5 },
          { match: "rotary_emb\\.", keep: true },
          { match: "mix_factor$", value: -0.6 },
          { match: "^out\\.", scale: 0.25 },
          { leaf: "cluster_usage", add: 1, mul: 0.5 },
        ],
        "rules",
      ),
    ).toEqual([
      { match: /(^|\.)pos_embed$/, offset: 0, gain: 0.5 },
      { match: /rotary_emb\./, keep: true },
      { match: /mix_factor$/, value: -0.6 },
      { match: /^out\./, scale: 0.25 },
      { match: expect.any(RegExp), offset: 1, gain: 0.5 },
    ]);
    const [{ match }] = readRules([{ leaf: "a.b" }], "rules") as [FillRule];
    expect(["a.b", "x.a.b", "xa.b", "a.b.c", "aXb"].map((key) => match.test(key))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(() => readRules([{ match: "a", times: 2 }], "case.rules")).toThrow(
      'case.rules[0]: unknown field "times"',
    );
    expect(() => readRules([{ gain: 2 }], "case.rules")).toThrow("case.rules[0]: expected match or leaf");
  });
});

test("a case that throws fails, and the next one still runs", async () => {
  const results: unknown[] = [];
  await runCases(
    { path: "x.json", cases: { a: 1, b: 2 } },
    (result) => results.push(result),
    async (name, golden) => {
      if (name === "a") throw new RangeError("no such network");
      return { deviation: golden as number, problems: [] };
    },
  );
  expect(results).toEqual([
    { name: "a", deviation: Number.NaN, problems: ["no such network"], seconds: expect.any(Number) },
    { name: "b", deviation: 2, problems: [], seconds: expect.any(Number) },
  ]);
});
