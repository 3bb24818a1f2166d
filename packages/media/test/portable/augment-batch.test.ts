import { describe, expect, it } from "vitest";
import { beta, normal, permutation } from "../../src/image/augment/random.ts";
import {
  alternatingFlip,
  type Batch,
  cutmix,
  cutout,
  mixedTargets,
  mixup,
  pcaLighting,
  randomCrop,
  randomErasing,
  randomFlip,
} from "../../src/index.ts";
import { seeded } from "../support/formula.ts";

/** `count` images [channels, height, width] with distinct values. */
function counted(count: number, channels: number, height: number, width: number): Batch {
  const data = Float32Array.from({ length: count * channels * height * width }, (_, i) => i + 1);
  return { shape: [count, channels, height, width], data };
}

/** The rows of one plane. */
function rowsOf({ shape: [, channels, height, width], data }: Batch, n: number, c: number): number[][] {
  const start = (n * channels + c) * height * width;
  return Array.from({ length: height }, (_, y) => [
    ...data.subarray(start + y * width, start + (y + 1) * width),
  ]);
}

describe("randomCrop", () => {
  it("shifts all channels by up to the padding, filling with zeros", () => {
    const batch = counted(200, 2, 3, 3);
    const out = randomCrop(batch, [3, 3], { padding: 1, mode: "zero" }, seeded(1));
    expect(out.shape).toEqual(batch.shape);
    const seen = new Set<string>();
    for (let n = 0; n < 200; n++) {
      const before = rowsOf(batch, n, 0);
      const center = before[1]![1]!;
      const after = rowsOf(out, n, 0);
      const y = after.findIndex((row) => row.includes(center));
      const x = after[y]!.indexOf(center);
      seen.add(`${y},${x}`);
      for (let r = 0; r < 3; r++)
        for (let c = 0; c < 3; c++) {
          const expected = before[r + 1 - y]?.[c + 1 - x] ?? 0;
          expect(after[r]![c]).toBe(expected);
          expect(rowsOf(out, n, 1)[r]![c]).toBe(expected === 0 ? 0 : expected + 9);
        }
    }
    expect(seen.size).toBe(9);
  });

  it("reflects without repeating the edge", () => {
    const batch: Batch = { shape: [64, 1, 1, 4], data: new Float32Array(256) };
    for (let i = 0; i < 256; i++) batch.data[i] = i % 4;
    // A single row cannot be reflected vertically, so it is repeated to a height of 4.
    const tall: Batch = { shape: [64, 1, 4, 4], data: new Float32Array(1024) };
    for (let i = 0; i < 1024; i++) tall.data[i] = i % 4;
    const out = randomCrop(tall, [4, 4], { padding: 2, mode: "reflect" }, seeded(2));
    const rows = new Set(Array.from({ length: 64 }, (_, n) => rowsOf(out, n, 0)[0]!.join("")));
    expect(rows).toEqual(new Set(["2101", "1012", "0123", "1232", "2321"]));
    expect(() => randomCrop(batch, [1, 4], { padding: 2, mode: "reflect" }, seeded(2))).toThrow(
      /padding smaller than the image/,
    );
  });

  it("crops bytes to bytes of another size", () => {
    const batch = { shape: [1, 1, 4, 5], data: Uint8Array.from({ length: 20 }, (_, i) => i) } as const;
    const out = randomCrop(batch, [2, 3], { padding: 0, mode: "zero" }, seeded(3));
    expect(out.data).toBeInstanceOf(Uint8Array);
    expect(out.data[1]! - out.data[0]!).toBe(1);
    expect(out.data[3]! - out.data[0]!).toBe(5);
    expect(() => randomCrop(batch, [5, 3], { padding: 0, mode: "zero" }, seeded(3))).toThrow(/does not fit/);
  });
});

describe("flips", () => {
  it("mirror about half of the images and do not modify the input", () => {
    const batch = counted(400, 1, 1, 2);
    const before = batch.data.slice();
    const out = randomFlip(batch, seeded(4));
    expect(batch.data).toEqual(before);
    let mirrored = 0;
    for (let n = 0; n < 400; n++) {
      const [a, b] = rowsOf(out, n, 0)[0] as [number, number];
      expect([a, b].sort((x, y) => x - y)).toEqual([2 * n + 1, 2 * n + 2]);
      if (a > b) mirrored++;
    }
    expect(mirrored).toBeGreaterThan(160);
    expect(mirrored).toBeLessThan(240);
    expect(randomFlip(batch, seeded(4), 0).data).toEqual(before);
  });

  it("alternate: each image one way in even epochs and the other in odd ones", () => {
    const batch = counted(400, 1, 1, 2);
    const indices = Array.from({ length: 400 }, (_, i) => i * 7);
    const flipped = (epoch: number, seed = 0) => {
      const out = alternatingFlip(batch, indices, epoch, seed);
      return indices.map((_, n) => rowsOf(out, n, 0)[0]![0]! > rowsOf(out, n, 0)[0]![1]!);
    };
    const [first, second, third] = [flipped(0), flipped(1), flipped(2)];
    expect(second).toEqual(first.map((f) => !f));
    expect(third).toEqual(first);
    expect(first.filter(Boolean).length).toBeGreaterThan(160);
    expect(first.filter(Boolean).length).toBeLessThan(240);
    expect(flipped(0, 1)).not.toEqual(first);
    expect(() => alternatingFlip(batch, [1], 0)).toThrow("expected 400 indices, got 1");
  });
});

describe("erasing", () => {
  it("blanks a square in all channels, clipped at the edges", () => {
    const batch = counted(300, 2, 8, 8);
    const out = cutout(batch, 4, seeded(6), -1);
    const areas = new Set<number>();
    for (let n = 0; n < 300; n++) {
      const holes = rowsOf(out, n, 0).map((row) => row.filter((v) => v === -1).length);
      expect(rowsOf(out, n, 1).map((row) => row.filter((v) => v === -1).length)).toEqual(holes);
      const rows = holes.filter((h) => h > 0);
      expect(new Set(rows).size).toBe(1);
      expect(rows.length).toBeLessThanOrEqual(4);
      areas.add(rows.length * rows[0]!);
    }
    expect(Math.max(...areas)).toBe(16);
    expect(areas.size).toBeGreaterThan(3);
  });

  it("erases rectangles of the requested area and aspect ratio", () => {
    const batch = counted(300, 1, 32, 32);
    const out = randomErasing(batch, seeded(7), { p: 0.5, scale: [0.1, 0.2], ratio: [0.5, 2], value: 0 });
    let erased = 0;
    for (let n = 0; n < 300; n++) {
      const holes = rowsOf(out, n, 0).map((row) => row.filter((v) => v === 0).length);
      const rows = holes.filter((h) => h > 0);
      if (rows.length === 0) continue;
      erased++;
      const [height, width] = [rows.length, rows[0]!];
      expect(height * width).toBeGreaterThan(0.08 * 1024);
      expect(height * width).toBeLessThan(0.23 * 1024);
      expect(width / height).toBeGreaterThan(0.4);
      expect(width / height).toBeLessThan(2.5);
    }
    expect(erased).toBeGreaterThan(115);
    expect(erased).toBeLessThan(185);
    const noise = randomErasing(batch, seeded(8), { p: 1, value: "noise" }).data;
    expect(noise.some((v, i) => v !== batch.data[i] && Math.abs(v) < 5 && v !== 0)).toBe(true);
  });
});

describe("mixing", () => {
  const batch = counted(6, 2, 4, 4);

  it("blends two images with the reported weight", () => {
    const { batch: out, partners, weight } = mixup(batch, 1, seeded(9));
    expect([...partners].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    for (let n = 0; n < 6; n++)
      for (let i = 0; i < 32; i++) {
        const expected = weight * batch.data[n * 32 + i]! + (1 - weight) * batch.data[partners[n]! * 32 + i]!;
        expect(out.data[n * 32 + i]).toBeCloseTo(expected, 3);
      }
  });

  it("pastes a rectangle and reports the fraction kept", () => {
    const shares = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const { batch: out, partners, weight } = cutmix(batch, 1, seeded(seed));
      const n = partners.findIndex((partner, index) => partner !== index);
      let stayed = 0;
      for (let i = 0; i < 32; i++) {
        const own = batch.data[n * 32 + i];
        const value = out.data[n * 32 + i];
        if (value === own) stayed++;
        else expect(value).toBe(batch.data[partners[n]! * 32 + i]);
      }
      expect(stayed / 32).toBeCloseTo(weight, 6);
      shares.add(weight);
    }
    expect(shares.size).toBeGreaterThan(5);
  });

  it("returns targets that sum to one", () => {
    const mixed = { partners: Int32Array.of(1, 0, 2), weight: 0.75 };
    const expected = [0, 0.75, 0.25, 0, 0.25, 0.75, 1, 0, 0];
    expect([...mixedTargets([1, 2, 0], 3, mixed)]).toEqual(expected);
    expect(() => mixedTargets([1, 3, 0], 3, mixed)).toThrow("image 1: expected a label from 0 to 2, got 3");
  });
});

describe("pcaLighting", () => {
  it("shifts each channel of an image by a constant, mostly along grey", () => {
    const batch: Batch = { shape: [500, 3, 1, 2], data: new Float32Array(3000) };
    const { data } = pcaLighting(batch, seeded(10), 0.1);
    let [sum, squares, apart] = [0, 0, 0];
    for (let n = 0; n < 500; n++) {
      const [r, r2, g, , b] = data.subarray(n * 6, n * 6 + 6);
      expect(r).toBe(r2);
      sum += r!;
      squares += r! * r!;
      apart += (r! - g!) ** 2 + (g! - b!) ** 2;
    }
    expect(Math.abs(sum / 500)).toBeLessThan(0.002);
    // 0.1 x |0.2175 x -0.5675, ...| along red.
    expect(Math.sqrt(squares / 500)).toBeCloseTo(
      0.1 * Math.hypot(0.2175 * 0.5675, 0.0188 * 0.7192, 0.0045 * 0.4009),
      2,
    );
    expect(apart).toBeLessThan(squares / 4);
    expect(apart).toBeGreaterThan(0);
    expect(() => pcaLighting(counted(1, 1, 2, 2), seeded(1))).toThrow("expected 3 channels, got 1");
  });
});

describe("random numbers", () => {
  const moments = (draw: () => number, count = 20_000) => {
    const values = Float64Array.from({ length: count }, draw);
    const mean = values.reduce((a, b) => a + b) / count;
    return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / count };
  };

  it("are normal", () => {
    const random = seeded(11);
    const { mean, variance } = moments(() => normal(random));
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });

  it.each([
    [1, 1],
    [0.2, 0.2],
    [2, 5],
  ])("are Beta(%d, %d)", (a, b) => {
    const random = seeded(12);
    const { mean, variance } = moments(() => beta(random, a, b));
    expect(mean).toBeCloseTo(a / (a + b), 1);
    expect(Math.abs(variance - (a * b) / ((a + b) ** 2 * (a + b + 1)))).toBeLessThan(0.005);
  });

  it("are uniformly distributed permutations", () => {
    const random = seeded(13);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const key = permutation(random, 3).join("");
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(["012", "021", "102", "120", "201", "210"]);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });
});
