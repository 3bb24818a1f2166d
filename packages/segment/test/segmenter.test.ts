/** Pictures and prompts to masks, by a small network with made-up weights. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Image, readImage, writeImage } from "@tessera-ml/media";
import { openCheckpoint } from "@tessera-ml/nn";
import { fillGolden } from "@tessera-ml/nn/golden";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decodeRle,
  maskArea,
  networks,
  rleFromString,
  type Segmentation,
  Segmenter,
  saveSegmentation,
} from "../src/index.ts";
import { toJson } from "../src/runtime.ts";

let folder = "";
let segmenter: Segmenter;
/** A bright disk on dark ground. */
const photo = new Image(120, 80, 3);
for (let y = 0; y < 80; y++)
  for (let x = 0; x < 120; x++)
    photo.data.fill((x - 60) ** 2 + (y - 40) ** 2 < 400 ? 220 : 30, 3 * (120 * y + x), 3 * (120 * y + x) + 3);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-segment-"));
  const model = networks.find("sam2_lite").network.create();
  fillGolden(model);
  await model.save(join(folder, "own.safetensors"));
  segmenter = await load({ side: 64 });
});
afterAll(async () => {
  segmenter.release();
  await rm(folder, { recursive: true });
});

const load = (details: { side?: number }) =>
  Segmenter.load(join(folder, "own.safetensors"), { network: "sam2_lite", details });
const best = ({ objects }: Segmentation, index = 0) => objects[index]!.guesses[0]!;

describe("a segmenter", () => {
  test("encodes a picture once", async () => {
    const first = await segmenter.segment(photo, { point: ["60,40"] });
    expect(first.milliseconds.encoder).toBeGreaterThan(0);
    const same = new Image(120, 80, 3, photo.data.slice());
    const second = await segmenter.segment(same, { point: ["60,40"] });
    expect(second.milliseconds.encoder).toBe(0);
    expect(best(second).logits!.data).toEqual(best(first).logits!.data);
    const other = photo.data.slice();
    other[7]! += 1;
    const third = await segmenter.segment(new Image(120, 80, 3, other), { point: ["60,40"] });
    expect(third.milliseconds.encoder).toBeGreaterThan(0);
  });

  test("answers prompts of several objects in the order of their names", async () => {
    const { objects } = await segmenter.segment(photo, {
      point: ["a=60,40", "b=5,5", "a=62,41"],
      not: ["b=60,40"],
      multimask: true,
    });
    expect(objects.map(({ name }) => name)).toEqual(["a", "b"]);
    for (const { guesses } of objects) {
      expect(guesses).toHaveLength(3);
      expect(guesses.map(({ iou }) => iou)).toEqual(guesses.map(({ iou }) => iou).toSorted((x, y) => y - x));
    }
    const inCode = await segmenter.segment(photo, {
      objects: [
        {
          name: "a",
          points: [
            [60, 40],
            [62, 41],
          ],
          labels: [1, 1],
        },
      ],
      multimask: true,
    });
    expect(best(inCode).logits!.data).toEqual(objects[0]!.guesses[0]!.logits!.data);
  });

  test("with refine, each point is said with the answer to those before", async () => {
    const options = { point: ["60,40", "10,10"] };
    const refined = best(await segmenter.segment(photo, { ...options, refine: true }));
    const encoded = await segmenter.image(photo);
    const { lowRes, iou } = await encoded.predict({ points: [[60, 40]], labels: [1] }, { multimask: true });
    const likeliest = iou.indexOf(Math.max(...iou));
    const size = lowRes.width * lowRes.height;
    const mask = best(await segmenter.segment(photo, { point: ["60,40"], multimask: true })).lowRes!;
    expect(mask.data).toEqual(lowRes.data.slice(likeliest * size, (likeliest + 1) * size));
    const byHand = await encoded.predict({
      points: [
        [60, 40],
        [10, 10],
      ],
      labels: [1, 1],
      mask,
    });
    expect(refined.logits!.data).toEqual(byHand.logits.data);
    expect(refined.logits!.data).not.toEqual(best(await segmenter.segment(photo, options)).logits!.data);
  });

  test("takes a picture of the object as a prompt", async () => {
    const white = new Image(120, 80, 1);
    for (let i = 0; i < white.data.length; i++) white.data[i] = photo.data[3 * i]! > 100 ? 255 : 0;
    const mask = join(folder, "mask.png");
    await writeImage(mask, white);
    expect((await segmenter.segment(photo, { mask })).objects.map(({ name }) => name)).toEqual(["object"]);
    const small = join(folder, "small.png");
    await writeImage(small, new Image(60, 40, 1));
    await expect(segmenter.segment(photo, { mask: small })).rejects.toThrow(
      "mask: expected 120 x 80 pixels like the picture, got 60 x 40",
    );
  });

  test("finds everything, the largest first", async () => {
    const { objects } = await segmenter.segment(photo, {
      ...{ everything: true, pointsPerSide: 2, predIouThresh: 0, stabilityScoreThresh: 0 },
    });
    const areas = objects.map(({ guesses }) => maskArea(guesses[0]!.mask));
    expect(areas.length).toBeGreaterThan(0);
    expect(areas).toEqual(areas.toSorted((x, y) => y - x));
  });

  test.each([
    [{}, "expected a point, a box or a mask that shows the object"],
    [{ point: ["130,40"] }, "points[0]: expected x from 0 to 120, y from 0 to 80, got 130, 40"],
    [{ point: ["x,y"] }, "point: expected x,y, for example 320,240, got x,y"],
    [{ box: ["50,50,10,10"] }, "box: expected left, top, right, bottom with left < right"],
    [{ box: ["1,1,9,9", "2,2,8,8"] }, "got 2,2,8,8 as a second"],
    [{ objects: [{ name: "a", points: [[Number.NaN, 1] as const], labels: [1] as const }] }, "got NaN, 1"],
  ])("refuses %j", async (options, message) => {
    await expect(segmenter.segment(photo, options)).rejects.toThrow(message);
  });

  test("another size is a multiple of 32", async () => {
    await expect(load({ side: 100 })).rejects.toThrow("multiple of 32, got 100");
  });
});

describe("files", () => {
  test("a mask, its objects in colours, a cut-out, logits, run lengths", async () => {
    const one = await segmenter.segment(photo, { point: ["60,40"], multimask: true });
    const { mask } = best(one);
    const path = (name: string) => join(folder, name);
    await saveSegmentation(one, path("one.png"));
    const white = await readImage(path("one.png"), { mode: "file" });
    expect(white.channels).toBe(1);
    expect([...white.data]).toEqual([...mask.data].map((value) => 255 * value));

    await saveSegmentation({ ...one, style: "cutout" }, path("cut.png"));
    const cut = await readImage(path("cut.png"), { mode: "file" });
    expect(cut.channels).toBe(4);
    mask.data.forEach((value, i) => expect(cut.data[4 * i + 3]).toBe(255 * value));

    await saveSegmentation(one, path("one.jpg"));
    expect(await readImage(path("one.jpg"))).toMatchObject({ width: 120, height: 80 });

    await saveSegmentation(one, path("one.npz"));
    const archive = await openCheckpoint(path("one.npz"));
    expect(archive.names()).toEqual(["object"]);
    expect(archive.get("object").shape).toEqual([3, 80, 120]);
    await archive.close();

    await saveSegmentation(one, path("one.json"));
    const coco = JSON.parse(await readFile(path("one.json"), "utf8"));
    expect(coco.images).toEqual([{ id: 1, file_name: "one", width: 120, height: 80 }]);
    const [{ segmentation, area, bbox }] = coco.annotations;
    const decoded = decodeRle(rleFromString(segmentation.counts, segmentation.size));
    expect(decoded.data).toEqual(mask.data);
    expect(area).toBe(maskArea(mask));
    expect(bbox).toHaveLength(4);
  });

  test.each([
    ["cut.jpg", "cutout" as const, "cannot be transparent"],
    ["mask.gif", undefined, "expected a name that ends in .png, .jpg"],
  ])("refuses %s", async (name, style, message) => {
    const result = { ...(await segmenter.segment(photo, { point: ["60,40"] })), style };
    await expect(saveSegmentation(result, join(folder, name))).rejects.toThrow(message);
  });

  test("as JSON, with a picture unless it is not wanted", async () => {
    const json = (picture: boolean) =>
      segmenter.segment(photo, { point: ["60,40"], picture }).then(toJson) as Promise<
        Record<string, unknown>
      >;
    expect((await json(true)).png).toMatch(/^data:image\/png;base64,/);
    expect(await json(false)).not.toHaveProperty("png");
  });
});
