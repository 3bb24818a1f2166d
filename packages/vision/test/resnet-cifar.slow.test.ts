/** Real checkpoints: ResNets for CIFAR-10 saved by PyTorch, against PyTorch's logits. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { compile, type Tensor, tensor } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { loadClassifier } from "../src/index.ts";
import { shared } from "./shared.ts";

const weights = join(shared, "data/weights/resnet-cifar");
const images = join(shared, "data/image/cifar10/cifar10_train_first4000_lossless.bin.gz");
const present = existsSync(weights) && existsSync(images);
if (!present) console.log(`ResNets for CIFAR-10 are not checked: ${weights} or ${images} is absent`);

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
      const depth = /resnet(\d+)/.exec(name)?.[1];
      const { module: model } = await loadClassifier(`cifar_resnet${depth}`, join(weights, `${name}.th`));
      model.eval();
      const classify = compile((x: Tensor) => model.forward(x), { freeze: true });

      // Small batches stay in the CPU cache.
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
    }, 600_000);
});
