import { describe, expect, it } from "vitest";
import { formatTick, makeAxis } from "../../src/image/draw/axis.ts";
import {
  COLORMAPS,
  colorize,
  colormapTable,
  contactSheet,
  drawBoxes,
  drawPoints,
  Image,
  lineChart,
  overlayHeat,
  overlayMasks,
  Planes,
  paletteColor,
  paste,
  rasterize,
  toUnitRange,
} from "../../src/index.ts";
import { formulaImage } from "../support/formula.ts";

function pixel(image: Image, x: number, y: number): number[] {
  const at = (y * image.width + x) * image.channels;
  return [...image.data.subarray(at, at + image.channels)];
}

describe("colour maps", () => {
  // matplotlib.colormaps[name]([0, 128, 255], bytes=True)
  it.each([
    ["viridis", [68, 1, 84], [32, 144, 140], [253, 231, 36]],
    ["inferno", [0, 0, 3], [187, 55, 84], [252, 254, 164]],
    ["magma", [0, 0, 3], [182, 54, 121], [251, 252, 191]],
    ["turbo", [48, 18, 59], [164, 252, 59], [122, 4, 2]],
    ["spectralR", [94, 79, 162], [254, 254, 189], [158, 1, 66]],
    ["grey", [0, 0, 0], [128, 128, 128], [255, 255, 255]],
  ] as const)("%s has matplotlib's colours", (name, ...expected) => {
    const table = colormapTable(name);
    expect(table.length).toBe(768);
    expect([0, 128, 255].map((i) => [...table.subarray(i * 3, i * 3 + 3)])).toEqual(expected);
  });

  it("reject unknown names", () => {
    expect(COLORMAPS.length).toBe(6);
    expect(() => colormapTable("jet" as "grey")).toThrow(/got jet/);
  });

  it("map values within their range", () => {
    const values = new Planes(1, 1, 5, Float32Array.of(-1, 0, 1, Number.NaN, 3));
    const all = colorize(values, { colormap: "grey", missing: [9, 8, 7] });
    expect([0, 1, 2, 3, 4].map((x) => pixel(all, x, 0)[0])).toEqual([0, 64, 128, 9, 255]);
    const some = colorize(values, { colormap: "grey", range: [0, 1] });
    expect([0, 1, 2, 3, 4].map((x) => pixel(some, x, 0)[0])).toEqual([0, 0, 255, 0, 255]);
    const flat = colorize(new Planes(1, 1, 2, Float32Array.of(5, 5)), { colormap: "grey" });
    expect([...flat.data]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(() => colorize(new Planes(2, 1, 1))).toThrow("expected [1, H, W], got [2,1,1]");
  });

  it("rescale values to 0 to 1", () => {
    const values = new Planes(1, 1, 4, Float32Array.of(2, 4, Number.POSITIVE_INFINITY, 6));
    expect([...toUnitRange(values).data]).toEqual([0, 0.5, 0, 1]);
  });

  it("have a palette of distinct colours", () => {
    const colors = Array.from({ length: 20 }, (_, i) => paletteColor(i));
    for (const [i, a] of colors.entries())
      for (const b of colors.slice(i + 1, i + 6))
        expect(Math.hypot(...a.map((v, c) => v - b[c]!))).toBeGreaterThan(50);
  });
});

describe("overlays", () => {
  const black = new Image(20, 10, 3);

  it("do not modify the input image", () => {
    const image = formulaImage(20, 10, 3);
    const before = image.data.slice();
    const mask = new Image(20, 10, 1, new Uint8Array(200).fill(1));
    overlayHeat(image, new Planes(1, 2, 2, Float32Array.of(0, 1, 2, 3)));
    overlayMasks(image, [mask]);
    drawBoxes(image, [{ left: 0, top: 0, width: 20, height: 10 }]);
    drawPoints(image, [{ x: 5, y: 5 }]);
    paste(image, mask, 0, 0);
    expect(image.data).toEqual(before);
  });

  it("blend a heat map over an image", () => {
    const heat = new Planes(1, 1, 2, Float32Array.of(0, 1));
    const out = overlayHeat(black, heat, { colormap: "grey", alpha: 0.5 });
    expect(pixel(out, 0, 5)).toEqual([0, 0, 0]);
    expect(pixel(out, 19, 5)).toEqual([128, 128, 128]);
    expect(pixel(out, 10, 5)[0]).toBeGreaterThan(50);
    const faint = overlayHeat(black, heat, { colormap: "grey", alpha: 0.5, range: [0, 4] });
    expect(pixel(faint, 19, 5)).toEqual([32, 32, 32]);
  });

  it("fill masks and outline them", () => {
    const mask = new Image(20, 10, 1);
    for (let y = 2; y < 8; y++) mask.data.fill(1, y * 20 + 2, y * 20 + 12);
    const color = () => [200, 100, 50] as const;
    const out = overlayMasks(black, [mask], { alpha: 0.5, outline: 1, color });
    expect(pixel(out, 2, 5)).toEqual([200, 100, 50]);
    expect(pixel(out, 6, 2)).toEqual([200, 100, 50]);
    expect(pixel(out, 6, 5)).toEqual([100, 50, 25]);
    expect(pixel(out, 13, 5)).toEqual([0, 0, 0]);
    expect(pixel(overlayMasks(black, [mask], { outline: 0, color }), 2, 5)).toEqual([100, 50, 25]);
    expect(() => overlayMasks(black, [mask, new Image(9, 9, 1)])).toThrow(
      "mask 1: expected [10, 20, 1], got [9, 9, 1]",
    );
  });

  it("draw box frames inside the edges", () => {
    const white = () => [255, 255, 255] as const;
    const out = drawBoxes(black, [{ left: 2, top: 1, width: 6, height: 5 }], { thickness: 1, color: white });
    let framed = 0;
    for (let i = 0; i < out.data.length; i += 3) if (out.data[i] === 255) framed++;
    expect(framed).toBe(2 * 6 + 2 * 3);
    expect([pixel(out, 2, 1)[0], pixel(out, 7, 5)[0], pixel(out, 3, 2)[0]]).toEqual([255, 255, 0]);
    const beyond = drawBoxes(black, [{ left: -5, top: -5, width: 100, height: 100 }]);
    expect(beyond.data.every((v) => v === 0)).toBe(true);
  });

  it("draw points with a white rim, clipped at the edges", () => {
    const out = drawPoints(black, [{ x: 10, y: 5 }], { radius: 2, color: () => [255, 0, 0] });
    expect(pixel(out, 10, 5)).toEqual([255, 0, 0]);
    expect(pixel(out, 12, 5)[1]).toBeGreaterThan(150);
    expect(pixel(out, 15, 5)).toEqual([0, 0, 0]);
    expect(pixel(drawPoints(black, [{ x: 0, y: 0 }]), 0, 0)).not.toEqual([0, 0, 0]);
  });

  it("paste with alpha, clipped at the edges", () => {
    const half = new Image(
      2,
      2,
      4,
      Uint8Array.from({ length: 16 }, (_, i) => (i % 4 === 3 ? 51 : 255)),
    );
    const out = paste(black, half, 19, -1);
    expect(pixel(out, 19, 0)).toEqual([51, 51, 51]);
    expect(pixel(out, 19, 1)).toEqual([0, 0, 0]);
  });
});

describe("contactSheet", () => {
  it("arranges images in rows with margins", async () => {
    const [a, b] = [
      new Image(4, 4, 3, new Uint8Array(48).fill(10)),
      new Image(4, 2, 1, new Uint8Array(8).fill(90)),
    ];
    const sheet = await contactSheet([a, b, a], { columns: 2, margin: 3, background: [1, 2, 3] });
    expect([sheet.width, sheet.height]).toEqual([17, 17]);
    expect(pixel(sheet, 2, 2)).toEqual([1, 2, 3]);
    expect(pixel(sheet, 3, 3)).toEqual([10, 10, 10]);
    expect(pixel(sheet, 10, 3)).toEqual([1, 2, 3]);
    expect(pixel(sheet, 10, 4)).toEqual([90, 90, 90]);
    expect(pixel(sheet, 3, 10)).toEqual([10, 10, 10]);
    expect(pixel(sheet, 10, 11)).toEqual([1, 2, 3]);
    await expect(contactSheet([])).rejects.toThrow("at least one image");
  });

  it("shrinks and enlarges images to fit the cell", async () => {
    const big = new Image(40, 20, 3, new Uint8Array(2400).fill(77));
    const small = new Image(1, 1, 3, Uint8Array.of(5, 5, 5));
    const cell = { width: 10, height: 10 };
    const sheet = await contactSheet([big, small], { columns: 2, cell, margin: 0, enlarge: true });
    expect([sheet.width, sheet.height]).toEqual([20, 10]);
    expect(pixel(sheet, 5, 1)).toEqual([255, 255, 255]);
    expect(pixel(sheet, 5, 5)).toEqual([77, 77, 77]);
    expect(pixel(sheet, 19, 9)).toEqual([5, 5, 5]);
  });

  it("writes captions under the images", async () => {
    const one = new Image(60, 4, 3);
    const sheet = await contactSheet([one], { captions: ["<cat> & dog"], margin: 2 });
    expect(sheet.height).toBe(4 + 2 + 2 + 21);
    const ink = sheet.data.subarray(7 * 64 * 3).filter((v) => v < 128).length;
    expect(ink).toBeGreaterThan(30);
  });
});

describe("axes", () => {
  it("have round ticks that enclose the values", () => {
    expect(makeAxis([0.13, 2.7], false, 6, false).ticks).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3]);
    expect(makeAxis([1, 10], false, 5, true).ticks).toEqual([2, 4, 6, 8, 10]);
    expect(makeAxis([0.02, 700], true, 6, false).ticks).toEqual([0.01, 0.1, 1, 10, 100, 1000]);
    expect(makeAxis([3, 30], true, 6, false).ticks).toEqual([2, 5, 10, 20, 50]);
    expect(makeAxis([1e-7, 1e7], true, 5, false).ticks.length).toBeLessThan(8);
  });

  it("handle a single value, no values, and values a log axis cannot show", () => {
    const one = makeAxis([4], false, 5, false);
    expect(one.low < 4 && one.high > 4).toBe(true);
    expect(makeAxis([], false, 5, false).ticks.length).toBeGreaterThan(1);
    const log = makeAxis([-1, 0, 10, 1000], true, 5, false);
    expect([log.low, log.high]).toEqual([10, 1000]);
    expect(log.place(0)).toBeNaN();
    expect(log.place(100)).toBeCloseTo(0.5);
  });

  it("format ticks concisely", () => {
    expect([0, 0.00002, 0.1, 12.5, 1000, 12000, 1.5e6, 2e7, 3e10].map(formatTick)).toEqual([
      "0",
      "2e-5",
      "0.1",
      "12.5",
      "1k",
      "12k",
      "1500k",
      "20M",
      "30G",
    ]);
  });
});

describe("lineChart", () => {
  const path = (svg: string) =>
    [
      ...svg.matchAll(
        /<path d="(M[^"]*)" fill="none" stroke="[^"]*" stroke-width="2"(?: stroke-dasharray="6 4")? stroke-linejoin/g,
      ),
    ].map((m) => m[1]!);

  it("draws every series from its first to its last point", async () => {
    const svg = lineChart({
      series: [
        { name: "a", y: [0, 1, 2] },
        { name: "b", x: [1, 3], y: [2, 0], dashed: true },
      ],
    });
    const [a, b] = path(svg) as [string, string];
    const points = (d: string) =>
      d
        .split(/[ML]/)
        .slice(1)
        .map((p) => p.split(" ").map(Number));
    const [first, middle, last] = points(a) as [number[], number[], number[]];
    expect(first[0]! < middle[0]! && middle[0]! < last[0]!).toBe(true);
    expect(first[1]! > middle[1]! && middle[1]! > last[1]!).toBe(true);
    expect(points(b)).toEqual([
      [first[0], last[1]],
      [last[0], first[1]],
    ]);
    expect(svg).toContain("stroke-dasharray");
    const image = await rasterize(svg);
    expect([image.width, image.height]).toEqual([640, 380]);
  });

  it("leaves gaps at non-finite values", () => {
    const [d] = path(lineChart({ series: [{ name: "a", y: [1, 2, Number.NaN, 3, 4] }] }));
    expect(d!.match(/M/g)!.length).toBe(2);
    const [log] = path(lineChart({ yScale: "log", series: [{ name: "a", y: [1, 0, 10] }] }));
    expect(log!.match(/M/g)!.length).toBe(2);
  });

  it("thins long curves and keeps their spikes", () => {
    const y = Array.from({ length: 50_000 }, (_, i) => (i === 31_234 ? 100 : 1));
    const svg = lineChart({ series: [{ name: "a", y }] });
    expect(svg.length).toBeLessThan(40_000);
    const heights = path(svg)[0]!
      .split(/[ML]/)
      .slice(1)
      .map((p) => Number(p.split(" ")[1]));
    expect(Math.max(...heights) - Math.min(...heights)).toBeGreaterThan(200);
  });

  it("shows labels, names and references, and escapes them", () => {
    const svg = lineChart({
      title: "a < b",
      xLabel: "step & more",
      yLabel: "loss",
      series: [{ name: '"x"', y: [1, 2] }],
      references: [{ value: 1.5, label: "paper's" }],
    });
    for (const text of ["a &lt; b", "step &amp; more", "loss", "&quot;x&quot;", "paper&#39;s"])
      expect(svg).toContain(`>${text}</text>`);
    expect(svg).not.toContain("NaN");
  });

  it("rejects invalid series", () => {
    expect(() => lineChart({ series: [] })).toThrow("at least one series");
    expect(() => lineChart({ series: [{ name: "a", x: [1], y: [1, 2] }] })).toThrow(
      "a: expected as many x as y, got 1 and 2",
    );
  });
});
