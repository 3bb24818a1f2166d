/** Pictures to files. */
import { encode, encodeDeep } from "#codec";
import { writeFile } from "#files";
import { MediaError } from "../error.ts";
import type { ImageFormat } from "./codec/codec.ts";
import type { Image, Planes } from "./image.ts";

export interface WriteImageOptions {
  /** Default: by the ending of the path. */
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

/** The bytes of a PNG, JPEG or WebP file. */
export async function encodeImage(
  image: Image,
  format: ImageFormat,
  { quality = 90 }: Pick<WriteImageOptions, "quality"> = {},
): Promise<Uint8Array> {
  if (!(quality >= 1 && quality <= 100))
    throw new RangeError(`encodeImage: expected a quality from 1 to 100, got ${quality}`);
  return await encode(image, format, quality);
}

/** Writes a picture as `.png`, `.jpg` or `.webp`, all of it or nothing, and makes missing folders. Node only. */
export async function writeImage(path: string, image: Image, options: WriteImageOptions = {}): Promise<void> {
  const format = options.format ?? FORMATS[/\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? ""];
  if (!format)
    throw new MediaError("unsupported", `${path}: expected a name that ends in .png, .jpg or .webp`);
  await writeFile(path, await encodeImage(image, format, options));
}

/**
 * Writes [1, H, W] metres as a 16-bit PNG of `unit` metres a step (default 0.001, millimetres). What is not
 * finite or not positive becomes 0, no measurement; what is too far becomes 65535. Node only.
 */
export async function writeDepth(path: string, depth: Planes, unit: number = 0.001): Promise<void> {
  if (depth.channels !== 1)
    throw new RangeError(`${path}: expected depth of [1, H, W], got [${depth.shape}]`);
  const values = Uint16Array.from(depth.data, (d) =>
    Number.isFinite(d) && d > 0 ? Math.min(65535, Math.round(d / unit)) : 0,
  );
  await writeFile(path, await encodeDeep(depth.width, depth.height, values));
}
