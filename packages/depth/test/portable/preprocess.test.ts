/** Sizes and values of preprocessing beyond those of the goldens. */
import { Image, Planes } from "@tessera-ml/media";
import { describe, expect, test } from "vitest";
import {
  colorizeDepth,
  type DepthPreset,
  depth16,
  depthColors,
  depthLevels,
  depthPresets,
  inputSize,
  preprocessDepth,
  resizeTarget,
  restoreDepth,
  videoDepthPreset,
} from "../../src/index.ts";

const sides = (width: number, height: number, preset: DepthPreset) => {
  const size = inputSize({ width, height }, preset);
  return [size.width, size.height];
};

describe("inputSize", () => {
  test.each([
    ["depth_anything_v2", 640, 480, 686, 518],
    ["depth_anything_v2", 1242, 375, 1722, 518],
    ["transformers", 640, 425, 518, 350],
    ["depth_anything_3", 640, 480, 504, 378],
    ["depth_anything_3", 480, 640, 378, 504],
    ["depth_anything_3", 1920, 1080, 504, 280],
    ["midas_dpt_square_256", 640, 480, 256, 256],
  ] as const)("%s: %i x %i becomes %i x %i", (name, width, height, across, down) => {
    expect(sides(width, height, depthPresets[name])).toEqual([across, down]);
  });

  test.each(Object.entries(depthPresets))("%s: sides are multiples, and never 0", (_, preset) => {
    for (const [width, height] of [
      [1, 1],
      [1, 900],
      [5000, 7],
      [517, 519],
      [3, 2],
    ] as const)
      for (const side of sides(width, height, preset)) {
        expect(side % preset.multiple).toBe(0);
        expect(side).toBeGreaterThan(0);
      }
  });

  test("frames wider than 16:9 become smaller", () => {
    expect(videoDepthPreset({ width: 1920, height: 1080 }).size).toBe(518);
    expect(videoDepthPreset({ width: 2560, height: 1080 }).size).toBe(392);
    expect(videoDepthPreset({ width: 1080, height: 2560 }).size).toBe(392);
  });
});

describe("preprocessDepth", () => {
  test.each(Object.entries(depthPresets))(
    "%s: grey is replicated, alpha dropped, and white stays white",
    (_, preset) => {
      const small = { ...preset, size: 2 * preset.multiple };
      for (const channels of [1, 3, 4] as const) {
        const image = new Image(9, 7, channels, new Uint8Array(9 * 7 * channels).fill(255));
        const planes = preprocessDepth(image, small);
        expect(planes.shape).toEqual([3, ...sides(9, 7, small).reverse()]);
        const area = planes.width * planes.height;
        for (let c = 0; c < 3; c++)
          for (const value of [planes.data[c * area]!, planes.data[c * area + area - 1]!])
            expect(value).toBeCloseTo((1 - preset.mean[c]!) / preset.std[c]!, 4);
      }
    },
  );

  test("bytes are clipped, floats overshoot", () => {
    const edge = new Image(
      40,
      40,
      1,
      Uint8Array.from({ length: 1600 }, (_, i) => (i % 40 < 20 ? 0 : 255)),
    );
    const largest = (preset: DepthPreset) =>
      Math.max(...preprocessDepth(edge, { ...preset, size: 98 }).data.subarray(0, 98 * 98));
    const white = (1 - 0.485) / 0.229;
    expect(largest(depthPresets.depth_anything_v2)).toBeGreaterThan(white + 0.1);
    expect(largest(depthPresets.transformers)).toBeCloseTo(white, 5);
  });
});

test("restoreDepth keeps constant maps, and a map of the same size", () => {
  const constant = new Planes(1, 14, 28, new Float32Array(14 * 28).fill(3));
  const ramp = new Planes(
    1,
    14,
    28,
    Float32Array.from({ length: 14 * 28 }, (_, i) => i),
  );
  for (const preset of Object.values(depthPresets)) {
    for (const value of restoreDepth(constant, { width: 45, height: 31 }, preset).data)
      expect(value).toBeCloseTo(3, 5);
    for (const [i, value] of restoreDepth(ramp, ramp, preset).data.entries()) expect(value).toBeCloseTo(i, 3);
  }
});

test("resizeTarget picks values", () => {
  const map = new Planes(
    1,
    5,
    7,
    Float32Array.from({ length: 35 }, (_, i) => 2 ** (i % 20)),
  );
  const known = new Set(map.data);
  for (const value of resizeTarget(map, { width: 14, height: 3 }).data) expect(known.has(value)).toBe(true);
});

describe("pictures of depth", () => {
  test("span the map, whatever its range", () => {
    const map = new Planes(1, 1, 3, Float32Array.of(-2, 0, 2));
    expect([...depthLevels(map).data]).toEqual([0, 127, 255]);
    expect([...depth16(map)]).toEqual([0, 32767, 65535]);
    expect([...colorizeDepth(map, "midas").data.subarray(0, 3)]).toEqual([
      ...depthColors("midas").subarray(0, 3),
    ]);
  });

  test("a constant map is black, and depth must be finite", () => {
    expect([...depthLevels(new Planes(1, 1, 2, Float32Array.of(3, 3))).data]).toEqual([0, 0]);
    expect([...depth16(new Planes(1, 1, 2, Float32Array.of(3, 3)))]).toEqual([0, 0]);
    expect(() => depthLevels(new Planes(1, 1, 2, Float32Array.of(3, Number.NaN)))).toThrow(
      "expected finite depth",
    );
    expect(() => depthLevels(new Planes(2, 1, 1))).toThrow("expected a map [1, H, W], got [2,1,1]");
  });
});
