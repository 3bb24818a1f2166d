/** Layers of Vision Transformers: keys, formulas and gradients. */
import {
  compile,
  fromArray,
  gelu,
  manualSeed,
  normal,
  randomKey,
  resize,
  silu,
  type Tensor,
} from "@tessera-ml/tensor";
import { beforeEach, describe, expect, test } from "vitest";
import { gradcheck } from "../../../tensor/test/support/gradcheck.ts";
import { fillGolden, uniformTensor } from "../../src/golden/index.ts";
import {
  Attention,
  interpolatePositions,
  LayerNorm,
  Mlp,
  type Module,
  MultiHeadAttention,
  PatchEmbed,
  RMSNorm,
  SwiGLU,
  swigluHidden,
  ViTBlock,
} from "../../src/index.ts";

const read = async (x: Tensor) => [...((await x.data()) as Float32Array)];
async function expectClose(got: Tensor, expected: Tensor, digits = 5): Promise<void> {
  expect(got.shape).toEqual(expected.shape);
  const [a, b] = [await read(got), await read(expected)];
  for (const [i, value] of b.entries()) expect(a[i]).toBeCloseTo(value, digits);
}
const keys = (module: Module) =>
  [...module.stateDict()].map(([key, { shape }]) => `${key} ${shape.join("x")}`);
const x = uniformTensor("x", [2, 5, 12]);

beforeEach(() => manualSeed(7));

describe("Attention", () => {
  test("equals MultiHeadAttention with the same matrices", async () => {
    const attn = new Attention(12, 3);
    fillGolden(attn);
    const other = new MultiHeadAttention(12, 3);
    for (const [mine, theirs] of [
      [attn.qkv.weight, other.in_proj_weight],
      [attn.qkv.bias, other.in_proj_bias],
      [attn.proj.weight, other.out_proj.weight],
      [attn.proj.bias, other.out_proj.bias],
    ] as const)
      theirs!.assign(mine!);
    await expectClose(attn.forward(x), other.forward(x));
    await expectClose(attn.forward(x, { causal: true }), other.forward(x, x, x, { causal: true }));
  });

  test("keys", () => {
    expect(keys(new Attention(12, 3))).toEqual([
      "qkv.weight 36x12",
      "qkv.bias 36",
      "proj.weight 12x12",
      "proj.bias 12",
    ]);
    const bare = new Attention(12, 3, { qkvBias: false, projBias: false, qkNorm: (d) => new RMSNorm(d) });
    expect(keys(bare)).toEqual([
      "qkv.weight 36x12",
      "q_norm.weight 4",
      "k_norm.weight 4",
      "proj.weight 12x12",
    ]);
    expect(() => new Attention(12, 5)).toThrow("12 features are not divisible by 5 heads");
    expect(() => bare.forward(x.unsqueeze(0))).toThrow("expected [B, T, 12]");
  });

  test("normalized queries and keys", async () => {
    const attn = new Attention(12, 3, { qkNorm: (d) => new LayerNorm(d, { eps: 1e-6 }) });
    fillGolden(attn);
    const [q, k, v] = attn.qkv
      .forward(x)
      .chunk(3, -1)
      .map((y) => y.reshape([2, 5, 3, 4]).permute([0, 2, 1, 3])) as [Tensor, Tensor, Tensor];
    const scores = attn.q_norm!.forward(q).matmul(attn.k_norm!.forward(k).transpose()).div(2).exp();
    const seen = scores.div(scores.sum(-1, true)).matmul(v);
    await expectClose(attn.forward(x), attn.proj.forward(seen.permute([0, 2, 1, 3]).reshape([2, 5, 12])));
  });

  test("a position bias, with and without a mask", async () => {
    class Biased extends Attention {
      bias = uniformTensor("bias", [1, 3, 5, 5]);
      protected override positionBias(): Tensor {
        return this.bias;
      }
    }
    const [plain, biased] = [new Attention(12, 3), new Biased(12, 3)];
    for (const attn of [plain, biased]) fillGolden(attn);
    const allowed = fromArray(Uint8Array.of(1, 1, 0, 1, 1), [5], "bool");
    const hidden = fromArray(Float32Array.of(0, 0, Number.NEGATIVE_INFINITY, 0, 0), [5]);
    await expectClose(biased.forward(x), plain.forward(x, { mask: biased.bias }));
    const both = plain.forward(x, { mask: biased.bias.add(hidden) });
    await expectClose(biased.forward(x, { mask: allowed }), both);
    await expectClose(biased.forward(x, { mask: hidden }), both);
  });
});

describe("hidden layers", () => {
  test("Mlp", async () => {
    const mlp = new Mlp(12, 7, { activation: (y) => y.tanh(), bias: false });
    expect(keys(mlp)).toEqual(["fc1.weight 7x12", "fc2.weight 12x7"]);
    await expectClose(mlp.forward(x), mlp.fc2.forward(mlp.fc1.forward(x).tanh()));
    const usual = new Mlp(12, 7);
    await expectClose(usual.forward(x), usual.fc2.forward(gelu(usual.fc1.forward(x))));
  });

  test("SwiGLU", async () => {
    const mlp = new SwiGLU(12, 7);
    expect(keys(mlp)).toEqual(["w12.weight 14x12", "w12.bias 14", "w3.weight 12x7", "w3.bias 12"]);
    const hidden = mlp.w12.forward(x);
    const gated = silu(hidden.narrow(-1, 0, 7)).mul(hidden.narrow(-1, 7, 7));
    await expectClose(mlp.forward(x), mlp.w3.forward(gated));
    // DINOv2 ViT-g, and a width that is rounded up.
    expect([6144, 400].map(swigluHidden)).toEqual([4096, 272]);
  });
});

describe("ViTBlock", () => {
  const timm = [
    ["norm1.weight", "12"],
    ["norm1.bias", "12"],
    ["attn.qkv.weight", "36x12"],
    ["attn.qkv.bias", "36"],
    ["attn.proj.weight", "12x12"],
    ["attn.proj.bias", "12"],
    ["norm2.weight", "12"],
    ["norm2.bias", "12"],
    ["mlp.fc1.weight", "48x12"],
    ["mlp.fc1.bias", "48"],
    ["mlp.fc2.weight", "12x48"],
    ["mlp.fc2.bias", "12"],
  ].map((pair) => pair.join(" "));

  test("keys of timm and of DINOv2", () => {
    expect(keys(new ViTBlock(12, 3))).toEqual(timm);
    const scaled = [...timm.slice(0, 6), "ls1.gamma 12", ...timm.slice(6), "ls2.gamma 12"];
    expect(keys(new ViTBlock(12, 3, { layerScale: 1e-5 }))).toEqual(scaled);
    const gated = keys(new ViTBlock(12, 3, { mlp: new SwiGLU(12, 8), qkvBias: false }));
    expect(gated).toEqual([
      ...timm.slice(0, 3),
      ...timm.slice(4, 8),
      "mlp.w12.weight 16x12",
      "mlp.w12.bias 16",
      "mlp.w3.weight 12x8",
      "mlp.w3.bias 12",
    ]);
  });

  test("norms, branches and scales as in the paper", async () => {
    const block = new ViTBlock(12, 3, { hidden: 20, layerScale: 0.5, eps: 0.1, activation: silu });
    fillGolden(block);
    const norm = (y: Tensor, { weight, bias }: LayerNorm) => {
      const centred = y.sub(y.mean(-1, true));
      return centred.div(centred.square().mean(-1, true).add(0.1).sqrt()).mul(weight!).add(bias!);
    };
    const { fc1, fc2 } = block.mlp as Mlp;
    const y = x.add(block.attn.forward(norm(x, block.norm1)).mul(block.ls1!.gamma));
    const z = y.add(fc2.forward(silu(fc1.forward(norm(y, block.norm2)))).mul(block.ls2!.gamma));
    await expectClose(block.forward(x), z);
    const causal = block.forward(x, { causal: true });
    expect(await read(causal)).not.toEqual(await read(block.forward(x)));
    await expectClose(causal.narrow(1, 0, 2), block.forward(x.narrow(1, 0, 2), { causal: true }));
  });

  test("gives the same result compiled for inference", async () => {
    const block = new ViTBlock(12, 3, { layerScale: 1 }).eval();
    fillGolden(block);
    const run = compile((y: Tensor) => block.forward(y), { freeze: true });
    await expectClose(run(x), block.forward(x));
    run.release();
  });

  test("paths are dropped per sample, only in training", async () => {
    const block = new ViTBlock(12, 3, { dropPath: 0.5 });
    const many = normal(randomKey(3), [64, 2, 12]);
    const changed = block.forward(many).sub(many).abs().sum([1, 2]);
    const untouched = (await read(changed)).filter((change) => change === 0).length;
    expect(untouched).toBeGreaterThan(4); // a quarter of 64 drops both branches
    expect(untouched).toBeLessThan(32);
    block.eval();
    const still = (await read(block.forward(many).sub(many).abs().sum([1, 2]))).filter(
      (change) => change === 0,
    );
    expect(still).toEqual([]);
  });

  test.each([
    ["timm", () => new ViTBlock(6, 2, { hidden: 8 })],
    ["DINOv2", () => new ViTBlock(6, 2, { layerScale: 0.7, mlp: new SwiGLU(6, 5) })],
    ["normalized queries and keys", () => new ViTBlock(6, 2, { qkNorm: (d) => new LayerNorm(d), hidden: 8 })],
  ] as const)("gradients of %s match finite differences", async (_, make) => {
    const block = make();
    fillGolden(block);
    const variables = [...block.trainable().values()];
    const values = await Promise.all(
      variables.map(async (variable) => fromArray(Float32Array.from(await read(variable)), variable.shape)),
    );
    await gradcheck(
      (input, ...parameters) => {
        for (const [i, parameter] of parameters.entries()) variables[i]!.assign(parameter);
        return block.forward(input);
      },
      [uniformTensor("x", [2, 3, 6]), ...values],
      { tolerance: 5e-3 },
    );
  });
});

describe("PatchEmbed", () => {
  test("tokens row by row", async () => {
    const embed = new PatchEmbed(2, 5, { channels: 1 });
    const image = uniformTensor("image", [1, 1, 4, 6]);
    const tokens = embed.forward(image);
    expect(tokens.shape).toEqual([1, 6, 5]);
    const corner = embed.forward(image.narrow(2, 2, 2).narrow(3, 2, 2)); // second row, second column
    await expectClose(tokens.narrow(1, 4, 1), corner);
  });

  test("rejects sizes that are not divisible, unless patches overlap", () => {
    const image = uniformTensor("image", [1, 3, 15, 14]);
    expect(() => new PatchEmbed(14, 4).forward(image)).toThrow(
      "expected an image whose sides are multiples of 14",
    );
    expect(new PatchEmbed(7, 4, { stride: 4, padding: 3 }).forward(image).shape).toEqual([1, 16, 4]);
  });
});

describe("interpolatePositions", () => {
  const table = uniformTensor("table", [1, 2 + 16, 3]);
  const patches = table.narrow(1, 2, 16).reshape([1, 4, 4, 3]).permute([0, 3, 1, 2]);
  const tokens = (grid: Tensor) => grid.flatten(2).transpose(1, 2);

  test("does not change the table for the same grid", () => {
    expect(interpolatePositions(table, [4, 4], { prefix: 2, offset: 0.1 })).toBe(table);
    expect(interpolatePositions(table, [9, 2], { prefix: 0, from: [9, 2] })).toBe(table);
  });

  test.each([
    ["timm", {}, { size: [3, 6], mode: "bicubic", antialias: true }],
    ["transformers", { antialias: false }, { size: [3, 6], mode: "bicubic" }],
    ["MiDaS", { antialias: false, mode: "bilinear" }, { size: [3, 6], mode: "bilinear" }],
    ["DINOv2", { antialias: false, offset: 0.1 }, { scale: [3.1 / 4, 6.1 / 4], mode: "bicubic" }],
  ] as const)("like %s", async (_, options, equivalent) => {
    const resized = interpolatePositions(table, [3, 6], { prefix: 2, ...options });
    expect(resized.shape).toEqual([1, 2 + 18, 3]);
    await expectClose(resized.narrow(1, 0, 2), table.narrow(1, 0, 2), 7);
    await expectClose(resized.narrow(1, 2, 18), tokens(resize(patches, equivalent)), 6);
  });

  test("the offset shifts the sampling positions", async () => {
    // A table of row indices: linear interpolation is exact for linear functions.
    const rows = fromArray(
      Float32Array.from({ length: 256 }, (_, i) => Math.floor(i / 16)),
      [1, 256, 1],
    );
    const at = async (offset: { offset?: number }) => {
      const places = await read(
        interpolatePositions(rows, [8, 8], { prefix: 0, antialias: false, mode: "bilinear", ...offset }),
      );
      return places[4 * 8]!; // row 4 of 8
    };
    expect(await at({})).toBeCloseTo(4.5 * 2 - 0.5, 5);
    expect(await at({ offset: 0.1 })).toBeCloseTo((4.5 * 16) / 8.1 - 0.5, 5);
  });

  test("a table of another size", () => {
    expect(() => interpolatePositions(table, [3, 3])).toThrow(
      "expected a table of [1, 1 + rows · columns, D]",
    );
    expect(() => interpolatePositions(table, [3, 3], { prefix: 2, from: [3, 4] })).toThrow("3 x 4 patches");
  });
});
