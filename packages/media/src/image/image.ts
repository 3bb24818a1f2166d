/** Images in memory: channels-last bytes as in files, and channels-first floats as networks take them. */

/** 1: greyscale, 3: RGB, 4: RGBA (not premultiplied). */
export type Channels = 1 | 3 | 4;

/** Red, green, blue, 0 to 255. */
export type Color = readonly [number, number, number];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A region of an image in pixels; it may extend beyond the edges. */
export interface Rectangle extends Size {
  readonly left: number;
  readonly top: number;
}

/** An image of bytes, channels-last: [H, W, C]. */
export class Image implements Size {
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
  readonly data: Uint8Array;
  /** The lens of a photograph whose file states it (EXIF), in millimetres as on 35 mm film. */
  readonly focalLength35: number | undefined;

  /** `data` is used without copying; if omitted, the image is black (and transparent). */
  constructor(width: number, height: number, channels: Channels, data?: Uint8Array, focalLength35?: number) {
    checkSize("Image", { width, height });
    this.focalLength35 = focalLength35;
    if (channels !== 1 && channels !== 3 && channels !== 4)
      throw new RangeError(`Image: expected 1, 3 or 4 channels, got ${channels}`);
    const length = width * height * channels;
    if (data && data.length !== length)
      throw new RangeError(
        `Image: expected ${length} bytes for [${height}, ${width}, ${channels}], got ${data.length}`,
      );
    this.width = width;
    this.height = height;
    this.channels = channels;
    this.data = data ? plainBytes(data) : new Uint8Array(length);
  }
}

/** Replaces Node's `Buffer`, whose `slice` shares memory instead of copying, with a view of the same bytes. */
function plainBytes(data: Uint8Array): Uint8Array {
  if (Object.getPrototypeOf(data) === Uint8Array.prototype) return data;
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

/** An image or any stack of maps as floats, channels-first: [C, H, W]. */
export class Planes implements Size {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;

  /** `data` is used without copying; if omitted, every value is 0. */
  constructor(channels: number, height: number, width: number, data?: Float32Array) {
    checkSize("Planes", { width, height });
    if (!Number.isInteger(channels) || channels < 1)
      throw new RangeError(`Planes: expected at least one channel, got ${channels}`);
    const length = channels * height * width;
    if (data && data.length !== length)
      throw new RangeError(
        `Planes: expected ${length} values for [${channels}, ${height}, ${width}], got ${data.length}`,
      );
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.data = data ?? new Float32Array(length);
  }

  /** [C, H, W] */
  get shape(): [number, number, number] {
    return [this.channels, this.height, this.width];
  }
}

/** Throws unless both sides are positive integers. */
export function checkSize(what: string, { width, height }: Size): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    throw new RangeError(`${what}: expected a positive integer width and height, got ${width} x ${height}`);
}

/** Rounds and clamps `value` to a byte. */
export function toByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.round(value);
}

/** Converts to RGB; grey is replicated, alpha is dropped like PIL's `convert("RGB")` does. */
export function toRgb(image: Image): Image {
  const { width, height, channels, data } = image;
  if (channels === 3) return image;
  const out = new Uint8Array(width * height * 3);
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < out.length; from += channels, to += 3) {
    out[to] = data[from]!;
    out[to + 1] = data[from + green]!;
    out[to + 2] = data[from + blue]!;
  }
  return new Image(width, height, 3, out);
}

/** Converts to greyscale: ITU-R BT.601 luma in the 16-bit arithmetic of PIL's `convert("L")`; alpha is dropped. */
export function toGrey(image: Image): Image {
  const { width, height, channels, data } = image;
  if (channels === 1) return image;
  const out = new Uint8Array(width * height);
  for (let from = 0, to = 0; to < out.length; from += channels, to++) {
    const red = data[from]! * 19595;
    const green = data[from + 1]! * 38470;
    const blue = data[from + 2]! * 7471;
    out[to] = (red + green + blue + 0x8000) >> 16;
  }
  return new Image(width, height, 1, out);
}

/** Converts to RGBA, opaque if there was no alpha. */
export function toRgba(image: Image): Image {
  if (image.channels === 4) return image;
  const { width, height, data } = toRgb(image);
  const out = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; to < out.length; from += 3, to += 4)
    for (let c = 0; c < 3; c++) out[to + c] = data[from + c]!;
  return new Image(width, height, 4, out);
}

/** Converts to RGB, compositing transparent pixels over a background colour. */
export function flatten(image: Image, background: Color): Image {
  if (image.channels !== 4) return toRgb(image);
  const { width, height, data } = image;
  const out = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < out.length; from += 4, to += 3) {
    const alpha = data[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const over = data[from + c]! * alpha;
      const under = background[c]! * (255 - alpha);
      out[to + c] = Math.round((over + under) / 255);
    }
  }
  return new Image(width, height, 3, out);
}

/** value / 255 of every byte: a look-up takes a third of the time of a division. */
const SHARES = Float32Array.from({ length: 256 }, (_, value) => value / 255);

/** Converts bytes to floats in [0, 1]: `value / 255`. */
export function toPlanes(image: Image): Planes {
  const { width, height, channels, data } = image;
  const area = width * height;
  const out = new Float32Array(area * channels);
  for (let c = 0; c < channels; c++)
    for (let i = c * area, from = c; from < data.length; i++, from += channels) out[i] = SHARES[data[from]!]!;
  return new Planes(channels, height, width, out);
}

/** Converts floats in [0, 1] to bytes, rounding and clamping. */
export function fromPlanes(planes: Planes): Image {
  const { width, height, channels, data } = planes;
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new RangeError(`fromPlanes: expected 1, 3 or 4 channels, got ${channels}`);
  const area = width * height;
  const out = new Uint8Array(area * channels);
  for (let c = 0; c < channels; c++)
    for (let i = 0, to = c; i < area; i++, to += channels) out[to] = toByte(data[c * area + i]! * 255);
  return new Image(width, height, channels, out);
}

/** Crops to a rectangle, filling with 0 outside the input. Returns the input itself if nothing is cut off. */
export function crop(input: Image, rectangle: Rectangle): Image;
export function crop(input: Planes, rectangle: Rectangle): Planes;
export function crop(input: Image | Planes, { left, top, width, height }: Rectangle): Image | Planes {
  if (left === 0 && top === 0 && width === input.width && height === input.height) return input;
  const image = input instanceof Image;
  const planes = image ? 1 : input.channels;
  const values = image ? input.channels : 1;
  const out = image ? new Image(width, height, input.channels) : new Planes(planes, height, width);
  const first = Math.max(0, -left);
  const length = Math.min(width, input.width - left) - first;
  if (length <= 0) return out;
  for (let p = 0; p < planes; p++)
    for (let y = Math.max(0, -top); y < Math.min(height, input.height - top); y++) {
      const from = ((p * input.height + top + y) * input.width + left + first) * values;
      const row = input.data.subarray(from, from + length * values);
      out.data.set(row, ((p * height + y) * width + first) * values);
    }
  return out;
}

/** Mirrors an image left to right. */
export function flipHorizontal(image: Image): Image {
  const { width, height, channels, data } = image;
  const out = new Image(width, height, channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      const to = (y * width + width - 1 - x) * channels;
      for (let c = 0; c < channels; c++) out.data[to + c] = data[from + c]!;
    }
  return out;
}
