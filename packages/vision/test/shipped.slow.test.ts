/** The checkpoints in models/: complete, small, and as accurate as their records say. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sha256File, shippedRecords, shippedRoot } from "@tessera-ml/hub";
import { type Batch, Image } from "@tessera-ml/media";
import { describe, expect, test } from "vitest";
import { type DatasetName, listDatasets } from "../src/data/index.ts";
import { accuracyOf, ImageClassifier, loadClassifier, networks } from "../src/index.ts";
import { readPictures } from "../src/recipes/define.ts";
import { type Pixels, spread } from "../src/recipes/pictures.ts";
import { shippedClassifiers } from "../src/records/index.ts";

const records = shippedClassifiers();
const here = new Set((await listDatasets()).filter((d) => d.place !== "absent").map((d) => d.record.name));
/** Number of test images per network. */
const SAMPLE = 300;

test("every folder is a checkpoint, and together they are under 20 MB", () => {
  const folders = readdirSync(shippedRoot(), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual(shippedRecords().map(({ name }) => name));
  expect(records.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["digitnet.tessera", "lecun1989.tessera", "lenet5.tessera"]),
  );
  const sizes = readdirSync(shippedRoot(), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  expect(sizes.reduce((a, b) => a + b)).toBeLessThan(20e6);
});

describe.each(records)("$name", (record) => {
  const folder = join(shippedRoot(), record.name);
  const [{ file, sha256 }] = record.files;
  const path = join(folder, file);

  test("the file matches its record and loads into its network", async () => {
    expect(record.name).toBe(`${record.network}.tessera`);
    expect(await sha256File(path)).toBe(sha256);
    const { module: model, report } = await loadClassifier(record.network, path);
    expect(report.missing.concat(report.unexpected)).toEqual([]);
    expect(model.parameterCount()).toBe(record.params);
    const { network: entry } = networks.find(record.network);
    expect(entry.classes).toBe(record.classes.count);
    expect(entry.channels).toBe(record.preprocessing.mean.length);
  });

  test("the card has the metrics", () => {
    const card = readFileSync(join(folder, "README.md"), "utf8");
    expect(card).toContain(`${accuracyOf(record)?.top1.toFixed(2)} %`);
    expect(card).toContain(sha256);
    for (const part of ["How it was made", "Limits", "Licence"]) expect(card).toContain(`## ${part}`);
  });

  const { dataset = "", top1 = 0 } = accuracyOf(record) ?? {};
  test.skipIf(!here.has(dataset))("its accuracy matches the record's", async () => {
    const { images, labels } = spread(await readPictures(dataset as DatasetName, "test"), SAMPLE);
    const classifier = await ImageClassifier.load(record.name);
    const pictures = Array.from(labels, (_, i) => pictureOf(images, i));
    const answers = await classifier.classifyAll(pictures, { top: 1, batchSize: 50 });
    const right = answers.filter(({ predictions }, i) => predictions[0]?.index === labels[i]).length;
    // Four standard deviations of the sampling error.
    const rate = top1 / 100;
    const deviation = 100 * Math.sqrt((rate * (1 - rate)) / SAMPLE);
    expect(Math.abs((100 * right) / SAMPLE - top1)).toBeLessThan(4 * deviation);
  });
});

/** One image of a data set, [C, H, W], as a decoded file would give it. */
function pictureOf({ shape: [, channels, height, width], data }: Batch<Pixels>, index: number): Image {
  const area = height * width;
  const planes = data.subarray(index * channels * area, (index + 1) * channels * area);
  const bytes = new Uint8Array(planes.length);
  for (const [i, value] of planes.entries())
    bytes[(i % area) * channels + Math.floor(i / area)] =
      data instanceof Uint8Array ? value : 255 * value + 0.5;
  return new Image(width, height, channels as 1 | 3, bytes);
}
