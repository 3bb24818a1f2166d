import { describe, expect, it } from "vitest";
import { TRIVIAL_CHANGES } from "../../src/image/augment/trivial.ts";
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  adjustSharpness,
  affineMap,
  autoContrast,
  colorJitter,
  equalize,
  flipHorizontal,
  gaussianBlur,
  Image,
  Planes,
  posterize,
  randomAffine,
  randomResizedCrop,
  solarize,
  toGrey,
  toPlanes,
  toRgb,
  trivialAugmentWide,
  warpAffine,
} from "../../src/index.ts";
import fixtures from "../fixtures/color.json" with { type: "json" };
import { bytesOf, formulaImage, maxDifference, seeded } from "../support/formula.ts";

const CHANGES: Record<string, (image: Image, amount: number) => Image> = {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  adjustHue,
  posterize,
  solarize,
  autoContrast,
  equalize,
};

/** Neither black nor white anywhere, so that contrast stretching has an effect. */
function dull(width: number, height: number): Image {
  return new Image(
    width,
    height,
    3,
    formulaImage(width, height, 3).data.map((value) => 40 + (value >> 1)),
  );
}

function pictureOf(name: string): Image {
  if (name === "large") return formulaImage(40, 30, 3);
  return name === "dull" ? dull(13, 9) : formulaImage(13, 9, 3);
}

describe("colour augmentations", () => {
  it.each(fixtures.cases)("$change($arguments) reproduces torchvision's bytes", (fixture) => {
    const image = pictureOf(fixture.picture);
    const out = CHANGES[fixture.change]!(image, ...(fixture.arguments as [number]));
    expect(out).toEqual(new Image(image.width, image.height, 3, bytesOf(fixture.bytes)));
  });

  it("round the mean that contrast is relative to", () => {
    const grey = new Image(2, 1, 1, Uint8Array.of(10, 11));
    expect([...adjustContrast(grey, 0).data]).toEqual([11, 11, 11, 11, 11, 11]);
  });

  it("convert greyscale to RGB", () => {
    const grey = formulaImage(4, 3, 1);
    expect(adjustHue(grey, 0.25)).toEqual(toRgb(grey));
    expect(adjustContrast(grey, 1)).toEqual(toRgb(grey));
  });

  it("reject amounts out of range", () => {
    const image = formulaImage(2, 2, 3);
    expect(() => adjustHue(image, 0.6)).toThrow("from -0.5 to 0.5, got 0.6");
    expect(() => adjustBrightness(image, -1)).toThrow("at least 0, got -1");
  });

  it("jitter within bounds, and not at all by default", () => {
    const image = formulaImage(13, 9, 3);
    expect(colorJitter(image, {}, seeded(1))).toEqual(image);
    const means = Array.from({ length: 50 }, (_, seed) => {
      const { data } = toGrey(colorJitter(image, { brightness: 0.3 }, seeded(seed)));
      return data.reduce((a, b) => a + b) / data.length;
    });
    const plain = toGrey(image).data.reduce((a, b) => a + b) / (13 * 9);
    expect(Math.min(...means)).toBeGreaterThan(plain * 0.68);
    expect(Math.min(...means)).toBeLessThan(plain * 0.8);
    expect(Math.max(...means)).toBeLessThan(plain * 1.3);
    expect(Math.max(...means)).toBeGreaterThan(plain * 1.1);
  });
});

describe("warpAffine", () => {
  const image = formulaImage(9, 9, 3);

  it("is the identity for the identity map", () => {
    for (const interpolation of ["nearest", "bilinear"] as const) {
      expect(warpAffine(image, affineMap(image, {}), interpolation)).toEqual(image);
      const planes = toPlanes(image);
      expect(warpAffine(planes, affineMap(image, {}), interpolation)).toEqual(planes);
    }
  });

  it("translates right and down, filling with zeros", () => {
    const one = new Image(3, 3, 1, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    const out = warpAffine(one, affineMap(one, { translate: [1, 1] }), "bilinear");
    expect([...out.data]).toEqual([0, 0, 0, 0, 1, 2, 0, 4, 5]);
  });

  it("rotates clockwise", () => {
    const one = new Image(3, 3, 1, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    const out = warpAffine(one, affineMap(one, { degrees: 90 }), "nearest");
    expect([...out.data]).toEqual([7, 4, 1, 8, 5, 2, 9, 6, 3]);
  });

  it("interpolates half-pixel shifts", () => {
    const planes = new Planes(1, 1, 3, Float32Array.of(0, 2, 6));
    const { data } = warpAffine(planes, affineMap(planes, { translate: [-0.5, 0] }), "bilinear");
    // The sample at 3, the right edge, is outside.
    expect([...data]).toEqual([1, 4, 0]);
  });

  it("is undone by the opposite options", () => {
    const smooth = new Planes(1, 33, 33);
    for (let i = 0; i < smooth.data.length; i++) {
      const [y, x] = [Math.floor(i / 33) - 16, (i % 33) - 16];
      smooth.data[i] = Math.exp(-((x - 6) ** 2 + (y + 4) ** 2) / 60);
    }
    const there = warpAffine(smooth, affineMap(smooth, { degrees: 25, scale: 1.2 }), "bilinear");
    const back = warpAffine(there, affineMap(smooth, { degrees: -25, scale: 1 / 1.2 }), "bilinear");
    const middle = ({ data }: Planes) =>
      data.filter((_, i) => Math.hypot(Math.floor(i / 33) - 16, (i % 33) - 16) < 12);
    expect(maxDifference(middle(there), middle(smooth))).toBeGreaterThan(0.2);
    expect(maxDifference(middle(back), middle(smooth))).toBeLessThan(0.03);
  });

  it("shears about the given centre", () => {
    const map = affineMap(image, { shear: [45, 0], center: [0, 0] });
    const [x, y] = [map[0] * 3 + map[1] * 2 + map[2], map[3] * 3 + map[4] * 2 + map[5]];
    expect(x).toBeCloseTo(5);
    expect(y).toBeCloseTo(2);
  });

  it("draws random maps within bounds", () => {
    const random = seeded(14);
    for (let i = 0; i < 50; i++) {
      const [a, b, , d, e] = randomAffine(image, { degrees: 25, scale: [0.5, 2] }, random);
      const scale = 1 / Math.sqrt(a * e - b * d);
      expect(scale).toBeGreaterThan(0.499);
      expect(scale).toBeLessThan(2.001);
      expect(Math.abs(Math.atan2(d, a) * (180 / Math.PI))).toBeLessThan(25.001);
    }
  });
});

describe("randomResizedCrop", () => {
  it("resizes parts of the image to a fixed size", () => {
    const ramp = new Image(64, 48, 1);
    for (let i = 0; i < ramp.data.length; i++) ramp.data[i] = (i % 64) * 4;
    const random = seeded(15);
    const spans = Array.from({ length: 60 }, () => {
      const out = randomResizedCrop(ramp, { width: 8, height: 8 }, random, { interpolation: "nearest" });
      expect([out.width, out.height]).toEqual([8, 8]);
      return (out.data[7]! - out.data[0]!) / 4;
    });
    expect(Math.min(...spans)).toBeLessThan(25);
    expect(Math.max(...spans)).toBeGreaterThan(45);
  });

  it("falls back to the centre if no allowed rectangle fits", () => {
    const bar = new Image(100, 4, 1);
    for (let i = 0; i < bar.data.length; i++) bar.data[i] = i % 100;
    const out = randomResizedCrop(bar, { width: 5, height: 4 }, seeded(16), { scale: [1, 1] });
    expect([...out.data.subarray(0, 5)]).toEqual([47, 48, 49, 50, 51]);
  });
});

describe("trivialAugmentWide", () => {
  it("keeps the size and eventually applies every change", () => {
    const image = dull(40, 40);
    const random = seeded(17);
    const outputs = Array.from({ length: 100 }, () => trivialAugmentWide(image, random));
    for (const out of outputs) expect([out.width, out.height, out.channels]).toEqual([40, 40, 3]);
    const different = new Set(outputs.map((out) => out.data.join()));
    expect(different.size).toBeGreaterThan(50);
    expect(different.has(image.data.join())).toBe(true);
  });

  it("changes nothing at strength 0, except for changes without a strength", () => {
    const image = dull(40, 40);
    for (const [name, change] of Object.entries(TRIVIAL_CHANGES))
      if (name !== "equalize" && name !== "autoContrast")
        expect(maxDifference(change(image, 0, 1).data, image.data), name).toBe(0);
  });

  it("changes something at full strength, in both directions", () => {
    const image = dull(40, 40);
    for (const [name, change] of Object.entries(TRIVIAL_CHANGES)) {
      if (name === "identity") continue;
      for (const sign of [1, -1] as const)
        expect(maxDifference(change(image, 1, sign).data, image.data), name).toBeGreaterThan(10);
    }
  });
});

it("flipHorizontal is its own inverse", () => {
  const image = formulaImage(5, 3, 4);
  expect(flipHorizontal(flipHorizontal(image))).toEqual(image);
});

describe("gaussianBlur", () => {
  it("spreads a point by the Gaussian and keeps its sum", () => {
    const image = new Image(15, 11, 1);
    image.data[5 * 15 + 7] = 250;
    const { data } = gaussianBlur(image, 1);
    const weight = (d: number) => Math.exp(-(d * d) / 2) / 2.5059; // the sum of the kernel up to 3 sigma
    expect(data[5 * 15 + 7]).toBe(Math.round(250 * weight(0) ** 2));
    expect(data[4 * 15 + 8]).toBe(Math.round(250 * weight(1) ** 2));
    expect(data[5 * 15 + 9]).toBe(Math.round(250 * weight(0) * weight(2)));
  });
  it("keeps constant images, also smaller than its kernel, and channels apart", () => {
    const image = new Image(2, 1, 3, Uint8Array.of(9, 80, 200, 9, 80, 200));
    expect(gaussianBlur(image, 2).data).toEqual(image.data);
  });
  it("refuses no width", () => {
    expect(() => gaussianBlur(new Image(2, 2, 1), 0)).toThrow(
      "gaussianBlur: expected a positive sigma, got 0",
    );
  });
});
