import { expect, it } from "vitest";
import {
  encodeImage,
  Image,
  MediaError,
  type MediaErrorCode,
  rasterize,
  readImage,
  renderText,
} from "../../src/index.ts";
import { withOrientation } from "../support/exif.ts";
import { formulaImage, maxDifference } from "../support/formula.ts";

async function codeOf(promise: Promise<unknown>): Promise<MediaErrorCode> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof MediaError)) throw new Error(`expected a MediaError, got ${error}`);
  return error.code;
}

it("round-trips PNG losslessly from bytes, a Blob, a buffer and a data URL", async () => {
  const image = formulaImage(19, 13, 3);
  const bytes = Uint8Array.from(await encodeImage(image, "png"));
  const base64 = btoa(String.fromCharCode(...bytes));
  for (const source of [bytes, new Blob([bytes]), bytes.buffer, `data:image/png;base64,${base64}`])
    expect(await readImage(source)).toEqual(image);
});

it("returns an Image as is", async () => {
  const image = formulaImage(3, 2, 3);
  expect(await readImage(image)).toBe(image);
});

it("preserves greyscale and alpha", async () => {
  const grey = formulaImage(9, 7, 1);
  expect(await readImage(await encodeImage(grey, "png"), { mode: "L" })).toEqual(grey);
  const rgba = formulaImage(9, 7, 4);
  for (let i = 3; i < rgba.data.length; i += 4) rgba.data[i] = i % 8 === 3 ? 255 : 0;
  const back = await readImage(await encodeImage(rgba, "png"), { mode: "file" });
  expect(back.channels).toBe(4);
  const visible = (image: Image) =>
    image.data.filter((_, i) => (rgba.data[i | 3] ?? 0) === 255 || i % 4 === 3);
  expect(visible(back)).toEqual(visible(rgba));
});

it("composites transparency over a background", async () => {
  const rgba = new Image(1, 1, 4, Uint8Array.of(255, 0, 0, 0));
  const file = await encodeImage(rgba, "png");
  expect([...(await readImage(file, { background: [0, 200, 100] })).data]).toEqual([0, 200, 100]);
});

it("encodes JPEG and WebP with less error at higher quality", async () => {
  const smooth = new Image(64, 48, 3);
  for (let i = 0; i < smooth.data.length; i++)
    smooth.data[i] = ((i / 3) % 64) * 2 + (i % 3) * 20 + Math.floor(i / 192);
  for (const format of ["jpeg", "webp"] as const) {
    const [rough, fine] = [
      await encodeImage(smooth, format, { quality: 10 }),
      await encodeImage(smooth, format, { quality: 95 }),
    ];
    expect(rough.length).toBeLessThan(fine.length);
    expect(maxDifference((await readImage(fine)).data, smooth.data)).toBeLessThan(12);
  }
});

it("applies the EXIF orientation unless told not to", async () => {
  const image = new Image(32, 16, 3).data.fill(20);
  const dark = new Image(32, 16, 3, image);
  for (let y = 0; y < 8; y++) dark.data.fill(240, y * 96, y * 96 + 24);
  const file = withOrientation(await encodeImage(dark, "jpeg", { quality: 95 }), 6);
  const upright = await readImage(file);
  expect([upright.width, upright.height]).toEqual([16, 32]);
  const at = (read: Image, x: number, y: number) => read.data[(y * read.width + x) * 3]!;
  // The bright top left corner moves to the right.
  expect(at(upright, 14, 2)).toBeGreaterThan(200);
  expect(at(upright, 2, 2)).toBeLessThan(60);
  const stored = await readImage(file, { orient: false });
  expect([stored.width, stored.height]).toEqual([32, 16]);
  expect(at(stored, 2, 2)).toBeGreaterThan(200);
});

it("rejects invalid sources", async () => {
  const text = new TextEncoder().encode("<!doctype html><title>404</title>");
  expect(await codeOf(readImage(text))).toBe("unsupported");
  await expect(readImage(text)).rejects.toThrow("an HTML page is not supported; expected JPEG, PNG");
  expect(await codeOf(readImage(new Uint8Array(0)))).toBe("empty");
  expect(await codeOf(readImage("data:image/png,"))).toBe("empty");
  expect(await codeOf(readImage("http://"))).toBe("unreachable");
  expect(await codeOf(readImage(7 as unknown as string))).toBe("unsupported");
  const file = new File([text], "page.png");
  await expect(readImage(file)).rejects.toThrow(/^page\.png: an HTML page/);
});

it("rejects too many pixels and too many bytes", async () => {
  const file = await encodeImage(formulaImage(20, 10, 3), "png");
  expect(await codeOf(readImage(file, { maxPixels: 199 }))).toBe("too-large");
  await expect(readImage(file, { maxPixels: 199 })).rejects.toThrow("20 x 10 pixels, over the limit of 199");
  expect((await readImage(file, { maxPixels: 200 })).width).toBe(20);
  expect(await codeOf(readImage(file, { maxBytes: file.length - 1 }))).toBe("too-large");
});

it("rejects an invalid quality or mode", async () => {
  const image = formulaImage(2, 2, 3);
  await expect(encodeImage(image, "jpeg", { quality: 0 })).rejects.toThrow("from 1 to 100, got 0");
  await expect(readImage(image, { mode: "CMYK" as "RGB" })).rejects.toThrow("got CMYK");
});

it("rasterizes SVG and text", async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"><rect width="2" height="2" fill="#f00"/></svg>';
  const image = await rasterize(svg);
  expect([image.width, image.height, image.channels]).toEqual([4, 2, 4]);
  expect([...image.data.subarray(0, 4)]).toEqual([255, 0, 0, 255]);
  expect(image.data[2 * 4 + 3]).toBe(0);
  const text = await renderText("a < b & c", { size: 20 });
  expect(text.height).toBe(27);
  expect(text.data.some((value, i) => i % 4 === 3 && value > 100)).toBe(true);
  expect((await renderText("x".repeat(500), { maxWidth: 80 })).width).toBe(80);
});
