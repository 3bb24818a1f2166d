/** Reading images. */
import { decode, decodeDeep } from "#codec";
import { readSource, type Source } from "../source.ts";
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
}

const MAX_PIXELS = 2 ** 27;
const MAX_BYTES = 2 ** 28;

/**
 * Reads JPEG, PNG, WebP, GIF (first frame), TIFF (first page) and AVIF from a path, URL, bytes or
 * `Blob`. Pixels equal those of PIL's `Image.open(...).convert(mode)`; colour profiles are not applied; 16
 * bits are reduced to 8. In a browser, the browser's own decoders are used.
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

async function open(source: Source, options: ReadImageOptions): Promise<Image> {
  const { bytes, name } = await readSource(source, options.maxBytes ?? MAX_BYTES);
  const { orient = true, maxPixels = MAX_PIXELS } = options;
  return await decode(bytes, { name, orient, maxPixels });
}

export interface ReadDepthOptions extends Pick<ReadImageOptions, "maxPixels" | "maxBytes"> {
  /** Metres per unit of the file; default 0.001, for millimetres. */
  readonly unit?: number;
}

/**
 * Reads a depth map, a PNG or TIFF with one channel of 8 or 16 bits, in metres: [1, H, W]. Pixels without
 * a measurement are 0 in such files and remain 0. Node only.
 *
 * @throws MediaError with a `code` and the name of the file.
 */
export async function readDepth(source: Source, options: ReadDepthOptions = {}): Promise<Planes> {
  const { unit = 0.001, maxPixels = MAX_PIXELS, maxBytes = MAX_BYTES } = options;
  const { bytes, name } = await readSource(source, maxBytes);
  const { width, height, data } = await decodeDeep(bytes, { name, orient: false, maxPixels });
  for (let i = 0; i < data.length; i++) data[i] = data[i]! * unit;
  return new Planes(1, height, width, data);
}
