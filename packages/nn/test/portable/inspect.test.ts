/** Inspecting small networks, in Node and in browsers. */
import { fromArray, manualSeed, normal, randomKey, softmax, type Tensor } from "@tessera-ml/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import {
  BatchNorm2d,
  Conv1d,
  Conv2d,
  Embedding,
  Linear,
  MaxPool2d,
  Module,
  MultiHeadAttention,
  TransformerDecoderLayer,
} from "../../src/index.ts";
import {
  attentionMaps,
  attentionRollout,
  countMacs,
  effectiveReceptiveField,
  featureMaps,
  moduleOutputs,
  type Part,
  partShapes,
  profile,
  tokenGrid,
} from "../../src/inspect/index.ts";

class Small extends Module {
  conv = new Conv2d(1, 4, 3, { padding: 1 });
  norm = new BatchNorm2d(4);
  pool = new MaxPool2d(2);
  conv2 = new Conv2d(4, 6, 3, { padding: 1, groups: 2 });
  head = new Linear(6, 3);
  parts(): Part[] {
    return [
      { name: "stem", forward: (x) => this.pool.forward(this.norm.forward(this.conv.forward(x)).relu()) },
      { name: "body", forward: (x) => this.conv2.forward(x).tanh() },
      { name: "head", forward: (x) => this.head.forward(x.mean([2, 3])) },
    ];
  }
  forward(x: Tensor): Tensor {
    return this.parts().reduce((y, { forward }) => forward(y), x);
  }
}

const read = async (x: Tensor | undefined) => [...((await x!.data()) as Float32Array)];

let model: Small;
let x: Tensor;
beforeAll(async () => {
  manualSeed(3);
  model = new Small();
  x = fromArray(
    Float32Array.from((await normal(randomKey(1), [1, 1, 12, 12]).data()) as Float32Array),
    [1, 1, 12, 12],
  );
});

describe("profile", () => {
  test("layers in order, with shapes, parameters, multiplications and fields", () => {
    const rows = profile(model, [1, 1, 12, 12]);
    expect(
      rows.map(({ path, params, macs, receptiveField }) => [path, params, macs, receptiveField]),
    ).toEqual([
      ["conv", 40, 12 * 12 * 4 * 9, 3],
      ["norm", 8, 0, 3],
      ["pool", 0, 0, 4],
      ["conv2", 6 * 2 * 9 + 6, 6 * 6 * 6 * 2 * 9, 8],
      ["head", 21, 18, null],
    ]);
    expect(rows[3]).toMatchObject({ type: "Conv2d", inputShape: [1, 4, 6, 6], outputShape: [1, 6, 6, 6] });
    expect(model.training).toBe(true);
    expect(Object.keys(model.conv)).not.toContain("forward");
    expect(countMacs([model.forward(x)], [x])).toBe(rows.reduce((sum, { macs }) => sum + macs, 0));
  });

  test("a network for signals", () => {
    class Signal extends Module {
      first = new Conv1d(1, 4, 5, { stride: 2 });
      second = new Conv1d(4, 4, 3, { dilation: 2 });
      forward(signal: Tensor): Tensor {
        return this.second.forward(this.first.forward(signal));
      }
    }
    const rows = profile(new Signal(), [1, 1, 40]);
    expect(rows.map(({ path, receptiveField }) => [path, receptiveField])).toEqual([
      ["first", 5],
      ["second", 5 + 2 * 2 * 2],
    ]);
  });

  test("a network with ids as input and several outputs, and one with several inputs", () => {
    class Words extends Module {
      embed = new Embedding(10, 8);
      attn = new MultiHeadAttention(8, 2);
      head = new Linear(8, 10);
      forward(ids: Tensor): { hidden: Tensor; logits: Tensor } {
        const hidden = this.attn.forward(this.embed.forward(ids));
        return { hidden, logits: this.head.forward(hidden) };
      }
    }
    const words = new Words();
    const rows = profile(words, fromArray(BigInt64Array.of(1n, 2n, 3n, 4n, 5n), [1, 5]));
    expect(rows.map(({ path, macs, receptiveField }) => [path, macs, receptiveField])).toEqual([
      ["embed", 0, 1],
      ["attn.out_proj", 5 * 8 * 8, null],
      ["attn", 5 * 8 * 24 + 2 * 5 * 5 * 8, null],
      ["head", 5 * 8 * 10, null],
    ]);
    expect(rows.reduce((sum, { params }) => sum + params, 0)).toBe(words.parameterCount());

    const decoder = new TransformerDecoderLayer(8, 2, { hidden: 16 });
    const [queries, memory] = [normal(randomKey(1), [1, 3, 8]), normal(randomKey(2), [1, 5, 8])];
    const macs = profile(decoder, [queries, memory]).reduce((sum, row) => sum + row.macs, 0);
    const self = 3 * 8 * 24 + 2 * 3 * 3 * 8 + 3 * 8 * 8;
    const across = 3 * 8 * 8 + 2 * 5 * 8 * 8 + 2 * 3 * 5 * 8 + 3 * 8 * 8;
    expect(macs).toBe(self + across + 2 * 3 * 8 * 16);
  });

  test("a module without forward", () => {
    class Bare extends Module {}
    expect(() => profile(new Bare(), [1, 3])).toThrow("Bare has no forward: pass run");
  });
});

describe("parts", () => {
  test("shapes", () => {
    expect(partShapes(model, [2, 1, 12, 12])).toEqual([
      { name: "stem", shape: [2, 4, 6, 6] },
      { name: "body", shape: [2, 6, 6, 6] },
      { name: "head", shape: [2, 3] },
    ]);
  });

  test("maps", async () => {
    const maps = featureMaps(model, x, "stem");
    expect(maps.shape).toEqual([1, 4, 6, 6]);
    model.eval();
    const expected = await read((model.parts()[0] as Part).forward(x));
    model.train();
    expect(await read(maps)).toEqual(expected);
    expect(() => featureMaps(model, x, "tail")).toThrow(
      'expected one of the parts stem, body, head, got "tail"',
    );
    expect(featureMaps(model, x, "head").shape).toEqual([1, 3, 1, 1]);
  });

  test.each([
    [196, 224, 224, [14, 14]],
    [197, 224, 224, [14, 14]],
    [1 + 4 + 28 * 37, 392, 518, [28, 37]],
    [50, 30, 30, [7, 7]],
    [50, 30, 60, [5, 10]],
    [7, 13, 17, [1, 1]],
    [1, 32, 32, [1, 1]],
  ] as const)("%d tokens of an image of %d x %d", (tokens, height, width, grid) => {
    expect(tokenGrid(tokens, height, width)).toEqual(grid);
  });

  test("a unit does not depend on pixels outside its receptive field", async () => {
    const field = await read(effectiveReceptiveField(model, "body", [1, 1, 12, 12]));
    const seen = field.flatMap((value, i) => (value > 0 ? [[i % 12, Math.floor(i / 12)] as const] : []));
    const extent = (axis: 0 | 1) => {
      const places = seen.map((place) => place[axis]);
      return Math.max(...places) - Math.min(...places) + 1;
    };
    expect(Math.max(...field)).toBe(1);
    // In theory 8; a maximum that is not at the border may hide the outermost pixels.
    for (const axis of [0, 1] as const) {
      expect(extent(axis)).toBeLessThanOrEqual(8);
      expect(extent(axis)).toBeGreaterThanOrEqual(6);
    }
  });
});

test("outputs of modules, for every call", async () => {
  class Twice extends Module {
    layer = new Linear(3, 3);
    forward(y: Tensor): Tensor[] {
      const once = this.layer.forward(y);
      return [once, this.layer.forward(once)];
    }
  }
  const twice = new Twice();
  const input = normal(randomKey(4), [2, 3]);
  let direct: Tensor[] = [];
  const outputs = moduleOutputs(twice, () => {
    direct = twice.forward(input);
  });
  expect([...outputs.keys()]).toEqual(["layer", "layer@1", ""]);
  expect(await read(outputs.get("layer@1"))).toEqual(await read(direct[1]));
  expect(await read(outputs.get(""))).toEqual(await read(direct[0]));
});

describe("attention", () => {
  test("maps of every layer, including masked ones", async () => {
    const decoder = new TransformerDecoderLayer(8, 2, { hidden: 16 });
    const [queries, memory] = [normal(randomKey(1), [1, 3, 8]), normal(randomKey(2), [1, 5, 8])];
    const maps = attentionMaps(decoder, () => decoder.forward(queries, memory, { causal: true }));
    expect(maps.map(({ path, weights }) => [path, weights.shape])).toEqual([
      ["self_attn", [1, 2, 3, 3]],
      ["multihead_attn", [1, 2, 3, 5]],
    ]);
    for (const { weights } of maps)
      for (const sum of await read(weights.sum(-1))) expect(sum).toBeCloseTo(1, 6);
    const own = maps[0]!.weights;
    expect(await read(own)).toEqual(await read(own.tril()));
    expect(decoder.training).toBe(true);
  });

  test("they are softmax(q·kᵀ/√d)", async () => {
    const attn = new MultiHeadAttention(4, 1);
    const y = normal(randomKey(5), [1, 3, 4]);
    const [map] = attentionMaps(attn, () => attn.forward(y));
    const [wq, wk] = attn.in_proj_weight!.chunk(3) as [Tensor, Tensor];
    const expected = await read(
      softmax(y.matmul(wq.transpose()).matmul(y.matmul(wk.transpose()).transpose()).div(2)),
    );
    const got = await read(map!.weights);
    for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 5);
    expect(attentionMaps(model, () => model.forward(x))).toEqual([]);
  });

  test("rollout", async () => {
    const block = (rows: number[]) => fromArray(Float32Array.from(rows), [1, 1, 2, 2]);
    // (I + A)/2 = [[.5, .5], [0, 1]] and [[1, 0], [.5, .5]]; the second times the first.
    const rolled = attentionRollout([block([0, 1, 0, 1]), block([1, 0, 1, 0])]);
    expect(rolled.shape).toEqual([1, 2, 2]);
    expect(await read(rolled)).toEqual([0.5, 0.5, 0.25, 0.75]);
  });
});
