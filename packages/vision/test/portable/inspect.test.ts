/** Looking inside small networks, in Node and in browsers. */
import { BatchNorm2d, Conv2d, Linear, MaxPool2d } from "@tessera-ml/nn";
import { fromArray, manualSeed, normal, randomKey, type Tensor } from "@tessera-ml/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { Classifier, createNetwork, type Part } from "../../src/index.ts";
import {
  attention,
  effectiveReceptiveField,
  featureMaps,
  gradCam,
  hasAttention,
  profile,
} from "../../src/inspect/index.ts";
import { VisionTransformer } from "../../src/models/vit.ts";

class Small extends Classifier {
  conv = new Conv2d(1, 4, 3, { padding: 1 });
  norm = new BatchNorm2d(4);
  pool = new MaxPool2d(2);
  conv2 = new Conv2d(4, 6, 3, { padding: 1, groups: 2 });
  head = new Linear(6, 3);
  parts(): Part[] {
    return [
      { name: "stem", forward: (x) => this.pool.forward(this.norm.forward(this.conv.forward(x)).relu()) },
      { name: "body", forward: (x) => this.conv2.forward(x).tanh() },
      { name: "classifier", forward: (x) => this.head.forward(x.mean([2, 3])) },
    ];
  }
}

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
  // Figures from the papers and from "Computing Receptive Fields of Convolutional Neural Networks".
  test.each([
    ["alexnet", "features.12", 195],
    ["vgg16", "features.28", 196],
    ["vgg16", "features.30", 212],
    ["resnet18", "layer4.1.conv2", 435],
    ["resnet50", "layer4.2.conv2", 427],
    ["mobilenet_v2", "features.18.0", 491],
    ["lenet5", "c5", 32],
    ["vit_tiny_patch16_224", "patch_embed.proj", 16],
    ["swin_t", "features.1.0.attn", 4 * 7 + 6 * 4],
  ] as const)("field of %s at %s is %d", (name, path, field) => {
    const network = createNetwork(name);
    const shape = name === "lenet5" ? [1, 1, 32, 32] : [1, 3, 224, 224];
    const rows = profile(network, shape);
    expect(rows.find((row) => row.path === path)?.receptiveField).toBe(field);
    expect(rows.at(-1)?.receptiveField).toBeNull();
    expect(rows.reduce((sum, { params }) => sum + params, 0)).toBe(network.parameterCount());
  });
});

describe("maps", () => {
  test("of a part", async () => {
    const maps = await featureMaps(model, x, "stem");
    expect(maps.shape).toEqual([4, 6, 6]);
    model.eval();
    const expected = (await (model.parts()[0] as Part).forward(x).data()) as Float32Array;
    model.train();
    expect([...maps.data]).toEqual([...expected]);
    await expect(featureMaps(model, x, "tail")).rejects.toThrow(
      'expected one of the parts stem, body, classifier, got "tail"',
    );
    expect((await featureMaps(model, x, "classifier")).shape).toEqual([3, 1, 1]);
  });

  test("Grad-CAM weights maps by the gradient of the score, as finite differences confirm", async () => {
    const heat = await gradCam(model, x, 1);
    expect(heat.shape).toEqual([1, 6, 6]);
    model.eval();
    const maps = await featureMaps(model, x, "body");
    const score = async (data: Float32Array) => {
      const body = fromArray(Float32Array.from(data), [1, 6, 6, 6]);
      return Number((await (model.parts()[2] as Part).forward(body).data())[1]);
    };
    const step = 1e-2;
    const weights: number[] = [];
    for (let c = 0; c < 6; c++) {
      const moved = (by: number) => maps.data.map((v, i) => (Math.floor(i / 36) === c ? v + by : v));
      weights.push(((await score(moved(step))) - (await score(moved(-step)))) / (2 * step) / 36);
    }
    model.train();
    const sums = Array.from({ length: 36 }, (_, i) =>
      Math.max(
        0,
        weights.reduce((sum, w, c) => sum + w * (maps.data[c * 36 + i] as number), 0),
      ),
    );
    const most = Math.max(...sums);
    expect(most).toBeGreaterThan(0);
    for (const [i, value] of sums.entries()) expect(heat.data[i]).toBeCloseTo(value / most, 2);
    await expect(gradCam(model, x, 3)).rejects.toThrow("expected a class from 0 to 2, got 3");
    await expect(gradCam(model, x, 0, "classifier")).rejects.toThrow("classifier has no places");
  });
});

test("a unit's effective receptive field, as planes", async () => {
  const field = await effectiveReceptiveField(model, "body", [1, 1, 12, 12]);
  expect(field.shape).toEqual([1, 12, 12]);
  expect(Math.max(...field.data)).toBe(1);
});

describe("attention", () => {
  const vit = () =>
    new VisionTransformer({ imageSize: 8, patchSize: 2, dim: 12, depth: 3, heads: 2, classes: 5 });
  const picture = () => normal(randomKey(2), [1, 3, 8, 8]);

  test("maps, rollout and Grad-CAM of a Vision Transformer", async () => {
    manualSeed(1);
    const network = vit();
    const { blocks, rollout } = await attention(network, picture());
    expect(blocks.map(({ shape }) => shape)).toEqual(Array.from({ length: 3 }, () => [2, 4, 4]));
    for (const { data } of blocks) {
      const head = data.slice(0, 16).reduce((sum, value) => sum + value, 0);
      expect(head).toBeGreaterThan(0.5);
      expect(head).toBeLessThan(1);
    }
    expect([Math.min(...rollout.data), Math.max(...rollout.data)]).toEqual([0, 1]);
    expect((await featureMaps(network, picture(), "block2")).shape).toEqual([12, 4, 4]);
    expect((await gradCam(network, picture(), 2)).shape).toEqual([1, 4, 4]);
    await expect(gradCam(network, picture(), 2, "block3")).rejects.toThrow("does not depend on its places");
  });

  test("a convolutional network has none", async () => {
    expect(hasAttention(model)).toBe(false);
    await expect(attention(model, x)).rejects.toThrow("Small has no attention maps");
  });
});
