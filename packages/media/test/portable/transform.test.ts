import { describe, expect, it } from "vitest";
import {
  centerRectangle,
  crop,
  flatten,
  flipHorizontal,
  fromPlanes,
  HALF,
  IMAGENET_MEAN,
  IMAGENET_STD,
  Image,
  interpolate,
  normalize,
  type PilFilter,
  Planes,
  type Preset,
  pictureAt,
  preprocess,
  resizeOpenCv,
  shorterSide,
  stack,
  timmPreset,
  toGrey,
  toPlanes,
  toRgb,
  toRgba,
  torchvisionPreset,
  visibleRectangle,
  vitPreset,
} from "../../src/index.ts";
import fixtures from "../fixtures/presets.json" with { type: "json" };
import { floatsOf, formulaImage, maxDifference } from "../support/formula.ts";

type Arguments = (typeof fixtures.cases)[number]["arguments"];

function presetOf(name: string, given: Arguments): Preset {
  switch (name) {
    case "torchvision":
      return torchvisionPreset(...(given as [number, number, PilFilter]));
    case "timm":
      return timmPreset(...(given as [number, number, PilFilter, number[], number[]]));
    case "vit":
      return vitPreset(given[0] as number);
    default: {
      const [resize, size] = given as [number, [number, number]];
      const bilinear = { library: "pil", interpolation: "bilinear" } as const;
      return { ...bilinear, resize, crop: size, cropRounding: "down", mean: HALF, std: HALF };
    }
  }
}

describe("preprocess", () => {
  it.each(fixtures.cases)("$preset($arguments) of $source reproduces the library's values", (fixture) => {
    const [width, height] = fixture.source as [number, number];
    const out = preprocess(formulaImage(width, height, 3), presetOf(fixture.preset, fixture.arguments));
    expect(out.shape).toEqual(fixture.shape);
    const probed = out.data.filter((_, i) => i % fixture.step === 0);
    // Bytes are identical, so floats differ only by rounding: transformers has a different order of operations.
    expect(maxDifference(probed, floatsOf(fixture.floats))).toBeLessThan(5e-7);
  });

  it("resizes floats if the preset says so", () => {
    const image = formulaImage(13, 9, 3);
    const mean = [0, 0, 0];
    const std = [1, 1, 1];
    const size = { width: 8, height: 12 };
    const opencv = preprocess(image, {
      library: "opencv",
      interpolation: "cubic",
      resize: [12, 8],
      mean,
      std,
    });
    expect(opencv).toEqual(resizeOpenCv(toPlanes(image), size, "cubic"));
    const antialias = true;
    const options = {
      library: "torch",
      interpolation: "bilinear",
      antialias,
      resize: [12, 8],
      mean,
      std,
    } as const;
    expect(preprocess(image, options)).toEqual(
      interpolate(toPlanes(image), size, { mode: "bilinear", antialias }),
    );
  });

  it("converts to greyscale or RGB by the number of means", () => {
    const image = formulaImage(4, 4, 3);
    const grey: Preset = { library: "pil", interpolation: "bilinear", mean: [0.1307], std: [0.3081] };
    expect(preprocess(image, grey)).toEqual(normalize(toPlanes(toGrey(image)), [0.1307], [0.3081]));
    expect(preprocess(formulaImage(4, 4, 1), vitPreset(4)).shape).toEqual([3, 4, 4]);
  });

  it("computes the visible part of the image", () => {
    const seen = visibleRectangle({ width: 500, height: 400 }, torchvisionPreset(224, 256));
    expect(seen).toEqual({ left: 48 * (500 / 320), top: 25, width: 224 * (500 / 320), height: 350 });
    expect(visibleRectangle({ width: 30, height: 20 }, vitPreset(10))).toEqual({
      left: 0,
      top: 0,
      width: 30,
      height: 20,
    });
  });
});

describe("sizes", () => {
  it("truncates the longer side", () => {
    expect(shorterSide({ width: 500, height: 375 }, 256)).toEqual({ width: 341, height: 256 });
    expect(shorterSide({ width: 375, height: 500 }, 256)).toEqual({ width: 256, height: 341 });
    expect(shorterSide({ width: 10, height: 10 }, 3)).toEqual({ width: 3, height: 3 });
  });

  it("rounds crop offsets to even or down", () => {
    const start = (inside: number, side: number, rounding: "even" | "down") =>
      centerRectangle({ width: inside, height: inside }, [side, side], rounding).left;
    // Spare 1, 3, 5: halves of 0.5, 1.5, 2.5.
    expect([11, 13, 15].map((n) => start(n, 10, "even"))).toEqual([0, 2, 2]);
    expect([11, 13, 15].map((n) => start(n, 10, "down"))).toEqual([0, 1, 2]);
    expect(start(7, 10, "even")).toBe(-1);
    expect(start(7, 10, "down")).toBe(-2);
  });
});

describe("normalize", () => {
  it("is (x - mean) / std by channel", () => {
    const planes = new Planes(3, 1, 1, Float32Array.of(0, 0.5, 1));
    const expected = [0, 0.5, 1].map((x, c) => (x - IMAGENET_MEAN[c]!) / IMAGENET_STD[c]!);
    expect(maxDifference(normalize(planes, IMAGENET_MEAN, IMAGENET_STD).data, expected)).toBeLessThan(1e-6);
  });

  it("needs one mean and standard deviation per channel", () => {
    expect(() => normalize(new Planes(1, 1, 1), IMAGENET_MEAN, IMAGENET_STD)).toThrow(/expected 1 .* got 3/);
  });
});

describe("Image and Planes", () => {
  it("reject sizes that do not match", () => {
    expect(() => new Image(2, 2, 3, new Uint8Array(11))).toThrow("expected 12 bytes for [2, 2, 3], got 11");
    expect(() => new Image(0, 2, 3)).toThrow(/positive integer width and height, got 0 x 2/);
    expect(() => new Image(2, 2, 2 as 1)).toThrow("expected 1, 3 or 4 channels, got 2");
    expect(() => new Planes(1, 2, 2, new Float32Array(3))).toThrow("expected 4 values for [1, 2, 2], got 3");
    expect(() => new Planes(0, 2, 2)).toThrow(/at least one channel/);
  });

  it("convert between each other without loss", () => {
    const image = formulaImage(5, 4, 3);
    expect(fromPlanes(toPlanes(image))).toEqual(image);
    expect(toPlanes(image).data[5 * 4 + 1]).toBe(Math.fround(image.data[1 * 3 + 1]! / 255));
    const far = fromPlanes(new Planes(1, 1, 3, Float32Array.of(-1, 2, Number.NaN)));
    expect([...far.data]).toEqual([0, 255, 0]);
  });

  it("convert channels", () => {
    const rgba = new Image(1, 1, 4, Uint8Array.of(200, 100, 50, 51));
    expect([...toRgb(rgba).data]).toEqual([200, 100, 50]);
    expect([...toGrey(rgba).data]).toEqual([124]);
    expect([...flatten(rgba, [0, 255, 0]).data]).toEqual([40, 224, 10]);
    const grey = new Image(1, 1, 1, Uint8Array.of(7));
    expect([...toRgba(grey).data]).toEqual([7, 7, 7, 255]);
  });

  it("crop inside and beyond the edges, for bytes and floats", () => {
    const image = new Image(3, 2, 1, Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect([...crop(image, { left: 1, top: 0, width: 2, height: 2 }).data]).toEqual([2, 3, 5, 6]);
    const beyond = { left: -1, top: 1, width: 5, height: 2 };
    expect([...crop(image, beyond).data]).toEqual([0, 4, 5, 6, 0, 0, 0, 0, 0, 0]);
    expect([...crop(toPlanes(image), beyond).data].map((v) => Math.round(v * 255))).toEqual([
      0, 4, 5, 6, 0, 0, 0, 0, 0, 0,
    ]);
    expect([...crop(image, { left: 9, top: 0, width: 1, height: 1 }).data]).toEqual([0]);
  });

  it("mirror", () => {
    const image = new Image(2, 1, 3, Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect([...flipHorizontal(image).data]).toEqual([4, 5, 6, 1, 2, 3]);
  });

  it("stack into a batch and are extracted from it", () => {
    const planes = [toPlanes(formulaImage(3, 2, 3)), new Planes(3, 2, 3)];
    const batch = stack(planes);
    expect(batch.shape).toEqual([2, 3, 2, 3]);
    expect(pictureAt(batch, 0)).toEqual(planes[0]);
    expect(pictureAt(batch, 1)).toEqual(planes[1]);
    expect(() => stack([...planes, new Planes(1, 2, 3)])).toThrow(
      "image 2: expected [3,2,3] like the first, got [1,2,3]",
    );
  });
});
