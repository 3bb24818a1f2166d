/** Reading COCO: outlines, licences, splits. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCoco } from "../src/data/coco.ts";
import { fillPolygons } from "../src/data/polygons.ts";
import { maskArea, maskBox } from "../src/mask.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tessera-coco-"));
  await mkdir(join(root, "images"));
  const image = (id: number, license: number, split: string) => ({
    ...{ id, license, split, file_name: `${id}.jpg`, width: 8, height: 6 },
  });
  const of = (image_id: number, segmentation: unknown, iscrowd = 0) => ({
    ...{ image_id, segmentation, iscrowd, area: 4, category_id: 1 },
  });
  await writeFile(
    join(root, "instances.json"),
    JSON.stringify({
      images: [image(1, 4, "train"), image(2, 1, "train"), image(3, 4, "heldout")],
      annotations: [
        of(1, [[2, 1, 6, 1, 6, 4, 2, 4]]),
        of(1, { size: [6, 8], counts: [6, 2, 40] }),
        of(1, { size: [6, 8], counts: [0, 48] }, 1),
      ],
    }),
  );
});
afterAll(async () => {
  await rm(root, { recursive: true });
});

test("polygons are filled where pixels have their centres", () => {
  const box = fillPolygons([[2, 1, 6, 1, 6, 4, 2, 4]], { width: 8, height: 6 });
  expect([maskArea(box), maskBox(box)]).toEqual([12, [2, 1, 5, 3]]);
  const triangle = fillPolygons([[0, 0, 40, 0, 0, 40]], { width: 40, height: 40 });
  expect(Math.abs(maskArea(triangle) - 800)).toBeLessThan(40);
  const two = fillPolygons(
    [
      [0, 0, 1, 0, 1, 1, 0, 1],
      [3, 3, 5, 3, 5, 5, 3, 5],
    ],
    { width: 6, height: 6 },
  );
  expect(maskArea(two)).toBe(5);
  const beyond = fillPolygons([[-5, -5, 20, -5, 20, 20, -5, 20]], { width: 8, height: 6 });
  expect(maskArea(beyond)).toBe(48);
});

test("photographs of a split and of licences, without crowds", async () => {
  const all = await openCoco(root);
  expect(all.map(({ path }) => path)).toEqual(
    ["1.jpg", "2.jpg", "3.jpg"].map((n) => join(root, "images", n)),
  );
  const [first, ...others] = await openCoco(root, { split: "train", licences: [4] });
  expect(others).toEqual([]);
  expect(first?.instances.map((instance) => maskArea(instance.mask()))).toEqual([12, 2]);
  expect(first?.instances.map((instance) => maskArea(instance.mask({ width: 16, height: 12 })))).toEqual([
    48, 8,
  ]);
});

test("a folder without instances, and a broken file, are errors", async () => {
  await expect(openCoco(join(root, "images"))).rejects.toThrow("found no instances.json");
  await mkdir(join(root, "broken"));
  await writeFile(join(root, "broken", "instances.json"), `{"images": []}`);
  await expect(openCoco(join(root, "broken"))).rejects.toThrow("expected instances of COCO");
});
