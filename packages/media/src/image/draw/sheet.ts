/** Text and contact sheets. */
import { rasterize } from "#codec";
import { type Color, flatten, Image, type Size, toRgba } from "../image.ts";
import { resizePil } from "../resize/pil.ts";
import { escapeXml } from "./svg.ts";

export interface TextOptions {
  /** Font size in pixels, default 14. */
  readonly size?: number;
  /** Default black. */
  readonly color?: Color;
  /** Longer text is truncated to about this many pixels, by the typical width of a character. */
  readonly maxWidth?: number;
}

/** Renders a line of text in the system's sans-serif font as RGBA; draw it on an image with `paste`. */
export async function renderText(text: string, options: TextOptions = {}): Promise<Image> {
  const { size = 14, color = [0, 0, 0], maxWidth = Number.POSITIVE_INFINITY } = options;
  const room = Math.max(1, Math.floor(maxWidth / (size * 0.6)));
  const letters = [...text];
  const shown = letters.length > room ? `${letters.slice(0, room - 1).join("")}…` : text;
  const width = Math.ceil(Math.min(maxWidth, (shown.length + 1) * size * 0.9));
  const height = Math.ceil(size * 1.35);
  return await rasterize(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
      `<text x="0" y="${size}" font-family="sans-serif" font-size="${size}" fill="rgb(${color})">` +
      `${escapeXml(shown)}</text></svg>`,
  );
}

export interface ContactSheetOptions {
  /** Default: about the number of rows. */
  readonly columns?: number;
  /** Images are shrunk to fit into this, keeping their aspect ratio; default the largest width and height. */
  readonly cell?: Size;
  /** Pixels between images and around the sheet, default 8. */
  readonly margin?: number;
  /** Default white. */
  readonly background?: Color;
  /** One line under each image. */
  readonly captions?: readonly string[];
  /** Enlarge small images to the cell, with nearest-neighbour interpolation; default false. */
  readonly enlarge?: boolean;
}

/** Arranges images in a grid, each centred in its cell. Returns an RGB image. */
export async function contactSheet(
  images: readonly Image[],
  options: ContactSheetOptions = {},
): Promise<Image> {
  if (images.length === 0) throw new RangeError("contactSheet: expected at least one image");
  const { margin = 8, background = [255, 255, 255], captions = [], enlarge = false } = options;
  const cell = options.cell ?? {
    width: Math.max(...images.map((image) => image.width)),
    height: Math.max(...images.map((image) => image.height)),
  };
  const columns = Math.min(options.columns ?? Math.ceil(Math.sqrt(images.length)), images.length);
  const captionSize = captions.length > 0 ? 14 : 0;
  const stepX = cell.width + margin;
  const stepY = cell.height + margin + Math.ceil(captionSize * 1.5);
  const rows = Math.ceil(images.length / columns);
  const sheet = new Image(columns * stepX + margin, rows * stepY + margin, 4);
  for (const [index, image] of images.entries()) {
    const left = margin + (index % columns) * stepX;
    const top = margin + Math.floor(index / columns) * stepY;
    const shown = fit(image, cell, enlarge);
    const inset = { x: (cell.width - shown.width) >> 1, y: (cell.height - shown.height) >> 1 };
    place(sheet, shown, left + inset.x, top + inset.y);
    const caption = captions[index];
    if (!caption) continue;
    const ink = background[0] + background[1] + background[2] > 382 ? 30 : 225;
    const line = { size: captionSize, color: [ink, ink, ink], maxWidth: cell.width } as const;
    place(sheet, await renderText(caption, line), left, top + cell.height + 2);
  }
  return flatten(sheet, background);
}

function fit(image: Image, cell: Size, enlarge: boolean): Image {
  const scale = Math.min(cell.width / image.width, cell.height / image.height);
  if (scale === 1 || (scale > 1 && !enlarge)) return image;
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  const size = { width: side(image.width), height: side(image.height) };
  return resizePil(image, size, scale > 1 ? "nearest" : "bicubic");
}

/** Copies an image into an RGBA sheet, including alpha. */
function place(sheet: Image, image: Image, left: number, top: number): void {
  const { data, width, height } = toRgba(image);
  for (let y = 0; y < Math.min(height, sheet.height - top); y++) {
    const length = Math.min(width, sheet.width - left) * 4;
    const row = data.subarray(y * width * 4, y * width * 4 + length);
    sheet.data.set(row, ((top + y) * sheet.width + left) * 4);
  }
}
