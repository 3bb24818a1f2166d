/** Decoding and encoding in a browser, with its own decoders and a canvas. */
import { MediaError } from "../../error.ts";
import { Image, toRgb, toRgba } from "../image.ts";
import { checkPixels, type DecodeOptions, type DeepPixels, damaged, type ImageFormat } from "./codec.ts";
import type { Format } from "./format.ts";
import { decodeGrey } from "./png-grey.ts";

/** Decodes to RGB, or to RGBA if any pixel is transparent; the canvas loses colour precision under transparency. */
export async function decode(bytes: Uint8Array, format: Format, options: DecodeOptions): Promise<Image> {
  // Browsers apply the orientation regardless of `imageOrientation`, so remove it from the file.
  const file = options.orient ? bytes : withoutOrientation(bytes);
  const bitmap = await createImageBitmap(new Blob([file as Uint8Array<ArrayBuffer>]), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  }).catch(() => {
    if (format === "TIFF" || format === "AVIF")
      throw new MediaError(
        "unsupported",
        `${options.name}: this browser does not support ${format}; save it as PNG`,
      );
    throw damaged(options.name, `not a ${format} that this browser can decode`);
  });
  try {
    checkPixels(bitmap, options);
    const context = canvasContext(bitmap.width, bitmap.height);
    context.drawImage(bitmap, 0, 0);
    return fromContext(context);
  } finally {
    bitmap.close();
  }
}

/** Copies a file and, if it is a JPEG with an EXIF orientation, resets that to normal. */
function withoutOrientation(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  const fits = (at: number, length: number) => at + length <= out.length;
  for (let at = 2; fits(at, 18) && view.getUint16(0) === 0xffd8; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker === 0xffda || marker >> 8 !== 0xff) break;
    if (marker !== 0xffe1 || view.getUint32(at + 4) !== 0x45786966) continue;
    const tiff = at + 10;
    const little = view.getUint16(tiff) === 0x4949;
    const directory = tiff + view.getUint32(tiff + 4, little);
    if (!fits(directory, 2)) break;
    for (let i = 0; i < view.getUint16(directory, little); i++) {
      const entry = directory + 2 + i * 12;
      if (!fits(entry, 12)) break;
      if (view.getUint16(entry, little) === 0x0112) view.setUint16(entry + 8, 1, little);
    }
  }
  return out;
}

/** Decodes one float per pixel. The browser's own decoder has 8 bits, so PNG only. */
export async function decodeDeep(
  bytes: Uint8Array,
  format: Format,
  options: DecodeOptions,
): Promise<DeepPixels> {
  if (format !== "PNG")
    throw new MediaError("unsupported", `${options.name}: browsers read depth maps from PNG only`);
  return await decodeGrey(bytes, options);
}

/** Inflates up to `most` bytes of a zlib stream that may be truncated. */
export async function inflateStart(deflated: Uint8Array, most: number): Promise<Uint8Array> {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const out = new Uint8Array(most);
  let length = 0;
  const reading = (async () => {
    for await (const part of stream.readable) {
      out.set(part.subarray(0, most - length), length);
      length = Math.min(most, length + part.length);
      if (length === most) return;
    }
  })().catch(() => undefined);
  const writing = (async () => {
    await writer.write(deflated as Uint8Array<ArrayBuffer>);
    // Closing a truncated stream drops what has not been read yet.
    await new Promise((resolve) => setTimeout(resolve));
    await writer.close();
  })().catch(() => undefined);
  await Promise.all([reading, writing]);
  return out.subarray(0, length);
}

/** Encodes an image; `quality` (1 to 100) is for JPEG and WebP. */
export async function encode(image: Image, format: ImageFormat, quality: number): Promise<Uint8Array> {
  const { width, height, data } = toRgba(image);
  const context = canvasContext(width, height);
  context.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  const type = `image/${format}`;
  const blob = await context.canvas.convertToBlob({ type, quality: quality / 100 });
  if (blob.type !== type) throw new MediaError("unsupported", `this browser cannot encode ${type}`);
  return new Uint8Array(await blob.arrayBuffer());
}

export { encodeGrey16 as encodeDeep } from "./png-grey.ts";

/** Rasterizes an SVG at its own size, as RGBA. Not in a worker: only a page can draw SVG. */
export async function rasterize(svg: string): Promise<Image> {
  const element = document.createElement("img");
  element.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await element.decode();
  const context = canvasContext(element.naturalWidth, element.naturalHeight);
  context.drawImage(element, 0, 0);
  return toRgba(fromContext(context));
}

function canvasContext(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new MediaError("unsupported", "this browser has no 2D canvas");
  return context;
}

function fromContext(context: OffscreenCanvasRenderingContext2D): Image {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const rgba = new Image(width, height, 4, new Uint8Array(data.buffer));
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return rgba;
  return toRgb(rgba);
}
