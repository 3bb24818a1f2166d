import { fromArray, type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import * as nn from "../../src/index.ts";
import { expectStored, fill, load, type StoredArray, values } from "../support/fixtures.ts";

interface Case {
  readonly name: string;
  readonly state: Readonly<Record<string, readonly number[]>>;
  readonly inputs: readonly (readonly number[])[];
  readonly ids: number;
  readonly train: number;
  readonly outputs: readonly StoredArray[];
  readonly grads?: Readonly<Record<string, StoredArray>>;
  readonly buffers?: Readonly<Record<string, StoredArray>>;
}

type Entry = { module: nn.Module; forward: (...inputs: Tensor[]) => Tensor | Tensor[] };
const plain = (module: nn.Module & { forward(x: Tensor): Tensor }): Entry => ({
  module,
  forward: (x) => module.forward(x as Tensor),
});
const attention = (module: nn.MultiHeadAttention, options: nn.AttendOptions = {}): Entry => ({
  module,
  forward: (q, k = q, v = k) => module.forward(q as Tensor, k, v, options),
});
const lstm = (module: nn.LSTM): Entry => ({
  module,
  forward: (x) => {
    const { output, h, c } = module.forward(x as Tensor);
    return [output, h, c];
  },
});
const gru = (module: nn.GRU): Entry => ({
  module,
  forward: (x) => {
    const { output, h } = module.forward(x as Tensor);
    return [output, h];
  },
});
const decoder = (module: nn.TransformerDecoderLayer): Entry => ({
  module,
  forward: (x, memory) => module.forward(x as Tensor, memory as Tensor),
});

const unpooling = (
  pool: nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d,
  unpool: nn.MaxUnpool1d | nn.MaxUnpool2d | nn.MaxUnpool3d,
): Entry => ({
  module: new nn.Sequential(),
  forward: (x) => {
    const { values, indices } = pool.withIndices(x as Tensor);
    return unpool.forward(values.square(), indices, (x as Tensor).shape.slice(2));
  },
});

const MAKE: Readonly<Record<string, () => Entry>> = {
  "Linear(5, 3)": () => plain(new nn.Linear(5, 3)),
  "Linear(5, 3), no bias, three axes": () => plain(new nn.Linear(5, 3, { bias: false })),
  "Conv1d(4, 6, 3), stride 2, padding 1": () => plain(new nn.Conv1d(4, 6, 3, { stride: 2, padding: 1 })),
  "Conv2d(4, 6, [3, 2]), groups 2, dilation 2": () =>
    plain(new nn.Conv2d(4, 6, [3, 2], { groups: 2, dilation: 2 })),
  "Conv2d(3, 4, 3), padding 1, reflect, no bias": () =>
    plain(new nn.Conv2d(3, 4, 3, { padding: 1, paddingMode: "reflect", bias: false })),
  "Conv3d(2, 3, 2)": () => plain(new nn.Conv3d(2, 3, 2)),
  "ConvTranspose1d(4, 6, 3), stride 2": () => plain(new nn.ConvTranspose1d(4, 6, 3, { stride: 2 })),
  "ConvTranspose2d(4, 6, 3), stride 2, padding 1, output padding 1, groups 2": () =>
    plain(new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 })),
  "ConvTranspose3d(2, 3, 2), stride 2": () => plain(new nn.ConvTranspose3d(2, 3, 2, { stride: 2 })),
  "BatchNorm1d(4)": () => plain(new nn.BatchNorm1d(4)),
  "BatchNorm1d(4), training": () => plain(new nn.BatchNorm1d(4)),
  "BatchNorm2d(3), training": () => plain(new nn.BatchNorm2d(3)),
  "BatchNorm2d(3), training, momentum 0.3, eps 0.01": () =>
    plain(new nn.BatchNorm2d(3, { momentum: 0.3, eps: 0.01 })),
  "BatchNorm2d(3), training, mean over all batches": () => plain(new nn.BatchNorm2d(3, { momentum: null })),
  "BatchNorm2d(3), not affine": () => plain(new nn.BatchNorm2d(3, { affine: false })),
  "BatchNorm2d(3), no running statistics": () => plain(new nn.BatchNorm2d(3, { trackRunningStats: false })),
  "BatchNorm3d(3)": () => plain(new nn.BatchNorm3d(3)),
  "LayerNorm(6)": () => plain(new nn.LayerNorm(6)),
  "LayerNorm([3, 6]), no bias": () => plain(new nn.LayerNorm([3, 6], { bias: false })),
  "RMSNorm(6)": () => plain(new nn.RMSNorm(6)),
  "GroupNorm(2, 6)": () => plain(new nn.GroupNorm(2, 6)),
  "InstanceNorm2d(3)": () => plain(new nn.InstanceNorm2d(3)),
  "InstanceNorm1d(3), affine": () => plain(new nn.InstanceNorm1d(3, { affine: true })),
  "InstanceNorm2d(3), running statistics": () => plain(new nn.InstanceNorm2d(3, { trackRunningStats: true })),
  "InstanceNorm2d(3), affine, running statistics, training, momentum 0.3": () =>
    plain(new nn.InstanceNorm2d(3, { affine: true, trackRunningStats: true, momentum: 0.3 })),
  "InstanceNorm1d(3), running statistics, training": () =>
    plain(new nn.InstanceNorm1d(3, { trackRunningStats: true })),
  "LocalResponseNorm(3)": () => plain(new nn.LocalResponseNorm(3, { alpha: 0.1 })),
  "Embedding(9, 4)": () => plain(new nn.Embedding(9, 4)),
  "PReLU(3)": () => plain(new nn.PReLU(3)),
  "MaxPool2d(3), stride 2, padding 1": () => plain(new nn.MaxPool2d(3, { stride: 2, padding: 1 })),
  "MaxUnpool1d(2) of MaxPool1d(2)": () => unpooling(new nn.MaxPool1d(2), new nn.MaxUnpool1d(2)),
  "MaxUnpool2d(2) of MaxPool2d(2)": () => unpooling(new nn.MaxPool2d(2), new nn.MaxUnpool2d(2)),
  "MaxUnpool3d(2) of MaxPool3d(2)": () => unpooling(new nn.MaxPool3d(2), new nn.MaxUnpool3d(2)),
  "AvgPool2d(2), ceil": () => plain(new nn.AvgPool2d(2, { ceilMode: true })),
  "AdaptiveAvgPool2d([3, 2])": () => plain(new nn.AdaptiveAvgPool2d([3, 2])),
  "Upsample by 2, bilinear": () => plain(new nn.Upsample({ scale: 2, mode: "bilinear" })),
  "PixelShuffle(2)": () => plain(new nn.PixelShuffle(2)),
  "PixelUnshuffle(2)": () => plain(new nn.PixelUnshuffle(2)),
  "MultiHeadAttention(8, 2)": () => attention(new nn.MultiHeadAttention(8, 2)),
  "MultiHeadAttention(8, 2), causal": () => attention(new nn.MultiHeadAttention(8, 2), { causal: true }),
  "MultiHeadAttention(8, 2), across": () => attention(new nn.MultiHeadAttention(8, 2)),
  "MultiHeadAttention(8, 2), keys of 6, values of 4, no bias": () =>
    attention(new nn.MultiHeadAttention(8, 2, { keyDim: 6, valueDim: 4, bias: false })),
  "TransformerEncoderLayer(8, 2)": () =>
    plain(new nn.TransformerEncoderLayer(8, 2, { hidden: 12, dropout: 0 })),
  "TransformerEncoderLayer(8, 2), norm first, gelu": () =>
    plain(
      new nn.TransformerEncoderLayer(8, 2, { hidden: 12, dropout: 0, normFirst: true, activation: "gelu" }),
    ),
  "TransformerDecoderLayer(8, 2)": () =>
    decoder(new nn.TransformerDecoderLayer(8, 2, { hidden: 12, dropout: 0 })),
  "LSTM(3, 4)": () => lstm(new nn.LSTM(3, 4)),
  "LSTM(3, 4), two layers, both directions": () =>
    lstm(new nn.LSTM(3, 4, { layers: 2, bidirectional: true })),
  "GRU(3, 4)": () => gru(new nn.GRU(3, 4)),
  "GRU(3, 4), two layers, both directions, no bias": () =>
    gru(new nn.GRU(3, 4, { layers: 2, bidirectional: true, bias: false })),
  Sequential: () =>
    plain(
      new nn.Sequential(
        new nn.Conv2d(3, 4, 3),
        (x) => x.relu(),
        new nn.Flatten(),
        new nn.Sequential(new nn.Linear(64, 5), new nn.GELU()),
        new nn.Linear(5, 2),
      ),
    ),
};

const cases = await load<Case>("modules");

test("every fixture is tested", () => {
  expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(MAKE).sort());
});

describe("agrees with PyTorch", () => {
  for (const entry of cases)
    test(entry.name, async () => {
      const { module, forward } = (MAKE[entry.name] as () => Entry)();
      const shapes = [...module.stateDict()].map(([name, { shape }]) => [name, shape]);
      expect(Object.fromEntries(shapes)).toEqual(entry.state);
      fill(module);
      module.train(entry.train > 0);
      const inputs = entry.inputs.map((shape, i) => {
        const input = values(`input.${i}`, shape);
        return entry.ids ? input.add(1).div(2).mul(entry.ids).floor().astype("int64") : input;
      });
      for (let step = 1; step < entry.train; step++) forward(...inputs);
      const { value: outputs, grads } = valueAndGrad(module, (): [Tensor, ...Tensor[]] => {
        const result = forward(...inputs);
        const list = Array.isArray(result) ? result : [result];
        const terms = list.map((y, k) => y.mul(values(`cotangent.${k}`, y.shape)).sum());
        return [terms.reduce((a, b) => a.add(b)), ...list];
      });
      expect(outputs.length - 1).toBe(entry.outputs.length);
      for (const [k, expected] of entry.outputs.entries())
        await expectStored(`output ${k}`, outputs[k + 1], expected);
      for (const [name, expected] of Object.entries(entry.grads ?? {}))
        await expectStored(`gradient of ${name}`, grads.get(name), expected);
      for (const [name, expected] of Object.entries(entry.buffers ?? {}))
        await expectStored(name, module.buffers().get(name), expected);
    });
});

test("the padding row starts as zeros and gets no gradient", async () => {
  const module = new nn.Embedding(4, 3, { paddingIndex: 1 });
  const ids = fromArray(Int32Array.of(0, 1, 1, 3), [4]);
  const { grads } = valueAndGrad(module, () => module.forward(ids).sum());
  expect(await grads.get("weight")?.sum(1).tolist()).toEqual([3, 0, 0, 3]);
  const rows = (await module.weight.abs().sum(1).tolist()) as number[];
  expect(rows[1]).toBe(0);
  expect(Math.min(rows[0] as number, rows[2] as number, rows[3] as number)).toBeGreaterThan(0);
});
