/** The networks for CIFAR-10: parameter counts, shapes, training, and what their recipes share. */
import { Conv2d, crossEntropy, Linear, Module, SGD } from "@tessera-ml/nn";
import { compile, fromArray, manualSeed, type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import { createNetwork, networks } from "../src/index.ts";
import { cifarBatches } from "../src/recipes/cifar-data.ts";
import { recipes as allRecipes } from "../src/recipes/index.ts";
import { SphereMuon } from "../src/recipes/sphere.ts";
import { eigen, whiteningFilters } from "../src/recipes/whitening.ts";

const COUNTS: Readonly<Record<string, number>> = {
  cifar_lenet: 62_006,
  cifar_alexnet: 736_906,
  cifar_vgg: 427_898,
  cifar_googlenet: 78_714,
  cifar_resnet20: 269_722,
  cifar_densenet: 129_758,
  cifar_seresnet20: 274_132,
  cifar_mobilenet: 97_546,
  cifar_vit: 208_970,
  cifar_convnext: 507_530,
  cifar_speedrun: 1_972_768,
};

/** Noise, with a different third of the image brightened for each class. */
function pictures(count: number) {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  const images = Float32Array.from({ length: count * 3 * 32 * 32 }, (_, i) => {
    const [n, row] = [Math.floor(i / 3072), Math.floor(i / 32) % 32];
    return Math.sin(i * i) + (Math.floor(row / 11) === labels[n] ? 1 : 0);
  });
  return { images, labels };
}

test.each(Object.keys(COUNTS))("%s has the expected size and output shape, and learns", async (name) => {
  manualSeed(5);
  const model = createNetwork(name);
  expect(model.parameterCount()).toBe(COUNTS[name]);
  const { images, labels } = pictures(12);
  const [x, y] = [fromArray(images, [12, 3, 32, 32]), fromArray(labels, [12])];
  const optimizer = new SGD(model, { lr: 0.01, momentum: 0.9 });
  const step = compile((x: Tensor, y: Tensor) => {
    const { value, grads } = valueAndGrad(model, () => crossEntropy(model.forward(x), y));
    optimizer.update(grads);
    return value;
  });
  const losses: number[] = [];
  for (let i = 0; i < 8; i++) losses.push(await step(x, y).item());
  step.release();
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.02);
  expect((await model.eval().forward(x).data()).length).toBe(120);
});

test("every CIFAR network has a recipe on the same data", () => {
  const recipes = allRecipes.filter(({ dataset }) => dataset === "cifar10-jpeg");
  expect(recipes.map(({ network }) => network).sort()).toEqual(Object.keys(COUNTS).sort());
  for (const recipe of recipes) {
    const { network: entry } = networks.find(recipe.network);
    expect([recipe.name, entry.inputSize, entry.classes]).toEqual([recipe.network, 32, 10]);
    expect(recipe.preprocessing.crop).toEqual([32, 32]);
  }
});

test("two epochs show every image in both orientations, and a resumed run repeats them exactly", async () => {
  const images = Uint8Array.from({ length: 20 * 3072 }, (_, i) => (i % 32) + 32 * Math.floor(i / 3072 / 4));
  const labels = Int32Array.from({ length: 20 }, (_, i) => i);
  const setting = {
    train: { images: { data: images, shape: [20, 3, 32, 32] as const }, labels },
    batchSize: 5,
    seed: 3,
  };
  const batches = cifarBatches(setting as unknown as Parameters<typeof cifarBatches>[0]);
  const mirrored = async (epoch: number) => {
    const ways = new Map<number, boolean>();
    for await (const batch of batches.epoch(epoch)) {
      const data = (await batch.images.data()) as Uint8Array;
      // Columns increase to the right, except at the reflected edge.
      for (const [i, label] of (await batch.labels.data()).entries())
        ways.set(Number(label), (data[i * 3072 + 10] as number) > (data[i * 3072 + 20] as number));
    }
    return ways;
  };
  const [first, second] = [await mirrored(0), await mirrored(1)];
  expect(first.size).toBe(20);
  for (const [label, way] of first) expect(second.get(label)).toBe(!way);
  const last = async (from: number) => {
    let sum = 0;
    for await (const batch of batches.epoch(1, from)) sum = await batch.images.astype("float32").sum().item();
    return sum;
  };
  expect(await last(3)).toBe(await last(0));
});

test("whitened patches are uncorrelated with equal variance", async () => {
  const { images } = pictures(8);
  // Correlated colours.
  for (let i = 0; i < images.length; i += 3072)
    for (let j = 0; j < 1024; j++)
      images[i + 1024 + j] = 0.5 * (images[i + j] as number) + (images[i + 1024 + j] as number);
  const shape = [8, 3, 32, 32] as const;
  const conv = new Conv2d(3, 24, 2, { bias: false });
  conv.weight.assign(whiteningFilters({ shape, data: images }, 2, 0));
  const flat = conv.forward(fromArray(images, shape)).narrow(1, 0, 12).permute([1, 0, 2, 3]).flatten(1);
  const covariance = (await flat
    .matmul(flat.transpose())
    .div(flat.shape[1] as number)
    .data()) as Float32Array;
  for (const [i, value] of covariance.entries()) expect(value).toBeCloseTo(i % 13 === 0 ? 1 : 0, 3);
});

test("eigenvectors of a symmetric matrix", () => {
  const { values, vectors } = eigen([
    [2, 1, 0],
    [1, 2, 0],
    [0, 0, 5],
  ]);
  expect([...values].sort()).toEqual([1, 3, 5].map((v) => expect.closeTo(v, 10)));
  const three = values.findIndex((v) => Math.abs(v - 3) < 1e-9);
  expect(Math.abs(vectors[0]?.[three] ?? 0)).toBeCloseTo(Math.SQRT1_2, 10);
});

test("airbench's network gives an image and its mirror image the same scores", async () => {
  manualSeed(2);
  const model = createNetwork("cifar_speedrun").eval();
  const x = fromArray(pictures(2).images, [2, 3, 32, 32]);
  const [one, other] = [await model.forward(x).data(), await model.forward(x.flip(3)).data()];
  for (const [i, score] of one.entries()) expect(other[i]).toBeCloseTo(Number(score), 5);
});

test("Muon on the sphere rotates matrices at fixed norm and updates the rest with momentum", async () => {
  class Net extends Module {
    conv = new Conv2d(2, 4, 3, { bias: false });
    head = new Linear(4, 1);
  }
  manualSeed(4);
  const model = new Net();
  const start = (await model.head.weight.data()).slice();
  const optimizer = new SphereMuon(model, {
    lr: 0.1,
    momentum: 0.5,
    matrix: true,
    groups: [{ match: "head", lr: 0.01, matrix: false }],
  });
  const gradient = fromArray(
    Float32Array.from({ length: 72 }, (_, i) => Math.cos(i * i)),
    [4, 2, 3, 3],
  );
  const before = [];
  for (let step = 0; step < 2; step++) {
    before.push(model.conv.weight.mul(1));
    optimizer.update(
      new Map([
        ["conv.weight", gradient.mul(100)],
        ["head.weight", model.head.weight.mul(0).add(1)],
        ["head.bias", model.head.bias?.mul(0) as Tensor],
      ]),
    );
  }
  // Turned by an orthogonal matrix times the rate: all four rows by about 0.1, whatever the gradient's size.
  const scaled = before[1]?.mul(2).div(before[1].norm()) as Tensor;
  const moved = model.conv.weight.sub(scaled).flatten(1);
  for (const length of await moved.norm(1).data()) {
    expect(length).toBeGreaterThan(0.05);
    expect(length).toBeLessThan(0.13);
  }
  // Nesterov: 1 + 0.5·1, then 1 + 0.5·(1 + 0.5).
  for (const [i, weight] of (await model.head.weight.data()).entries())
    expect(weight).toBeCloseTo((start[i] as number) - 0.01 * (1.5 + 1.75), 6);
});
