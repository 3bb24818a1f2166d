/** MiDaS and DPT on tiny configurations: formulas, gradients and messages. */
import type { Module } from "@tessera-ml/nn";
import { fillGolden, uniformTensor } from "@tessera-ml/nn/golden";
import { fromArray, type Tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { gradcheck } from "../../../tensor/test/support/gradcheck.ts";
import { DPT, type DPTConfig, MidasNet, type MidasNetConfig } from "../../src/index.ts";
import { BeitEncoder, relativePositionIndex } from "../../src/models/midas/beit.ts";
import { Decoder } from "../../src/models/midas/decoder.ts";
import { SwinV2Encoder } from "../../src/models/midas/swin-v2.ts";
import { checkParameterGradients } from "../support.ts";

const read = async (x: Tensor) => [...((await x.data()) as Float32Array)];
const CHANNELS = [4, 6, 8, 10] as const;
const VIT = { dim: 12, depth: 4, heads: 2, patch: 16, image: 64, taps: [0, 1, 2, 3], classes: 0 } as const;
const vit: DPTConfig = { encoder: { kind: "vit", ...VIT }, channels: CHANNELS, features: 8 };
const beit: DPTConfig = {
  encoder: { kind: "beit", ...VIT, layerScale: 1 },
  channels: CHANNELS,
  features: 8,
};
/** Windows of 2 tokens: the first stages have several, alternately shifted; the last has one. */
const SWIN = {
  dim: 8,
  depths: [2, 2, 2, 2],
  heads: [2, 2, 2, 2],
  window: 2,
  image: 32,
  patch: 2,
  classes: 0,
} as const;
const swin: DPTConfig = {
  encoder: { kind: "swin2", ...SWIN, window: 4 },
  channels: [8, 16, 32, 64],
  features: 8,
};
const small: MidasNetConfig = {
  encoder: { kind: "efficientnet-lite", width: 0.2 },
  channels: [8, 8, 24, 64],
  features: [4, 8, 16, 32],
  fusion: "projected",
  alignOutput: false,
};

const KEEP = { match: /attn_mask$/, keep: true };

/** Positive maps in the decoder, so that differences do not cross the kink of a ReLU. */
function smooth<M extends Module>(model: M): M {
  fillGolden(model, {
    rules: [
      KEEP,
      { match: /pos_embed$/, gain: 0.5 },
      { match: /act_postprocess\d\.[34]\.bias$/, offset: 4 },
      {
        match: /(act_postprocess\d\.[34]|layer\d_rn|refinenet.*|output_conv\.\d)\.weight$/,
        offset: 0.03,
        gain: 0.03,
      },
    ],
  });
  return model.eval();
}

/** A loss whose gradient is not small against it. */
const loss = (depth: Tensor): Tensor => depth.mul(uniformTensor("weights", depth.shape).add(1)).mean();

describe("decoder", () => {
  const config = { channels: CHANNELS, features: [4, 4, 4, 4], alignOutput: false } as const;
  const maps = CHANNELS.map((channels, i) =>
    uniformTensor(`map${i}`, [1, channels, 8 / 2 ** i, 8 / 2 ** i]).add(1),
  ) as unknown as Parameters<Decoder["forward"]>[0];

  test("the skip connections of MiDaS v2.1 add relu(x)", async () => {
    const decoder = new Decoder({ ...config, fusion: "plain" });
    fillGolden(decoder, { rules: [{ match: /conv2/, value: 0 }] });
    const unit = decoder.refinenet1.resConfUnit1 as NonNullable<typeof decoder.refinenet1.resConfUnit1>;
    const x = uniformTensor("x", [1, 4, 3, 3]);
    expect(await read(unit.forward(x))).toEqual((await read(x)).map((value) => Math.max(0, value)));
    const later = new Decoder({ ...config, fusion: "projected" });
    fillGolden(later, { rules: [{ match: /conv2/, value: 0 }] });
    expect(await read(later.refinenet1.resConfUnit2.forward(x))).toEqual(await read(x));
  });

  test.each(["plain", "projected"] as const)("%s: shape and gradients", async (fusion) => {
    const decoder = smooth(new Decoder({ ...config, fusion }));
    expect(decoder.forward(maps).shape).toEqual([1, 32, 32]);
    await checkParameterGradients(
      decoder,
      [
        "layer1_rn.weight",
        "layer4_rn.weight",
        "refinenet3.resConfUnit1.conv2.weight",
        "output_conv.4.weight",
      ],
      () => loss(decoder.forward(maps)),
    );
  });
});

const hybrid: DPTConfig = {
  encoder: { kind: "vit", ...VIT, taps: [1, 3], stages: [1, 1, 1] },
  channels: [256, 512, 8, 10],
  features: 8,
};

describe.each([
  [
    "hybrid",
    hybrid,
    [32, 48],
    2 ** -9,
    [
      "pretrained.model.patch_embed.backbone.stages.1.blocks.0.norm3.weight",
      "pretrained.model.patch_embed.proj.weight",
    ],
  ],
  [
    "vit",
    vit,
    [48, 80],
    2 ** -9,
    [
      "pretrained.model.pos_embed",
      "pretrained.model.patch_embed.proj.weight",
      "pretrained.act_postprocess2.0.project.0.weight",
      "pretrained.act_postprocess4.4.weight",
    ],
  ],
  [
    "beit",
    beit,
    [48, 80],
    2 ** -5,
    [
      "pretrained.model.blocks.1.attn.relative_position_bias_table",
      "pretrained.model.blocks.0.attn.q_bias",
      "pretrained.model.blocks.2.gamma_1",
    ],
  ],
  [
    "swin2",
    swin,
    [32, 32],
    2 ** -9,
    [
      "pretrained.model.layers.0.blocks.1.attn.logit_scale",
      "pretrained.model.layers.0.blocks.0.attn.cpb_mlp.2.weight",
      "pretrained.model.layers.1.downsample.reduction.weight",
      "pretrained.model.layers.2.blocks.0.attn.v_bias",
    ],
  ],
] as const)("DPT, %s", (_, config, [height, width], step, paths) => {
  // Stages of patches of 2: the maps of Swin here are twice as fine as those of patches of 4.
  const scale = config === swin ? 2 : 1;
  test("gives a map of the image's size", async () => {
    const depth = smooth(new DPT(config)).forward(uniformTensor("x", [2, 3, height, width]));
    expect(depth.shape).toEqual([2, scale * height, scale * width]);
    expect(Math.min(...(await read(depth)))).toBeGreaterThan(0);
  });

  test("images of a batch do not influence each other", async () => {
    const model = smooth(new DPT(config));
    const x = uniformTensor("x", [2, 3, height, width]);
    const both = await read(model.forward(x));
    const second = await read(model.forward(x.narrow(0, 1, 1)));
    const far = second.map((value, i) => Math.abs(value - both[second.length + i]!));
    expect(Math.max(...far)).toBeLessThan(1e-4 * Math.max(...second));
  });

  test("the gradients of parameters", async () => {
    const model = new DPT(config);
    fillGolden(model, { rules: [KEEP, { match: /pos_embed$/, gain: 0.5 }] });
    const x = uniformTensor("x", [1, 3, height, width]);
    await checkParameterGradients(
      model,
      paths,
      () =>
        model.pretrained
          .forward(x)
          .map((map, i) => map.mul(uniformTensor(`weights ${i}`, map.shape)).sum())
          .reduce((sum, term) => sum.add(term)),
      step,
    );
  });
});

describe("relative positions of BEiT", () => {
  test("rows of the table for pairs of tokens", () => {
    // Two patches in a row: rows 0 to 2 are for -1, 0 and 1 columns to the right, then from, to and of the class token.
    expect([...relativePositionIndex([1, 2])]).toEqual([5, 3, 3, 4, 1, 0, 4, 2, 1]);
  });

  test("a table for another size is interpolated between the stored distances", async () => {
    const encoder = new BeitEncoder({ ...VIT, image: 32 }); // 2 x 2 patches, a table of 3 x 3 and 3 rows
    fillGolden(encoder, { rules: [{ match: /bias_table$/, value: 2 }] });
    const index = relativePositionIndex([3, 2]);
    const bias = encoder.blocks[0]!.attn.bias([3, 2], fromArray(index, [index.length]));
    expect(bias.shape).toEqual([1, 2, 7, 7]);
    for (const value of await read(bias)) expect(value).toBeCloseTo(2, 6);
  });
});

describe("Swin V2", () => {
  test("the gradient with respect to the image, with shifted windows", async () => {
    const encoder = new SwinV2Encoder({ ...SWIN, image: 16, depths: [2, 1, 1, 1] });
    fillGolden(encoder, { rules: [{ match: /attn_mask$/, keep: true }] });
    const x = uniformTensor("x", [1, 3, 16, 16]);
    const energy = (y: Tensor) => encoder.forward(y)[1].square().sum().mul(0.1);
    await gradcheck(
      (patch) =>
        energy(
          x.add(
            patch.pad([
              [0, 0],
              [0, 0],
              [3, 11],
              [5, 9],
            ]),
          ),
        ),
      [uniformTensor("patch", [1, 3, 2, 2])],
    );
  });

  test("tokens that were shifted in from the other side do not attend to each other", async () => {
    const encoder = new SwinV2Encoder({ ...SWIN, depths: [2, 1, 1, 1] });
    fillGolden(encoder, { rules: [{ match: /attn_mask$/, keep: true }] });
    const x = uniformTensor("x", [1, 3, 32, 32]);
    const changed = x.add(
      uniformTensor("change", [1, 3, 2, 2]).pad([
        [0, 0],
        [0, 0],
        [0, 30],
        [0, 30],
      ]),
    );
    const [before, after] = [await read(encoder.forward(x)[0]), await read(encoder.forward(changed)[0])];
    // Two blocks with windows of 2 tokens reach 2 tokens far: nothing changes in the last row and column of 16.
    const moved = before.flatMap((value, i) => (Math.abs(value - after[i]!) > 1e-6 ? [i % 256] : []));
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.filter((at) => at % 16 > 3 || Math.floor(at / 16) > 3)).toEqual([]);
  });

  test("sizes", () => {
    const encoder = new SwinV2Encoder(SWIN);
    expect(() => encoder.forward(uniformTensor("x", [1, 3, 64, 32]))).toThrow(
      "expected images of 32 x 32, the only size of this network, got",
    );
    expect(() => new SwinV2Encoder({ ...SWIN, image: 48, window: 16 })).toThrow(
      "an image of 48 gives stage 0 24 tokens a side, no multiple of 16",
    );
  });
});

describe("MiDaS", () => {
  test("the gradients of parameters", async () => {
    const model = smooth(new MidasNet(small));
    const x = uniformTensor("x", [1, 3, 32, 64]);
    expect(model.forward(x).shape).toEqual([1, 32, 64]);
    await checkParameterGradients(
      model,
      [
        "pretrained.layer4.1.0.bn3.weight",
        "scratch.refinenet4.out_conv.weight",
        "scratch.output_conv.0.weight",
      ],
      () => loss(model.forward(x)),
    );
  });

  test("sizes that do not fit", () => {
    const model = new MidasNet(small);
    expect(() => model.forward(uniformTensor("x", [1, 3, 32, 48]))).toThrow(
      "expected an image [B, 3, H, W] whose sides are multiples of 32, got",
    );
    expect(() => model.forward(uniformTensor("x", [1, 4, 32, 32]))).toThrow("sides are multiples of 32");
    expect(() => new DPT(vit).forward(uniformTensor("x", [1, 3, 32, 40]))).toThrow(
      "DPT: expected an image [B, 3, H, W] whose sides are multiples of 16, got",
    );
  });
});
