/** Real checkpoints: ResNets for CIFAR-10 as PyTorch wrote them, against the logits that PyTorch gives. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { compile, type Tensor, tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { BatchNorm2d, Conv2d, Linear, Module, Sequential } from "../src/index.ts";

/** Two 3x3 convolutions and a shortcut without parameters (He et al. 2016, section 4.2, option A). */
class Block extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;

  constructor(inPlanes: number, planes: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inPlanes, planes, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(planes);
    this.conv2 = new Conv2d(planes, planes, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(planes);
  }
  forward(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).relu();
    return this.bn2.forward(this.conv2.forward(y)).add(this.#shortcut(x)).relu();
  }
  /** Every second pixel, and zeros for the new channels, half of them before. */
  #shortcut(x: Tensor): Tensor {
    const { inChannels, outChannels } = this.conv1;
    if (inChannels === outChannels) return x;
    const added = (outChannels - inChannels) / 2;
    const sparse = x.index(null, null, [null, null, 2], [null, null, 2]);
    return sparse.pad([
      [0, 0],
      [added, added],
      [0, 0],
      [0, 0],
    ]);
  }
}

class CifarResNet extends Module {
  readonly conv1 = new Conv2d(3, 16, 3, { padding: 1, bias: false });
  readonly bn1 = new BatchNorm2d(16);
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly linear = new Linear(64, 10);

  constructor(depth: number) {
    super();
    const stage = (from: number, to: number, stride: number) =>
      new Sequential(
        ...Array.from(
          { length: (depth - 2) / 6 },
          (_, i) => new Block(i === 0 ? from : to, to, i === 0 ? stride : 1),
        ),
      );
    this.layer1 = stage(16, 16, 1);
    this.layer2 = stage(16, 32, 2);
    this.layer3 = stage(32, 64, 2);
  }
  /** [N, 3, 32, 32] → [N, 10] */
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    for (const layer of [this.layer1, this.layer2, this.layer3]) y = layer.forward(y);
    return this.linear.forward(y.mean([2, 3]));
  }
}

const shared = process.env.TESSERA_SHARED ?? resolve(import.meta.dirname, "../../../../shared");
const weights = join(shared, "data/weights/resnet-cifar");
const images = join(shared, "data/image/cifar10/cifar10_train_first4000_lossless.bin.gz");
const present = existsSync(weights) && existsSync(images);
if (!present) console.log(`ResNets for CIFAR-10 are not checked: ${weights} and ${images} are not there`);

/** Pixels normalised as the networks were trained, [N, 3, 32, 32], and classes. */
function cifar() {
  const bytes = gunzipSync(readFileSync(images));
  const count = bytes.length / 3073;
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ] as const;
  const pixels = new Float32Array(count * 3072);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = bytes[i * 3073] as number;
    for (let j = 0; j < 3072; j++) {
      const channel = Math.floor(j / 1024) as 0 | 1 | 2;
      const value = (bytes[i * 3073 + 1 + j] as number) / 255;
      pixels[i * 3072 + j] = (value - mean[channel]) / std[channel];
    }
  }
  return { pixels, labels, count };
}

interface Reference {
  readonly models: Readonly<
    Record<string, { readonly logits: number[][]; readonly acc_first4000_train_lossless: number }>
  >;
}

describe.skipIf(!present)("ResNets for CIFAR-10", () => {
  const { pixels, labels, count } = present
    ? cifar()
    : { pixels: new Float32Array(), labels: new Int32Array(), count: 0 };
  const reference = present
    ? (JSON.parse(readFileSync(join(weights, "reference_logits_first32.json"), "utf8")) as Reference)
    : { models: {} };
  const batch = (start: number, size: number) =>
    tensor(pixels.subarray(start * 3072, (start + size) * 3072), { shape: [size, 3, 32, 32] });

  for (const [name, { logits, acc_first4000_train_lossless: theirs }] of Object.entries(reference.models))
    test(name, async () => {
      const model = new CifarResNet(Number(/resnet(\d+)/.exec(name)?.[1]));
      await model.load(join(weights, `${name}.th`), { stripPrefix: "module." });
      model.eval();
      const classify = compile((x: Tensor) => model.forward(x), { freeze: true });

      // A few pictures at a time stay in the cache.
      const size = 40;
      const ours = (await classify(batch(0, size)).tolist()) as number[][];
      const worst = Math.max(
        ...logits.flatMap((row, i) => row.map((v, j) => Math.abs(v - (ours[i]?.[j] as number)))),
      );
      expect(worst).toBeLessThan(1e-3);

      let right = 0;
      for (let start = 0; start < count; start += size) {
        const classes = (await classify(batch(start, size)).argmax(1).tolist()) as number[];
        right += classes.filter((label, i) => label === labels[start + i]).length;
      }
      const accuracy = (100 * right) / count;
      expect(accuracy).toBeGreaterThanOrEqual(99.7);
      expect(Math.abs(accuracy - theirs)).toBeLessThan(0.03);
    }, 300_000);
});
