/** Files that are not images, unsupported, too large, damaged or cut short; also BMP and AVIF. */
import { describe, expect, it } from "vitest";
import { encodeImage, Image, MediaError, type ReadImageOptions, readImage, toGrey } from "../../src/index.ts";
import avif from "../fixtures/avif.json" with { type: "json" };
import bitmaps from "../fixtures/bmp.json" with { type: "json" };
import cut from "../fixtures/cut.json" with { type: "json" };
import { bytesOf, formulaImage, maxDifference, seeded } from "../support/formula.ts";

const inBrowser = "document" in globalThis;

/** The error that reading fails with. */
async function failureOf(source: Uint8Array, options: ReadImageOptions = {}): Promise<MediaError> {
  return await readImage(source, { name: "x", ...options }).then(
    ({ width, height }) => {
      throw new Error(`expected an error, got an image of ${width} x ${height}`);
    },
    (error: MediaError) => error,
  );
}

/** Latin-1 text as bytes, padded with zeros. */
function begun(text: string, length = 256): Uint8Array {
  const bytes = new Uint8Array(Math.max(length, text.length));
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const box = (brands: string) =>
  `\0\0\0${String.fromCharCode(16 + brands.length - 4)}ftyp${brands.slice(0, 4)}\0\0\0\0${brands.slice(4)}`;

describe("BMP", () => {
  it.each(bitmaps.cases)("$name: PIL's pixels", async ({ file, rgba }) => {
    const image = await readImage(bytesOf(file), { mode: "RGBA" });
    expect(image).toEqual(new Image(13, 9, 4, bytesOf(rgba)));
  });

  it("rejects unsupported variants", async () => {
    const png = bytesOf(bitmaps.cases[0]!.file);
    png[30] = 5;
    expect(await failureOf(png)).toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(
        /^x: BMP with 1 bits per pixel and compression 5 is not supported; expected JPEG/,
      ),
    });
  });
});

describe("AVIF", () => {
  // Chromium assumes the wrong range for sequences, and for alpha with studio range.
  const cases = avif.cases.filter(({ name }) => !inBrowser || !/sequence|alpha/.test(name));
  it.each(cases)("$name: PIL's pixels", async ({ name, file, rgba }) => {
    const image = await readImage(bytesOf(file), { mode: "RGBA" });
    const expected = new Image(32, 24, 4, bytesOf(rgba));
    expect([image.width, image.height]).toEqual([32, 24]);
    const allowed = inBrowser ? 1 : 2;
    // libheif upsamples chroma differently from PIL; luma is not subsampled.
    if (!inBrowser && name.includes("4:2"))
      expect(maxDifference(toGrey(image).data, toGrey(expected).data)).toBeLessThanOrEqual(allowed);
    else expect(maxDifference(image.data, expected.data)).toBeLessThanOrEqual(allowed);
  });
});

describe("a known but unsupported format", () => {
  it.each([
    ["HEIC", box("heicmif1heic")],
    ["HEIC", box("mif1mif1heic")],
    ["HEIC", `${box("mif1miaf")} meta hvc1`],
    ["HEIF", box("mif1miaf")],
    ["JPEG XL", "\0\0\0\x0cJXL \r\n\x87\n"],
    ["JPEG XL", "\xff\x0a\xfa\x1f"],
    ["JPEG 2000", "\0\0\0\x0cjP  \r\n\x87\n"],
    ["JPEG-LS", "\xff\xd8\xff\xf7"],
    ["a Photoshop document", "8BPS\0\x01"],
    ["a PDF", "%PDF-1.7"],
    ["SVG", '<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="9">'],
    ["a Canon raw file (CR3)", box("crx crx isom")],
    ["a Canon raw file (CR2)", "II*\0\x10\0\0\0CR\x02"],
    ["a Fujifilm raw file (RAF)", "FUJIFILMCCD-RAW 0201"],
    ["a Netpbm image (PBM, PGM, PPM or PAM)", "P6\n2 2\n255\n"],
    ["a Windows icon", "\0\0\x01\0\x01\0"],
    ["a Targa image (TGA)", "\0\0\x02\0\0\0\0\0"],
    ["a video", box("isomisomavc1")],
  ])("%s", async (kind, text) => {
    const expected = `x: ${kind} is not supported; expected JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP`;
    for (const tolerant of [false, true])
      expect(await failureOf(begun(text), { tolerant })).toMatchObject({
        code: "unsupported",
        message: expected,
      });
  });

  it("a JPEG with 12 bits, a camera raw file inside a TIFF", async () => {
    const jpeg = Uint8Array.from(await encodeImage(formulaImage(16, 16, 3), "jpeg"));
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && (jpeg[i + 1] ?? 0) >> 1 === 0x60);
    jpeg[frame + 4] = 12;
    expect((await failureOf(jpeg)).message).toMatch(/^x: JPEG with 12 bits is not supported/);
    // One tag: DNGVersion.
    const dng = begun("II*\0\x08\0\0\0\x01\0\x12\xc6\x01\0\x04\0\0\0\x01\x04\0\0");
    expect((await failureOf(dng)).message).toMatch(/^x: a camera raw file \(DNG/);
  });

  it("is not guessed from a few letters", async () => {
    for (const text of ["BMW and other cars, and what they cost", "II", "RIFF", ""])
      expect((await failureOf(begun(text))).message).toMatch(/^x: not an image, or an unknown format/);
  });
});

describe("an image with too many pixels", () => {
  const uint16 = (value: number) => String.fromCharCode(value & 255, value >> 8);
  const uint24 = (value: number) => `${uint16(value & 0xffff)}${String.fromCharCode(value >> 16)}`;
  const side = 30_000;
  const big = "\x75\x30";
  const little = uint16(side);
  it.each([
    ["PNG", `\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0${big}\0\0${big}\x08\x02\0\0\0`],
    ["JPEG", `\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08${big}${big}\x03`],
    ["GIF", `GIF89a${little}${little}\0\0\0`],
    ["WebP, extended", `RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0${uint24(side - 1)}${uint24(side - 1)}`],
    ["TIFF", `II*\0\x08\0\0\0\x02\0\0\x01\x03\0\x01\0\0\0${little}\0\0\x01\x01\x03\0\x01\0\0\0${little}\0\0`],
    ["BMP", `BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0${little}\0\0${little}\0\0\x01\0\x18\0`],
    [
      "AVIF",
      `${box("avifavifmif1")}\0\0\0\x30meta\0\0\0\0\0\0\0\x24iprp\0\0\0\x1cipco\0\0\0\x14ispe\0\0\0\0\0\0${big}\0\0${big}`,
    ],
  ])("%s: is rejected by its header", async (_, head) => {
    const message = "x: 30000 x 30000 pixels, over the limit of 134217728";
    expect(await failureOf(begun(head))).toMatchObject({ code: "too-large", message });
  });

  it("WebP: lossy and lossless", async () => {
    const webp = await encodeImage(formulaImage(20, 10, 3), "webp");
    expect((await failureOf(webp, { maxPixels: 199 })).message).toMatch(
      /^x: 20 x 10 pixels, over the limit of 199/,
    );
    const lossless = begun("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\xff\xff\xff\x0f");
    expect((await failureOf(lossless)).message).toMatch(/^x: 16384 x 16384 pixels/);
  });
});

describe("a file that was cut short", () => {
  const whole = async () => ({
    PNG: await encodeImage(formulaImage(64, 64, 3), "png"),
    JPEG: await encodeImage(formulaImage(64, 64, 3), "jpeg"),
    WebP: await encodeImage(formulaImage(64, 64, 3), "webp"),
    BMP: bytesOf(bitmaps.cases[0]!.file),
  });

  it("is an error wherever it is cut", async () => {
    for (const [format, bytes] of Object.entries(await whole()))
      for (const length of [24, bytes.length >> 1, bytes.length - 20, bytes.length - 1]) {
        // A PNG with an incomplete last chunk counts as complete.
        if (format === "PNG" && length > bytes.length - 12) continue;
        const message = `x: cut short: the ${format} file ends at byte ${length}, before the image is complete`;
        expect(await failureOf(bytes.subarray(0, length))).toMatchObject({ code: "cut-short", message });
      }
  });

  it("is read if only the last chunk of a PNG is missing", async () => {
    const image = formulaImage(64, 64, 3);
    const png = await encodeImage(image, "png");
    expect(await readImage(png.subarray(0, -12))).toEqual(image);
    // If a data chunk before it is missing too, all remaining chunks are complete, but the image is not.
    expect(await failureOf(Uint8Array.from(png.subarray(0, 33)))).toMatchObject({ code: "cut-short" });
  });

  it.each(cut.cases)("$name: PIL's pixels as far as possible", async ({ name, file, rgb }) => {
    expect(await failureOf(bytesOf(file))).toMatchObject({ code: "cut-short" });
    if (inBrowser && name.includes("gif"))
      return expect(await failureOf(bytesOf(file), { tolerant: true })).toMatchObject({ code: "cut-short" });
    const image = await readImage(bytesOf(file), { tolerant: true });
    expect([image.width, image.height]).toEqual([32, 24]);
    const expected = bytesOf(rgb);
    // Missing pixels of a GIF, always including the last one, have the first palette colour in PIL and are black here.
    const lost = name.includes("gif") ? expected.subarray(-3) : Uint8Array.of(0, 0, 0);
    for (let i = 0; i < expected.length; i += 3)
      if (lost.every((value, c) => expected[i + c] === value) && image.data[i] === 0)
        expected.fill(0, i, i + 3);
    // Browsers upsample chroma differently; transparent pixels lose precision on the canvas.
    const allowed = !inBrowser ? 0 : name.includes("jpg") ? 3 : name.includes("alpha") ? 1 : 0;
    expect(maxDifference(image.data, expected)).toBeLessThanOrEqual(allowed);
  });

  it("is still an error if nothing of it can be read", async () => {
    const { WebP, JPEG, PNG } = await whole();
    for (const bytes of [WebP.subarray(0, -9), JPEG.subarray(0, 20), PNG.subarray(0, 30)])
      expect(await failureOf(bytes, { tolerant: true })).toMatchObject({ code: "cut-short" });
  });

  it("tolerant changes nothing for complete files, and does not repair damaged ones", async () => {
    const { PNG } = await whole();
    expect(await readImage(PNG, { tolerant: true })).toEqual(formulaImage(64, 64, 3));
    const rotten = Uint8Array.from(PNG).fill(0x55, 60, 200);
    expect(await failureOf(rotten, { tolerant: true })).toMatchObject({ code: "damaged" });
  });
});

it("reading any corrupted file terminates with an image or a MediaError", async () => {
  const random = seeded(5);
  const files = [...cut.cases, ...bitmaps.cases, ...avif.cases].map(({ file }) => bytesOf(file));
  for (let round = 0; round < 400; round++) {
    const bytes = Uint8Array.from(files[round % files.length]!);
    // Mostly in the header, at the start; sometimes elsewhere.
    for (let change = 0; change < 4; change++) {
      const place = change === 0 ? random() * bytes.length : random() * Math.min(300, bytes.length);
      bytes[Math.floor(place)] = random() * 256;
    }
    const options = { maxPixels: 1e6, tolerant: round % 2 === 0 };
    const error = await readImage(bytes, options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined) expect(error).toBeInstanceOf(MediaError);
  }
});
