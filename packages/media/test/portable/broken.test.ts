/** Files that are no pictures, not ones that are read, too large, damaged or cut short; and bitmaps. */
import { describe, expect, it } from "vitest";
import { encodeImage, Image, MediaError, type ReadImageOptions, readImage, toGrey } from "../../src/index.ts";
import avif from "../fixtures/avif.json" with { type: "json" };
import bitmaps from "../fixtures/bmp.json" with { type: "json" };
import cut from "../fixtures/cut.json" with { type: "json" };
import { bytesOf, formulaImage, maxDifference, seeded } from "../support/formula.ts";

const inBrowser = "document" in globalThis;

/** What reading fails with. */
async function failureOf(source: Uint8Array, options: ReadImageOptions = {}): Promise<MediaError> {
  return await readImage(source, { name: "x", ...options }).then(
    ({ width, height }) => {
      throw new Error(`expected no picture, got one of ${width} x ${height}`);
    },
    (error: MediaError) => error,
  );
}

/** Latin-1 text as bytes, with zeros after it. */
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

  it("names varieties that are not read", async () => {
    const png = bytesOf(bitmaps.cases[0]!.file);
    png[30] = 5;
    expect(await failureOf(png)).toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(
        /^x: BMP of 1 bits a pixel and compression 5 is not read; expected JPEG/,
      ),
    });
  });
});

describe("AVIF", () => {
  // Chromium takes sequences, and alpha beside studio range, for values of the other range.
  const cases = avif.cases.filter(({ name }) => !inBrowser || !/sequence|alpha/.test(name));
  it.each(cases)("$name: PIL's pixels", async ({ name, file, rgba }) => {
    const image = await readImage(bytesOf(file), { mode: "RGBA" });
    const expected = new Image(32, 24, 4, bytesOf(rgba));
    expect([image.width, image.height]).toEqual([32, 24]);
    const allowed = inBrowser ? 1 : 2;
    // libheif enlarges halved colour in another way than PIL; brightness is not halved.
    if (!inBrowser && name.includes("4:2"))
      expect(maxDifference(toGrey(image).data, toGrey(expected).data)).toBeLessThanOrEqual(allowed);
    else expect(maxDifference(image.data, expected.data)).toBeLessThanOrEqual(allowed);
  });
});

describe("a format that is known and not read", () => {
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
    ["a Canon camera's raw file (CR3)", box("crx crx isom")],
    ["a Canon camera's raw file (CR2)", "II*\0\x10\0\0\0CR\x02"],
    ["a Fujifilm camera's raw file (RAF)", "FUJIFILMCCD-RAW 0201"],
    ["a Netpbm picture (PBM, PGM, PPM or PAM)", "P6\n2 2\n255\n"],
    ["a Windows icon", "\0\0\x01\0\x01\0"],
    ["a Targa picture (TGA)", "\0\0\x02\0\0\0\0\0"],
    ["a video", box("isomisomavc1")],
  ])("%s", async (kind, text) => {
    const expected = `x: ${kind} is not read; expected JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP`;
    for (const tolerant of [false, true])
      expect(await failureOf(begun(text), { tolerant })).toMatchObject({
        code: "unsupported",
        message: expected,
      });
  });

  it("a JPEG of 12 bits, a camera's file inside a TIFF", async () => {
    const jpeg = Uint8Array.from(await encodeImage(formulaImage(16, 16, 3), "jpeg"));
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && (jpeg[i + 1] ?? 0) >> 1 === 0x60);
    jpeg[frame + 4] = 12;
    expect((await failureOf(jpeg)).message).toMatch(/^x: JPEG of 12 bits is not read/);
    // One tag: DNGVersion.
    const dng = begun("II*\0\x08\0\0\0\x01\0\x12\xc6\x01\0\x04\0\0\0\x01\x04\0\0");
    expect((await failureOf(dng)).message).toMatch(/^x: a camera's raw file \(DNG/);
  });

  it("is not guessed from a few letters", async () => {
    for (const text of ["BMW and other cars, and what they cost", "II", "RIFF", ""])
      expect((await failureOf(begun(text))).message).toMatch(/^x: not an image, or of an unknown format/);
  });
});

describe("a picture with too many pixels", () => {
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
  ])("%s: is refused by its header", async (_, head) => {
    const message = "x: 30000 x 30000 pixels, at most 134217728 are decoded";
    expect(await failureOf(begun(head))).toMatchObject({ code: "too-large", message });
  });

  it("WebP: with loss and without", async () => {
    const webp = await encodeImage(formulaImage(20, 10, 3), "webp");
    expect((await failureOf(webp, { maxPixels: 199 })).message).toMatch(/^x: 20 x 10 pixels, at most 199/);
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

  it("says so wherever it was cut", async () => {
    for (const [format, bytes] of Object.entries(await whole()))
      for (const length of [24, bytes.length >> 1, bytes.length - 20, bytes.length - 1]) {
        // A PNG without a piece of its last chunk is whole.
        if (format === "PNG" && length > bytes.length - 12) continue;
        const message = `x: cut short: the ${format} file ends at byte ${length}, before its picture does`;
        expect(await failureOf(bytes.subarray(0, length))).toMatchObject({ code: "cut-short", message });
      }
  });

  it("is read where only the last chunk of a PNG is lost", async () => {
    const image = formulaImage(64, 64, 3);
    const png = await encodeImage(image, "png");
    expect(await readImage(png.subarray(0, -12))).toEqual(image);
    // The same, where a chunk of data before it is lost too, so that all chunks are whole.
    expect(await failureOf(Uint8Array.from(png.subarray(0, 33)))).toMatchObject({ code: "cut-short" });
  });

  it.each(cut.cases)("$name: PIL's pixels of what is there", async ({ name, file, rgb }) => {
    expect(await failureOf(bytesOf(file))).toMatchObject({ code: "cut-short" });
    if (inBrowser && name.includes("gif"))
      return expect(await failureOf(bytesOf(file), { tolerant: true })).toMatchObject({ code: "cut-short" });
    const image = await readImage(bytesOf(file), { tolerant: true });
    expect([image.width, image.height]).toEqual([32, 24]);
    const expected = bytesOf(rgb);
    // What a GIF lost, its last pixel in any case, has the first colour of the palette in PIL, and is black here.
    const lost = name.includes("gif") ? expected.subarray(-3) : Uint8Array.of(0, 0, 0);
    for (let i = 0; i < expected.length; i += 3)
      if (lost.every((value, c) => expected[i + c] === value) && image.data[i] === 0)
        expected.fill(0, i, i + 3);
    // A browser's own decoder enlarges halved colour in another way; transparent pixels lose digits on its canvas.
    const allowed = !inBrowser ? 0 : name.includes("jpg") ? 3 : name.includes("alpha") ? 1 : 0;
    expect(maxDifference(image.data, expected)).toBeLessThanOrEqual(allowed);
  });

  it("is still an error where nothing can be read of it", async () => {
    const { WebP, JPEG, PNG } = await whole();
    for (const bytes of [WebP.subarray(0, -9), JPEG.subarray(0, 20), PNG.subarray(0, 30)])
      expect(await failureOf(bytes, { tolerant: true })).toMatchObject({ code: "cut-short" });
  });

  it("changes nothing of a whole file, nor mends a damaged one", async () => {
    const { PNG } = await whole();
    expect(await readImage(PNG, { tolerant: true })).toEqual(formulaImage(64, 64, 3));
    const rotten = Uint8Array.from(PNG).fill(0x55, 60, 200);
    expect(await failureOf(rotten, { tolerant: true })).toMatchObject({ code: "damaged" });
  });
});

it("whatever is changed in a file, reading ends, with a picture or a MediaError", async () => {
  const random = seeded(5);
  const files = [...cut.cases, ...bitmaps.cases, ...avif.cases].map(({ file }) => bytesOf(file));
  for (let round = 0; round < 400; round++) {
    const bytes = Uint8Array.from(files[round % files.length]!);
    // Headers are at the start; a few bytes of all the rest too.
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
