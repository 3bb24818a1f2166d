/** Decoding and encoding on Node with sharp (libvips). JPEG pixels equal PIL's. */
import { constants, inflateSync } from "node:zlib";
import type { Metadata, Sharp, SharpInput, SharpOptions } from "sharp";
import { MediaError } from "../../error.ts";
import { type Channels, Image, toByte } from "../image.ts";
import {
  checkPixels,
  type DecodeOptions,
  type DeepPixels,
  damaged,
  type ImageFormat,
  unsupported,
} from "./codec.ts";
import { focalLength35 } from "./exif.ts";
import type { Format } from "./format.ts";
import { readHeader } from "./header.ts";

type SharpFactory = (input: SharpInput, options: SharpOptions) => Sharp;

/** Loaded on first use, so that programs that decode nothing start faster. */
let loading: Promise<SharpFactory> | undefined;

function loadSharp(): Promise<SharpFactory> {
  loading ??= import("sharp").then((module) => module.default);
  return loading;
}

/** Decodes to RGB, RGBA or greyscale, like the file. As in PIL, colour profiles are not applied. */
export async function decode(bytes: Uint8Array, format: Format, options: DecodeOptions): Promise<Image> {
  const { picture, metadata } = await openPicture(bytes, format, options);
  const { space, hasAlpha } = metadata;
  if (space === "cmyk") {
    const raw = await read(picture.pipelineColourspace("cmyk").toColourspace("cmyk").raw(), format, options);
    return new Image(raw.info.width, raw.info.height, 3, cmykToRgb(raw.data));
  }
  const grey = (space === "b-w" || space === "grey16") && !hasAlpha;
  const { data, info } = await read(picture.toColourspace(grey ? "b-w" : "srgb").raw(), format, options);
  if (format === "AVIF" && readHeader(bytes, format).studioGrey) widen(data, info.channels);
  const lens = metadata.exif && focalLength35(metadata.exif);
  return new Image(info.width, info.height, info.channels as Channels, data, lens);
}

/** Expands studio range, 16 to 235, to 0 to 255: libheif does this for colour but not for greyscale. */
function widen(data: Uint8Array, channels: number): void {
  const hasAlpha = channels % 2 === 0;
  for (let i = 0; i < data.length; i++)
    if (!hasAlpha || i % channels !== channels - 1) data[i] = toByte(((data[i]! - 16) * 255) / 219);
}

/** Changes the major brand of an image sequence to that of a still image, which libvips requires. */
function asPicture(bytes: Uint8Array, format: Format): Uint8Array {
  if (format !== "AVIF") return bytes;
  const out = Uint8Array.from(bytes);
  out.set(new TextEncoder().encode("avif"), 8);
  return out;
}

/** Decodes one float per pixel, at the full depth of the file. */
export async function decodeDeep(
  bytes: Uint8Array,
  format: Format,
  options: DecodeOptions,
): Promise<DeepPixels> {
  const { picture, metadata } = await openPicture(bytes, format, options);
  if (metadata.channels !== 1)
    throw new MediaError(
      "unsupported",
      `${options.name}: expected one depth channel, got ${metadata.channels}`,
    );
  const space = metadata.depth === "uchar" ? "b-w" : "grey16";
  const floats = picture.toColourspace(space).raw({ depth: "float" });
  const { data, info } = await read(floats, format, options);
  const { width, height } = info;
  const aligned = data.byteOffset % 4 === 0 ? data : Uint8Array.from(data);
  return { width, height, data: new Float32Array(aligned.buffer, aligned.byteOffset, width * height) };
}

async function openPicture(
  bytes: Uint8Array,
  format: Format,
  options: DecodeOptions,
): Promise<{ picture: Sharp; metadata: Metadata }> {
  const sharp = await loadSharp();
  const picture = sharp(asPicture(bytes, format), {
    failOn: "truncated",
    ignoreIcc: true,
    autoOrient: options.orient,
    limitInputPixels: false,
  });
  const metadata = await picture.metadata().catch((error: Error) => {
    throw failure(error, format, options);
  });
  checkPixels(metadata, options);
  return { picture, metadata };
}

async function read(picture: Sharp, format: Format, options: DecodeOptions) {
  return await picture.toBuffer({ resolveWithObject: true }).catch((error: Error) => {
    throw failure(error, format, options);
  });
}

/** Error messages for variants that the libraries were built without, as opposed to damaged files. */
const WITHOUT = /not (?:configured|implemented|supported)|unsupported (?!image format)|decoder plugin/i;

function failure(error: Error, format: Format, { name }: DecodeOptions): MediaError {
  const reason = error.message.trim().replaceAll(/\s*\n\s*/g, "; ");
  if (WITHOUT.test(reason)) return unsupported(`this kind of ${format} (${reason})`, name);
  return damaged(name, reason, error);
}

/** Inflates up to `most` bytes of a zlib stream that may be truncated; returns none if it is damaged. */
export async function inflateStart(deflated: Uint8Array, most: number): Promise<Uint8Array> {
  try {
    return inflateSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: most });
  } catch {
    return new Uint8Array(0);
  }
}

/** PIL's formula for `convert("RGB")`, without a colour profile. */
function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const out = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4, to += 3) {
    const light = 255 - cmyk[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = cmyk[from + c]! * light + 128;
      out[to + c] = light - (((product >> 8) + product) >> 8);
    }
  }
  return out;
}

/** Encodes an image; `quality` (1 to 100) is for JPEG and WebP. */
export async function encode(image: Image, format: ImageFormat, quality: number): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const { width, height, channels, data } = image;
  const picture = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  const grey = channels === 1 ? picture.toColourspace("b-w") : picture;
  return await grey.toFormat(format, format === "png" ? {} : { quality }).toBuffer();
}

/** Encodes a 16-bit greyscale PNG. */
export async function encodeDeep(width: number, height: number, values: Uint16Array): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const picture = sharp(values, { raw: { width, height, channels: 1 }, limitInputPixels: false });
  return await picture.toColourspace("grey16").png().toBuffer();
}

/** Rasterizes an SVG at its own size, as RGBA. */
export async function rasterize(svg: string): Promise<Image> {
  const sharp = await loadSharp();
  const picture = sharp(Buffer.from(svg), {}).ensureAlpha().raw();
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  return new Image(info.width, info.height, 4, data);
}
