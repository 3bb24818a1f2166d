/** Reading images. */
import { decode, decodeDeep, inflateStart } from "#codec";
import { MediaError } from "../error.ts";
import { readSource, type Source } from "../source.ts";
import { decodeBmp } from "./codec/bmp.ts";
import { checkHeader, cutShort, type DecodeOptions } from "./codec/codec.ts";
import type { Format } from "./codec/format.ts";
import { mend, withLastChunk } from "./codec/mend.ts";
import { type Color, flatten, Image, Planes, toGrey, toRgb, toRgba } from "./image.ts";

export type ImageSource = Source | Image;

export interface ReadImageOptions {
  /**
   * Apply the EXIF orientation; default true, as for photos from a phone. PIL, and hence published ImageNet
   * results, ignore it: pass false to reproduce those.
   */
  readonly orient?: boolean;
  /**
   * `RGB` (default; alpha is dropped like PIL's `convert("RGB")` does), `L` (greyscale), `RGBA`, or `file`: the
   * channels of the file.
   */
  readonly mode?: "RGB" | "L" | "RGBA" | "file";
  /** Composite transparent images over this colour instead of dropping alpha. */
  readonly background?: Color;
  /** Default 2^27, about 134 million. */
  readonly maxPixels?: number;
  /** Maximum size of the file, default 2^28. */
  readonly maxBytes?: number;
  /**
   * Read as much as possible of a JPEG, PNG, GIF (on Node), TIFF or BMP file that was cut short, like PIL with
   * `LOAD_TRUNCATED_IMAGES`: missing pixels are black, or grey in a JPEG. Default false: throws `cut-short`.
   */
  readonly tolerant?: boolean;
  /** Name of the image in error messages if the source has none. */
  readonly name?: string;
}

const MAX_PIXELS = 2 ** 27;
const MAX_BYTES = 2 ** 28;

/**
 * Reads JPEG, PNG, WebP, GIF (first frame), TIFF (first page), AVIF and BMP from a path, URL, bytes or
 * `Blob`. Pixels equal those of PIL's `Image.open(...).convert(mode)`; colour profiles are not applied; 16
 * bits are reduced to 8. In a browser, the browser's own decoders are used.
 *
 * AVIF on Node is within 2 levels of PIL with full-resolution chroma. With subsampled chroma (4:2:0, 4:2:2), libheif
 * repeats it where PIL interpolates: pixels differ by about half the difference between neighbouring colours, 16 levels
 * in noise, while luma is within 2. Chromium's still images equal PIL's.
 *
 * @throws MediaError with a `code` and the name of the file.
 */
export async function readImage(source: ImageSource, options: ReadImageOptions = {}): Promise<Image> {
  const image = source instanceof Image ? source : await open(source, options);
  const opaque = options.background ? flatten(image, options.background) : image;
  switch (options.mode ?? "RGB") {
    case "RGB":
      return toRgb(opaque);
    case "L":
      return toGrey(opaque);
    case "RGBA":
      return toRgba(opaque);
    case "file":
      return opaque;
    default:
      throw new RangeError(`readImage: expected mode RGB, L, RGBA or file, got ${options.mode}`);
  }
}

/**
 * Checks an image file without decoding it.
 *
 * @throws MediaError like {@link readImage}, for errors that the header or file length reveal: `unsupported`,
 *   `too-large`, `cut-short`, and errors of the source
 */
export async function checkImage(
  source: Source,
  {
    maxPixels = MAX_PIXELS,
    maxBytes = MAX_BYTES,
    name: given,
  }: Pick<ReadImageOptions, "maxPixels" | "maxBytes" | "name"> = {},
): Promise<void> {
  const { bytes, name } = await readSource(source, maxBytes, given);
  const { format, header } = checkHeader(bytes, { name, maxPixels });
  if (header.cut === true) throw cutShort(format, name, bytes.length);
}

async function open(source: Source, options: ReadImageOptions): Promise<Image> {
  const { maxBytes = MAX_BYTES, orient = true, maxPixels = MAX_PIXELS, tolerant = false } = options;
  const { bytes, name } = await readSource(source, maxBytes, options.name);
  return await decodeWith(decodeAny, bytes, { name, orient, maxPixels }, tolerant);
}

type Decode<T> = (bytes: Uint8Array, format: Format, options: DecodeOptions) => Promise<T>;

const decodeAny: Decode<Image> = async (bytes, format, options) =>
  format === "BMP" ? decodeBmp(bytes) : await decode(bytes, format, options);

/** Checks the header, repairs the file if needed and `tolerant`, and decodes it. */
async function decodeWith<T>(
  decode: Decode<T>,
  bytes: Uint8Array,
  options: DecodeOptions,
  tolerant: boolean,
): Promise<T> {
  const { name } = options;
  const { format, header } = checkHeader(bytes, options);
  const cut = cutShort(format, name, bytes.length);
  if (header.cut === true && !tolerant) throw cut;
  let whole: Uint8Array | undefined = bytes;
  if (header.cut && tolerant) whole = await mend(bytes, format, inflateStart);
  else if (header.cut && format === "PNG") whole = await withLastChunk(bytes);
  if (!whole) throw cut;
  return await decode(whole, format, options).catch((error: unknown) => {
    throw header.cut && error instanceof MediaError && error.code === "damaged" ? cut : error;
  });
}

export interface ReadDepthOptions extends Pick<ReadImageOptions, "maxPixels" | "maxBytes"> {
  /** Metres per unit of the file; default 0.001, for millimetres. */
  readonly unit?: number;
}

/**
 * Reads a depth map, a PNG or TIFF with one channel of 8 or 16 bits, in metres: [1, H, W]. Pixels without
 * a measurement are 0 in such files and remain 0. Browsers read PNG only.
 *
 * @throws MediaError with a `code` and the name of the file.
 */
export async function readDepth(source: Source, options: ReadDepthOptions = {}): Promise<Planes> {
  const { unit = 0.001, maxPixels = MAX_PIXELS, maxBytes = MAX_BYTES } = options;
  const { bytes, name } = await readSource(source, maxBytes);
  const asStored = { name, orient: false, maxPixels };
  const { width, height, data } = await decodeWith(decodeDeep, bytes, asStored, false);
  for (let i = 0; i < data.length; i++) data[i] = data[i]! * unit;
  return new Planes(1, height, width, data);
}
