import { describe, expect, it } from "vitest";
import {
  type Channels,
  Image,
  type InterpolateOptions,
  interpolate,
  type OpenCvInterpolation,
  type PilFilter,
  Planes,
  resizeOpenCv,
  resizePil,
  toPlanes,
} from "../../src/index.ts";
import opencv from "../fixtures/resize-opencv.json" with { type: "json" };
import pil from "../fixtures/resize-pil.json" with { type: "json" };
import torch from "../fixtures/resize-torch.json" with { type: "json" };
import { bytesOf, floatsOf, formulaImage, maxDifference } from "../support/formula.ts";

const [WIDTH, HEIGHT] = [13, 9];

function sizeOf([width, height]: readonly number[]) {
  return { width: width!, height: height! };
}

describe("resizePil", () => {
  it.each(pil.cases)("$filter, $channels channels, to $size, reproduces Pillow's values", (fixture) => {
    const filter = fixture.filter as PilFilter;
    const image = formulaImage(WIDTH, HEIGHT, fixture.channels as Channels);
    const size = sizeOf(fixture.size);
    if (fixture.bytes !== undefined)
      expect(resizePil(image, size, filter)).toEqual(
        new Image(size.width, size.height, image.channels, bytesOf(fixture.bytes)),
      );
    else {
      const out = resizePil(toPlanes(image), size, filter);
      expect(out.shape).toEqual([1, size.height, size.width]);
      expect(maxDifference(out.data, floatsOf(fixture.floats!))).toBeLessThan(1e-7);
    }
  });

  it("keeps a uniform image uniform at any size", () => {
    const flat = new Image(7, 5, 3, new Uint8Array(105).fill(201));
    for (const filter of ["box", "bilinear", "hamming", "bicubic", "lanczos"] as const)
      for (const size of [
        { width: 1, height: 1 },
        { width: 50, height: 2 },
      ])
        expect(new Set(resizePil(flat, size, filter).data)).toEqual(new Set([201]));
  });

  it("does not let the colour of transparent pixels bleed", () => {
    const image = new Image(2, 1, 4, Uint8Array.of(255, 0, 0, 0, 0, 0, 255, 255));
    const [red, , blue, alpha] = resizePil(image, { width: 1, height: 1 }, "box").data;
    expect([red, blue, alpha]).toEqual([0, 255, 128]);
  });

  it("rejects invalid options", () => {
    const image = formulaImage(3, 3, 1);
    expect(() => resizePil(image, { width: 0, height: 3 }, "box")).toThrow(
      /positive integer width and height, got 0 x 3/,
    );
    expect(() => resizePil(image, { width: 2, height: 2 }, "cubic" as PilFilter)).toThrow(/got cubic/);
  });
});

describe("resizeOpenCv", () => {
  it.each(opencv.cases)(
    "$filter, $channels channels, $source to $size, reproduces OpenCV's values",
    (fixture) => {
      const filter = fixture.filter as OpenCvInterpolation;
      const source = sizeOf(fixture.source ?? [WIDTH, HEIGHT]);
      const image = formulaImage(source.width, source.height, fixture.channels as Channels);
      const size = sizeOf(fixture.size);
      if (fixture.bytes !== undefined)
        expect(resizeOpenCv(image, size, filter)).toEqual(
          new Image(size.width, size.height, image.channels, bytesOf(fixture.bytes)),
        );
      else {
        const out = resizeOpenCv(toPlanes(image), size, filter);
        expect(out.shape).toEqual([1, size.height, size.width]);
        expect(maxDifference(out.data, floatsOf(fixture.floats!))).toBeLessThan(3e-7);
      }
    },
  );

  it("lets cubic floats overshoot and clamps bytes", () => {
    const step = new Image(4, 1, 1, Uint8Array.of(0, 0, 255, 255));
    const size = { width: 16, height: 1 };
    const floats = resizeOpenCv(toPlanes(step), size, "cubic").data;
    expect(Math.min(...floats)).toBeLessThan(-0.05);
    expect(Math.max(...floats)).toBeGreaterThan(1.05);
    const bytes = resizeOpenCv(step, size, "cubic").data;
    expect([bytes[5], bytes[10]]).toEqual([0, 255]);
  });

  it("rejects invalid options", () => {
    const image = formulaImage(3, 3, 1);
    const wrong = "lanczos" as OpenCvInterpolation;
    expect(() => resizeOpenCv(image, { width: 2, height: 2 }, wrong)).toThrow(/got lanczos/);
  });
});

describe("interpolate", () => {
  it.each(torch.cases)("$options to $size reproduces PyTorch's values", (fixture) => {
    const planes = toPlanes(formulaImage(WIDTH, HEIGHT, 1));
    const size = sizeOf(fixture.size);
    const out = interpolate(planes, size, fixture.options as InterpolateOptions);
    expect(out.shape).toEqual([1, size.height, size.width]);
    expect(maxDifference(out.data, floatsOf(fixture.floats))).toBeLessThan(2e-6);
  });

  it("resizes all planes identically", () => {
    const one = toPlanes(formulaImage(WIDTH, HEIGHT, 1));
    const two = new Planes(2, HEIGHT, WIDTH, Float32Array.from([...one.data, ...one.data]));
    const size = { width: 5, height: 20 };
    for (const mode of ["nearest", "bicubic"] as const) {
      const expected = interpolate(one, size, { mode }).data;
      expect(interpolate(two, size, { mode }).data).toEqual(Float32Array.from([...expected, ...expected]));
    }
  });

  it("rejects invalid options", () => {
    const planes = new Planes(1, 2, 2);
    const size = { width: 2, height: 2 };
    expect(() => interpolate(planes, size, { mode: "nearest", antialias: true })).toThrow(
      /nearest supports neither/,
    );
    expect(() => interpolate(planes, size, { mode: "area" as "nearest" })).toThrow(/got area/);
  });
});
