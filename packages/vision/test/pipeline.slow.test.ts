/** The pipeline on photographs with real networks, on digits in many forms, and on invalid inputs. */
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crop, encodeImage, Image, resizePil } from "@tessera-ml/media";
import { fromArray } from "@tessera-ml/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadDataset, loadPhotographs } from "../src/data/index.ts";
import { createNetwork, defaultCheckpoint, evaluate, ImageClassifier } from "../src/index.ts";
import { gradCam } from "../src/inspect/index.ts";
import { findDigit } from "../src/pipeline/digit.ts";
import { shared } from "./shared.ts";

const photographs = join(shared, "data/image/imagenet-sample");
const mobilenet = join(shared, "data/weights/mobilenet-v2-imagenet");
const cifar = join(shared, "data/weights/resnet-cifar/resnet20-12fca82f.th");
const present = [photographs, mobilenet, cifar].every((path) => existsSync(path));
if (!present) console.log(`the pipeline is not tested with real networks: ${shared}/data is absent`);
const zebra = join(photographs, "n02391049_zebra.JPEG");

describe.skipIf(!present)("a real network on photographs", () => {
  let classifier: ImageClassifier;
  beforeAll(async () => {
    classifier = await ImageClassifier.load("mobilenet_v2_tf");
  });
  afterAll(() => classifier.release());

  test("classifies them and reports the area it saw", async () => {
    const { predictions, image, seen, model } = await classifier.classify(zebra, { top: 3 });
    expect(model).toBe("mobilenet_v2_tf.quant_in1k");
    expect(predictions).toHaveLength(3);
    expect(predictions[0]).toMatchObject({ index: 341, label: "zebra" });
    expect(predictions[0]?.probability).toBeGreaterThan(0.95);
    expect(image).toEqual({ width: 500, height: 375 });
    expect(seen).toEqual({ left: 31, top: 23, width: 438, height: 329 });
  });

  test("a batch gives the same answers as single images", async () => {
    const files = (await loadPhotographs("imagenet-sample")).slice(0, 3).map(({ path }) => path);
    const together = await classifier.classifyAll(files, { batchSize: 2, top: 1 });
    for (const [i, file] of files.entries()) {
      const alone = await classifier.classify(file, { top: 1 });
      expect(together[i]?.predictions[0]?.index).toBe(alone.predictions[0]?.index);
      expect(together[i]?.predictions[0]?.probability).toBeCloseTo(
        alone.predictions[0]?.probability as number,
        4,
      );
    }
  });

  test("Grad-CAM finds the beetle in the centre, not the sand around it", async () => {
    const { planes } = await classifier.prepare(join(photographs, "n02165105_tiger_beetle.JPEG"));
    const heat = await gradCam(
      classifier.module,
      fromArray(planes.data as Float32Array<ArrayBuffer>, [1, ...planes.shape]),
      301,
    );
    expect(heat.shape).toEqual([1, 7, 7]);
    const mean = (inside: boolean) => {
      const places = [...heat.data].filter((_, i) => {
        const [x, y] = [i % 7, Math.floor(i / 7)];
        return (x > 0 && x < 6 && y > 0 && y < 6) === inside;
      });
      return places.reduce((a, b) => a + b, 0) / places.length;
    };
    expect(mean(true)).toBeGreaterThan(3 * mean(false));
  });

  test("evaluation", async () => {
    const steps: number[] = [];
    const result = await evaluate(classifier, await loadPhotographs("imagenet-sample"), {
      limit: 20,
      batchSize: 10,
      progress: ({ done }) => steps.push(done),
    });
    expect(steps).toEqual([10, 20]);
    expect(result.count).toBe(20);
    expect(result.top1).toBeGreaterThanOrEqual(70);
    expect(result.top5).toBeGreaterThanOrEqual(result.top1);
    expect(result.error).toBeCloseTo(100 - result.top1);
    const wrong = result.classes.reduce((sum, { count, right }) => sum + count - right, 0);
    expect(result.confusions.reduce((sum, { count }) => sum + count, 0)).toBe(wrong);
  });

  test("CIFAR-10: per class, and a matrix", async () => {
    const small = await ImageClassifier.load("cifar_resnet20.akamaster");
    const data = await loadDataset("cifar10-sample");
    const result = await evaluate(small, data, { limit: 200, batchSize: 40 });
    expect(result.top1).toBeGreaterThanOrEqual(98.5);
    expect(result.matrix?.flat().reduce((a, b) => a + b, 0)).toBe(200);
    expect(result.classes.map(({ label }) => label)[3]).toBe("cat");
    await expect(evaluate(small, await loadPhotographs("imagenet-sample"))).rejects.toThrow(
      "the classifier has cifar10",
    );
    small.release();
  });

  test("a file with its network named", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tessera-pipeline-"));
    try {
      const file = join(folder, "mine.th");
      await cp(cifar, file);
      const mine = await ImageClassifier.load(file, { network: "cifar_resnet20" });
      expect(mine.name).toBe("mine.th");
      expect(mine.labels).toContain("frog");
      await expect(ImageClassifier.load(file)).rejects.toThrow(/say which network it belongs to/);
      await expect(ImageClassifier.load(folder)).rejects.toThrow(/expected a record\.json/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("the default classifies ImageNet", async () => {
    expect(await defaultCheckpoint()).toMatch(/in1k/);
  });
});

describe("names", () => {
  test.each([
    ["resnet5", /no checkpoint is called "resnet5"\. Did you mean resnet50/],
    ["mobilenet_v2_075", /mobilenet_v2_075 is a network without a named checkpoint/],
    ["./nothing.safetensors", /nothing\.safetensors: no such file/],
  ])("%s", async (name, message) => {
    await expect(ImageClassifier.load(name)).rejects.toThrow(message);
  });
});

describe("probabilities", () => {
  test("LeCun 1989: an output halfway between −1 and 1 is one half, and they sum to 1", async () => {
    const outputs = fromArray(Float32Array.from([1, -1, 0, -1, -1, -1, -1, -1, -1, -1]), [1, 10]);
    const values = (await createNetwork("lecun1989").probabilities(outputs).data()) as Float32Array;
    expect(values[0]).toBeCloseTo(2 / 3, 4);
    expect(values[2]).toBeCloseTo(1 / 3, 4);
    expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  });

  test("LeNet-5: the softmax of the negated distances", async () => {
    const scores = fromArray(Float32Array.from([-1, -2, ...new Array<number>(8).fill(-50)]), [1, 10]);
    const values = (await createNetwork("lenet5").probabilities(scores).data()) as Float32Array;
    expect(values[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 5);
  });
});

describe("digits", () => {
  /** A seven in MNIST's layout: light on black, 20 high, its centre of mass centred. */
  const seven = () => {
    const image = new Image(56, 84, 1);
    const dot = (x: number, y: number) => {
      for (let dy = 0; dy < 8; dy++) image.data.fill(255, (y + dy) * 56 + x, (y + dy) * 56 + x + 8);
    };
    for (let x = 4; x <= 40; x++) dot(x, 10);
    for (let i = 0; i <= 54; i++) dot(40 - Math.floor(i / 3), 10 + i);
    return findDigit(image).digit;
  };
  /** Fraction of the ink that differs, allowing an offset of one pixel. */
  const difference = (a: Image, b: Image) => {
    const ink = a.data.reduce((sum, value) => sum + value, 0);
    const shifts = [-29, -28, -27, -1, 0, 1, 27, 28, 29];
    const apart = (shift: number) =>
      a.data.reduce((sum, value, i) => sum + Math.abs(value - (b.data[i + shift] ?? 0)), 0) / ink;
    return Math.min(...shifts.map(apart));
  };

  test("a digit in MNIST's layout stays unchanged", () => {
    const digit = seven();
    const again = findDigit(digit);
    expect([...again.digit.data]).toEqual([...digit.data]);
    expect(again.seen).toEqual({ left: 0, top: 0, width: 28, height: 28 });
  });

  const drawn = (paint: (ink: number, x: number, y: number) => number) => {
    const large = resizePil(seven(), { width: 168, height: 168 }, "bicubic");
    const image = new Image(320, 240, 3);
    for (let y = 0, i = 0; y < 240; y++)
      for (let x = 0; x < 320; x++, i += 3) {
        const inside = x >= 100 && x < 268 && y >= 40 && y < 208;
        const ink = inside ? (large.data[(y - 40) * 168 + x - 100] as number) / 255 : 0;
        image.data.fill(paint(ink, x, y), i, i + 3);
      }
    return image;
  };
  const noise = (x: number, y: number) => (((x * 7919 + y * 104729) ^ (x * y)) % 17) - 8;

  test.each([
    ["drawn dark on white", (ink: number) => 255 - 255 * ink],
    ["light on dark", (ink: number) => 20 + 220 * ink],
    [
      "on paper in uneven light",
      (ink: number, x: number, y: number) => (200 - x / 4 - y / 8 + noise(x, y)) * (1 - 0.7 * ink),
    ],
  ])("%s", (_, paint) => {
    const { digit, seen } = findDigit(drawn(paint));
    expect(difference(seven(), digit)).toBeLessThan(0.25);
    // 28 pixels of the digit are 168 of the image.
    expect(Math.abs(seen.left - 100)).toBeLessThan(10);
    expect(Math.abs(seen.width - 168)).toBeLessThan(20);
  });

  test("drawn on transparency", async () => {
    const dark = drawn((ink) => 255 * ink);
    const image = new Image(320, 240, 4);
    for (let i = 0; i < 320 * 240; i++) image.data.set([30, 40, 90, dark.data[i * 3] as number], i * 4);
    expect(difference(seven(), findDigit(image).digit)).toBeLessThan(0.25);
  });

  test("thin strokes are widened", () => {
    const image = new Image(300, 300, 1);
    image.data.fill(255);
    for (let y = 40; y < 260; y++) image.data[y * 300 + 150] = image.data[y * 300 + 151] = 0;
    const { digit } = findDigit(image);
    expect(Math.max(...crop(digit, { left: 0, top: 14, width: 28, height: 1 }).data)).toBeGreaterThan(200);
  });

  test("an empty image", async () => {
    const white = new Image(64, 64, 3);
    white.data.fill(250);
    expect(() => findDigit(white)).toThrow("no digit found");
    expect(await encodeImage(white, "png")).toBeInstanceOf(Uint8Array);
  });
});
