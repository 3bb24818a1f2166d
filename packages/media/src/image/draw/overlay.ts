/** Overlays: heat maps, masks, boxes and points. Each function returns a new RGB image. */
import { type Color, Image, type Planes, type Rectangle, toByte, toRgb } from "../image.ts";
import { interpolate } from "../resize/torch.ts";
import { type Colormap, colorize, paletteColor } from "./colormap.ts";

/** An RGB copy to draw on. */
function canvas(image: Image): Image {
  return new Image(image.width, image.height, 3, toRgb(image).data.slice());
}

/** Blends a colour into the pixel (x, y), if it is inside the image. */
function mix(image: Image, x: number, y: number, color: Color, alpha: number): void {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  const at = (y * image.width + x) * 3;
  for (let c = 0; c < 3; c++) {
    const under = image.data[at + c]!;
    image.data[at + c] = toByte(under + alpha * (color[c]! - under));
  }
}

/** Composites `over` onto an image, honouring its alpha, with its top left corner at `left`, `top`. */
export function paste(image: Image, over: Image, left: number, top: number): Image {
  const out = canvas(image);
  const alphaAt = (i: number) => (over.channels === 4 ? over.data[i * 4 + 3]! / 255 : 1);
  const color = toRgb(over).data;
  for (let y = 0, i = 0; y < over.height; y++)
    for (let x = 0; x < over.width; x++, i++) {
      const alpha = alphaAt(i);
      const [red, green, blue] = color.subarray(i * 3, i * 3 + 3);
      if (alpha > 0) mix(out, left + x, top + y, [red!, green!, blue!], alpha);
    }
  return out;
}

export interface HeatOptions {
  /** Default `turbo`. */
  readonly colormap?: Colormap;
  /** Default 0.5. */
  readonly alpha?: number;
  /** The values at the two ends of the colour map; default the smallest and largest. */
  readonly range?: readonly [number, number];
}

/** Blends a heat map [1, h, w] of any size, resized bilinearly, over an image. */
export function overlayHeat(image: Image, heat: Planes, options: HeatOptions = {}): Image {
  const { colormap = "turbo", alpha = 0.5, range } = options;
  const large = interpolate(heat, image, { mode: "bilinear" });
  const colors = colorize(large, range ? { colormap, range } : { colormap }).data;
  const out = canvas(image);
  for (let i = 0; i < colors.length; i++)
    out.data[i] = toByte(out.data[i]! + alpha * (colors[i]! - out.data[i]!));
  return out;
}

/** The pixels of an object: one channel, 0 for outside. */
export type Mask = Image;

export interface MaskOptions {
  /** Opacity of the colour, default 0.5. */
  readonly alpha?: number;
  /** Width of the outline in pixels, 0 for none; default 1. */
  readonly outline?: number;
  /** Default {@link paletteColor}. */
  readonly color?: (index: number) => Color;
}

/** Draws masks in distinct colours with outlines; later ones cover earlier ones. */
export function overlayMasks(image: Image, masks: readonly Mask[], options: MaskOptions = {}): Image {
  const { alpha = 0.5, outline = 1, color = paletteColor } = options;
  const out = canvas(image);
  for (const [index, mask] of masks.entries()) {
    checkMask(image, mask, index);
    const { width } = mask;
    const inside = (x: number, y: number) => isInside(mask, x, y);
    const tone = color(index);
    for (let y = 0; y < mask.height; y++)
      for (let x = 0; x < width; x++)
        if (inside(x, y)) mix(out, x, y, tone, nearEdge(inside, x, y, outline) ? 1 : alpha);
  }
  return out;
}

function checkMask(image: Image, mask: Mask, index: number): void {
  if (mask.channels !== 1 || mask.width !== image.width || mask.height !== image.height)
    throw new RangeError(
      `mask ${index}: expected [${image.height}, ${image.width}, 1], ` +
        `got [${mask.height}, ${mask.width}, ${mask.channels}]`,
    );
}

function isInside(mask: Mask, x: number, y: number): boolean {
  return x >= 0 && y >= 0 && x < mask.width && y < mask.height && mask.data[y * mask.width + x] !== 0;
}

/** Whether a pixel outside the mask is within `reach` pixels along an axis. */
function nearEdge(inside: (x: number, y: number) => boolean, x: number, y: number, reach: number): boolean {
  for (let d = 1; d <= reach; d++)
    if (!inside(x - d, y) || !inside(x + d, y) || !inside(x, y - d) || !inside(x, y + d)) return true;
  return false;
}

export interface BoxOptions {
  /** Pixels, default 2. */
  readonly thickness?: number;
  /** Default {@link paletteColor}. */
  readonly color?: (index: number) => Color;
}

/** Draws frames along the inside of rectangles. */
export function drawBoxes(image: Image, boxes: readonly Rectangle[], options: BoxOptions = {}): Image {
  const { thickness = 2, color = paletteColor } = options;
  const out = canvas(image);
  for (const [index, box] of boxes.entries()) {
    const [left, top] = [Math.round(box.left), Math.round(box.top)];
    const [right, bottom] = [Math.round(box.left + box.width), Math.round(box.top + box.height)];
    for (let y = Math.max(0, top); y < Math.min(image.height, bottom); y++)
      for (let x = Math.max(0, left); x < Math.min(image.width, right); x++)
        if (Math.min(x - left, right - 1 - x, y - top, bottom - 1 - y) < thickness)
          mix(out, x, y, color(index), 1);
  }
  return out;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PointOptions {
  /** Pixels, default 5. */
  readonly radius?: number;
  /** Default {@link paletteColor}. */
  readonly color?: (index: number) => Color;
}

/** Draws discs with a white rim; coordinates are relative to the top left corner of the image. */
export function drawPoints(image: Image, points: readonly Point[], options: PointOptions = {}): Image {
  const { radius = 5, color = paletteColor } = options;
  const rim = Math.max(1, radius / 4);
  const reach = Math.ceil(radius + rim);
  const out = canvas(image);
  for (const [index, { x, y }] of points.entries())
    for (let row = Math.floor(y - reach); row <= y + reach; row++)
      for (let column = Math.floor(x - reach); column <= x + reach; column++) {
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const covered = (size: number) => Math.min(1, Math.max(0, size - distance + 0.5));
        mix(out, column, row, [255, 255, 255], covered(radius + rim));
        mix(out, column, row, color(index), covered(radius));
      }
  return out;
}
