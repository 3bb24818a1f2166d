/** Writing images. */
import { encode, encodeDeep } from "#codec";
import { writeFile } from "#files";
import { MediaError } from "../error.ts";
import type { ImageFormat } from "./codec/codec.ts";
import type { Image, Planes, Size } from "./image.ts";

export interface WriteImageOptions {
  /** Default: from the extension of the path. */
  readonly format?: ImageFormat;
  /** 1 to 100, for JPEG and WebP; default 90. */
  readonly quality?: number;
}

const FORMATS: Readonly<Record<string, ImageFormat>> = {
  png: "png",
  jpg: "jpeg",
  jpeg: "jpeg",
  webp: "webp",
};

/** Encodes an image as PNG, JPEG or WebP. */
export async function encodeImage(
  image: Image,
  format: ImageFormat,
  { quality = 90 }: Pick<WriteImageOptions, "quality"> = {},
): Promise<Uint8Array> {
  if (!(quality >= 1 && quality <= 100))
    throw new RangeError(`encodeImage: expected a quality from 1 to 100, got ${quality}`);
  return await encode(image, format, quality);
}

/** Encodes values of 16 bits, [H, W], as a greyscale PNG. */
export async function encodePng16({ width, height }: Size, values: Uint16Array): Promise<Uint8Array> {
  if (values.length !== width * height)
    throw new RangeError(
      `encodePng16: expected ${width * height} values for [${height}, ${width}], got ${values.length}`,
    );
  return await encodeDeep(width, height, values);
}

/** Writes an image as `.png`, `.jpg` or `.webp`, atomically, and creates missing folders. Node only. */
export async function writeImage(path: string, image: Image, options: WriteImageOptions = {}): Promise<void> {
  const format = options.format ?? FORMATS[/\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? ""];
  if (!format) throw new MediaError("unsupported", `${path}: expected a name ending in .png, .jpg or .webp`);
  await writeFile(path, await encodeImage(image, format, options));
}

/**
 * Writes depth [1, H, W] in metres as a 16-bit PNG in units of `unit` metres (default 0.001, millimetres). Values that
 * are not finite or not positive become 0, no measurement; values that are too large become 65535. Node only.
 */
export async function writeDepth(path: string, depth: Planes, unit: number = 0.001): Promise<void> {
  if (depth.channels !== 1) throw new RangeError(`${path}: expected depth [1, H, W], got [${depth.shape}]`);
  const values = Uint16Array.from(depth.data, (d) =>
    Number.isFinite(d) && d > 0 ? Math.min(65535, Math.round(d / unit)) : 0,
  );
  await writeFile(path, await encodeDeep(depth.width, depth.height, values));
}
