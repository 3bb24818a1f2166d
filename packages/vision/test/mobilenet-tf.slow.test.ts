/** TensorFlow's real ImageNet MobileNetV2: its probabilities and its accuracy on photographs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  centerRectangle,
  crop,
  HALF,
  type Planes,
  type Preset,
  preprocess,
  readImage,
  stack,
  torchvisionPreset,
} from "@tessera-ml/media";
import { openCheckpoint } from "@tessera-ml/nn";
import { compile, softmax, type Tensor, tensor } from "@tessera-ml/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { createNetwork, fromTFLite, type TFLiteGraph } from "../src/index.ts";
import { shared } from "./shared.ts";

const weights = join(shared, "data/weights/mobilenet-v2-imagenet");
const photographs = join(shared, "data/image/imagenet-sample");
const present = existsSync(weights) && existsSync(photographs);
if (!present) console.log(`MobileNetV2 is not checked: ${weights} or ${photographs} is absent`);

const json = <T>(path: string) => JSON.parse(readFileSync(path, "utf8")) as T;

/** The central 87.5 % of an image, resized to a square as in the reference. */
async function pixels(file: string): Promise<Planes> {
  const image = await readImage(join(photographs, file));
  const [height, width] = [image.height, image.width].map((side) => Math.round(side * 0.875)) as [
    number,
    number,
  ];
  const preset: Preset = {
    library: "pil",
    interpolation: "bilinear",
    resize: [224, 224],
    mean: HALF,
    std: HALF,
  };
  return preprocess(crop(image, centerRectangle(image, [height, width])), preset);
}

describe.skipIf(!present)("TensorFlow's MobileNetV2", () => {
  let classify: (x: Tensor) => Tensor;
  beforeAll(async () => {
    const base = join(weights, "mobilenet_v2_1.0_224_quant");
    await using checkpoint = await openCheckpoint(`${base}.safetensors`);
    const model = createNetwork("mobilenet_v2_tf").eval();
    await model.load(await fromTFLite(model, checkpoint, json<TFLiteGraph>(`${base}.graph.json`)));
    classify = compile((x: Tensor) => softmax(model.forward(x)), { freeze: true });
  });
  const probabilities = async (files: readonly string[], read = pixels) => {
    const { data, shape } = stack(await Promise.all(files.map(read)));
    return (await classify(
      tensor(data as Float32Array<ArrayBuffer>, { shape: [...shape] }),
    ).tolist()) as number[][];
  };

  test("probabilities match the float reference", async () => {
    const { images, softmax_1001: theirs } = json<{ images: string[]; softmax_1001: number[][] }>(
      join(weights, "mobilenet_v2_1.0_224_quant.float_reference_first4.json"),
    );
    const there = images.filter((file) => existsSync(join(photographs, file)));
    expect(there.length).toBeGreaterThan(0);
    for (const file of there) {
      const [ours] = (await probabilities([file])) as [number[]];
      const reference = theirs[images.indexOf(file)] as number[];
      expect(Math.max(...reference.map((p, i) => Math.abs(p - (ours[i] as number))))).toBeLessThan(0.02);
    }
  });

  const files = present ? readdirSync(photographs).filter((file) => file.endsWith(".JPEG")) : [];
  /** The best class of each photograph, without the background, and the right ones. */
  async function guesses(read: (file: string) => Promise<Planes>) {
    const index = json<Record<string, [string, string]>>(join(photographs, "imagenet_class_index.json"));
    const classOf = new Map(Object.entries(index).map(([i, [wnid]]) => [wnid, Number(i)]));
    const labels = files.map((file) => classOf.get(file.split("_")[0] as string) as number);
    const best: number[] = [];
    for (let start = 0; start < files.length; start += 10)
      for (const row of await probabilities(files.slice(start, start + 10), read))
        best.push(row.indexOf(Math.max(...row)) - 1);
    return { labels, best, right: best.filter((guess, i) => guess === labels[i]).length };
  }

  // With the reference's own preprocessing the quantised network has 82 of these 100, and ours in floats
  // 81; the reference's 84.9 % is of all 1,000 photographs.
  test("predictions for photographs match the reference", async () => {
    const { top5_per_image_sorted_by_filename: theirs } = json<{
      top5_per_image_sorted_by_filename: [number, number][][];
    }>(join(weights, "reference_mobilenet_v2_1.0_224_quant.json"));
    const { labels, best, right } = await guesses(pixels);
    expect(files.length).toBe(100);
    // One photograph per class: the index is the class.
    const same = best.filter((guess, i) => guess === theirs[labels[i] as number]?.[0]?.[0]).length;
    console.log(`MobileNetV2: ${right} of 100 photographs, ${same} as the quantised reference`);
    expect(same).toBeGreaterThanOrEqual(95);
    expect(right).toBeGreaterThanOrEqual(80);
  }, 600_000);

  // 86 of these 100, where squeezing the whole picture gives 76: three ways were tried on the same
  // photographs and this is the best, so it says nothing about which preset is better.
  test("at least 84 of 100 photographs are right with the usual ImageNet preset", async () => {
    const preset = { ...torchvisionPreset(), mean: HALF, std: HALF };
    const read = async (file: string) => preprocess(await readImage(join(photographs, file)), preset);
    const { right } = await guesses(read);
    console.log(`MobileNetV2: ${right} of 100 photographs at 256 → 224`);
    expect(right).toBeGreaterThanOrEqual(84);
  }, 600_000);
});
