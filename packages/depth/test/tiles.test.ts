/** Maps merged of tiles, with a stand-in for the network. */
import { Image, interpolate, Planes } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import { mergeTiles, tilesOf } from "../src/tiles.ts";

/** A slope with fine stripes on it; its value is in the red and green bytes of the image. */
function scene(width: number, height: number) {
  const truth = new Planes(1, height, width);
  const image = new Image(width, height, 3);
  for (let i = 0; i < truth.data.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const value = Math.round(8000 + 100 * x + 60 * y + 600 * Number(x % 6 < 3));
    truth.data[i] = value;
    image.data[3 * i] = value >> 8;
    image.data[3 * i + 1] = value & 255;
  }
  return { truth, image };
}
const valueOf = (image: Image) =>
  new Planes(
    1,
    image.height,
    image.width,
    Float32Array.from(
      { length: image.width * image.height },
      (_, i) => 256 * image.data[3 * i]! + image.data[3 * i + 1]!,
    ),
  );
/** What a network of small input makes of the whole: no stripes. */
const coarse = (truth: Planes) => {
  const small = interpolate(
    truth,
    { width: Math.round(truth.width / 6), height: Math.round(truth.height / 6) },
    { mode: "bilinear", antialias: true },
  );
  return interpolate(small, truth, { mode: "bilinear" });
};
const worst = (map: Planes, truth: Planes) =>
  map.data.reduce((most, value, i) => Math.max(most, Math.abs(value - truth.data[i]!)), 0);
const mean = (map: Planes, truth: Planes) =>
  map.data.reduce((sum, value, i) => sum + Math.abs(value - truth.data[i]!), 0) / map.data.length;

describe("tiles", () => {
  test.each([
    [97, 61, 2],
    [61, 97, 3],
    [200, 50, 2],
    [50, 50, 8],
    [7, 5, 4],
    [3, 1, 2],
  ])("cover %d x %d with %d to the shorter side, overlapping", (width, height, tiles) => {
    const places = tilesOf({ width, height }, tiles);
    const covered = new Uint8Array(width * height);
    for (const { left, top, width: w, height: h } of places) {
      expect([left >= 0, top >= 0, left + w <= width, top + h <= height]).toEqual([true, true, true, true]);
      for (let y = top; y < top + h; y++) covered.fill(1, y * width + left, y * width + left + w);
    }
    expect(covered.every(Boolean)).toBe(true);
  });

  test("one is the whole image", () => {
    expect(tilesOf({ width: 90, height: 40 }, 1)).toEqual([{ left: 0, top: 0, width: 90, height: 40 }]);
  });

  test.each([0, 1.5, -2, Number.NaN])("cannot be %d", (tiles) => {
    expect(() => tilesOf({ width: 9, height: 9 }, tiles)).toThrow(
      `tiles: expected a whole number of at least 1, got ${tiles}`,
    );
  });
});

describe("a merged map", () => {
  test("has the detail of the tiles and the scale of the whole, whatever scale and shift each tile has", async () => {
    const { truth, image } = scene(131, 83);
    const random = new HostRandom(5);
    const whole = coarse(truth);
    const sizes: number[] = [];
    const merged = await mergeTiles(
      image,
      whole,
      async (part) => {
        sizes.push(part.width * part.height);
        const [scale, shift] = [0.2 + 3 * random.next(), 1e4 * (random.next() - 0.5)];
        const map = valueOf(part);
        return new Planes(
          1,
          map.height,
          map.width,
          map.data.map((value) => scale * value + shift),
        );
      },
      { tiles: 3 },
    );
    expect(sizes.length).toBeGreaterThan(9);
    expect(Math.max(...sizes)).toBeLessThan((131 * 83) / 4);
    expect(mean(whole, truth)).toBeGreaterThan(200);
    expect(mean(merged, truth)).toBeLessThan(mean(whole, truth) / 5);
  });

  test("is the truth, without a seam, where whole and tiles agree", async () => {
    const { truth, image } = scene(90, 70);
    const merged = await mergeTiles(image, truth, async (part) => valueOf(part), { tiles: 2 });
    expect(worst(merged, truth)).toBeLessThan(1);
  });

  test("changes smoothly between tiles that differ", async () => {
    // Ramps of other slopes: the alignment cannot remove that.
    const [width, height] = [120, 60];
    const image = new Image(width, height, 3);
    const whole = new Planes(
      1,
      height,
      width,
      Float32Array.from({ length: width * height }, (_, i) => i % width),
    );
    let bend = 1;
    const merged = await mergeTiles(
      image,
      whole,
      async (part) => {
        bend = -bend;
        return new Planes(
          1,
          part.height,
          part.width,
          Float32Array.from({ length: part.width * part.height }, (_, i) => {
            const x = (i % part.width) / part.width;
            return x + 0.2 * bend * x * (1 - x);
          }),
        );
      },
      { tiles: 2 },
    );
    for (let i = 1; i < width; i++) expect(Math.abs(merged.data[i]! - merged.data[i - 1]!)).toBeLessThan(3);
  });

  test("keeps the whole where a tile contradicts it or is flat", async () => {
    const { truth, image } = scene(60, 60);
    const whole = coarse(truth);
    const against = await mergeTiles(
      image,
      whole,
      async (part) =>
        new Planes(
          1,
          part.height,
          part.width,
          valueOf(part).data.map((value) => -value),
        ),
      { tiles: 2 },
    );
    expect(worst(against, whole)).toBeLessThan(1);
    const flat = await mergeTiles(
      image,
      whole,
      async (part) =>
        new Planes(1, part.height, part.width, new Float32Array(part.width * part.height).fill(3)),
      { tiles: 2 },
    );
    expect(worst(flat, whole)).toBeLessThan(1);
  });

  test("says how far it is, and stops", async () => {
    const { truth, image } = scene(60, 60);
    const said: string[] = [];
    await mergeTiles(image, truth, async (part) => valueOf(part), {
      tiles: 2,
      progress: (done, total) => said.push(`${done}/${total}`),
    });
    expect(said).toEqual(["0/4", "1/4", "2/4", "3/4", "4/4"]);
    const signal = AbortSignal.abort(new Error("enough"));
    const stopped = mergeTiles(image, truth, async (part) => valueOf(part), { tiles: 2, signal });
    await expect(stopped).rejects.toThrow("enough");
  });
});
