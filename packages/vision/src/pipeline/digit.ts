/**
 * Converts a drawn or photographed digit to the layout of MNIST or USPS: light ink on black, scaled to fit a
 * box with its aspect ratio kept, and centred in a square.
 */
import { Image, type Rectangle, resizePil, toGrey } from "@tessera-ml/media";
import { VisionError } from "../error.ts";
import type { DigitLayout } from "../records/record.ts";
import { separateInk } from "./ink.ts";

/** Side of the square, side of the box within it, and which point of the digit is centred. */
const LAYOUTS = {
  mnist: { side: 28, box: 20, centre: centreOfMass },
  usps: { side: 16, box: 16, centre: centreOfInk },
} as const;

/** Larger images are scaled down first: a digit has no fine detail. */
const LARGEST = 224;
/** Ink fainter than this does not extend a digit's bounding box. */
const FAINT = 40;

/** Ink of an image, from 0 (paper) to 255, and the width of one of its pixels in pixels of the original. */
interface Ink {
  readonly image: Image;
  readonly scale: number;
}

/** Extracts the ink of a grey image: dark on light or light on dark, under uneven light. */
function readInk(grey: Image): Ink {
  const scale = Math.max(1, Math.max(grey.width, grey.height) / LARGEST);
  const side = (length: number) => Math.max(1, Math.round(length / scale));
  const small =
    scale === 1 ? grey : resizePil(grey, { width: side(grey.width), height: side(grey.height) }, "box");
  return { image: separateInk(small), scale };
}

/** Flattens an image to grey; transparent areas become paper, the opposite of the strokes. */
function opaqueGrey(picture: Image): Image {
  if (picture.channels !== 4) return toGrey(picture);
  const { data, width, height } = picture;
  const grey = toGrey(picture);
  let [light, weight] = [0, 0];
  for (let i = 0; i < grey.data.length; i++) {
    const alpha = data[i * 4 + 3]!;
    light += grey.data[i]! * alpha;
    weight += alpha;
  }
  const paper = light < 128 * weight ? 255 : 0;
  const out = grey.data.map((value, i) => {
    const alpha = data[i * 4 + 3]!;
    return Math.round((value * alpha + paper * (255 - alpha)) / 255);
  });
  return new Image(width, height, 1, out);
}

/**
 * Finds an image's digit (dark on light, light on dark, or drawn on transparency) and lays it out as in a data
 * set; also gives the square of the image it covers. An image already in that layout stays unchanged.
 *
 * @throws VisionError `no-digit` if there is no ink
 */
export function findDigit(picture: Image, layout: DigitLayout = "mnist"): { digit: Image; seen: Rectangle } {
  const grey = opaqueGrey(picture);
  const whole = { left: 0, top: 0, width: grey.width, height: grey.height };
  if (isLaidOut(grey, layout)) return { digit: grey, seen: whole };
  const { image, scale } = readInk(grey);
  if (isLaidOut(image, layout)) return { digit: image, seen: whole };
  const laid = layOut(image, layout);
  if (!laid)
    throw new VisionError(
      "no-digit",
      "no digit found: the image is a single shade. Expected dark strokes on light paper, or light on dark.",
    );
  const { left, top, width, height } = laid.seen;
  return {
    digit: laid.digit,
    seen: { left: left * scale, top: top * scale, width: width * scale, height: height * scale },
  };
}

/**
 * Lays out ink, light on black, in a data set's square, and gives the square of the ink image it covers; undefined
 * if there is no ink.
 */
export function layOut(ink: Image, layout: DigitLayout): { digit: Image; seen: Rectangle } | undefined {
  const box = inkBox(ink);
  if (!box) return undefined;
  const { side, box: most, centre } = LAYOUTS[layout];
  const fit = most / Math.max(box.width, box.height);
  const size = {
    width: Math.max(1, Math.round(box.width * fit)),
    height: Math.max(1, Math.round(box.height * fit)),
  };
  const small = full(resizePil(thickened(cut(ink, box)), size, "bilinear"));
  const [x, y] = centre(small);
  const place = (at: number, length: number) =>
    Math.min(side - length, Math.max(0, Math.round(side / 2 - at)));
  const [left, top] = [place(x, size.width), place(y, size.height)];
  const digit = new Image(side, side, 1);
  for (let row = 0; row < size.height; row++)
    digit.data.set(small.data.subarray(row * size.width, (row + 1) * size.width), (top + row) * side + left);
  const seen = {
    left: box.left - left / fit,
    top: box.top - top / fit,
    width: side / fit,
    height: side / fit,
  };
  return { digit, seen };
}

/** Bounding box of everything that is clearly ink. */
function inkBox({ width, height, data }: Image): Rectangle | undefined {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      if (data[i]! < FAINT) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Whether an image already has the data set's layout: light on dark, of the right size, and centred. */
function isLaidOut(image: Image, layout: DigitLayout): boolean {
  const { side, box: most, centre } = LAYOUTS[layout];
  if (image.width !== side || image.height !== side || edgeOf(image) >= 128) return false;
  const box = inkBox(image);
  if (!box) return false;
  const longer = Math.max(box.width, box.height);
  const near = centre(image).every((at) => Math.abs(at - side / 2) < 1.5);
  return near && longer >= most - 3 && longer <= most;
}

/** Mean grey of the outermost pixels; dark for all digits of MNIST and USPS. */
function edgeOf({ width, height, data }: Image): number {
  const edge = data.filter((_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x === 0 || y === 0 || x === width - 1 || y === height - 1;
  });
  return edge.reduce((sum, value) => sum + value, 0) / edge.length;
}

/** [x, y], in pixels from the top-left corner. */
function centreOfInk(image: Image): [number, number] {
  const { left, top, width, height } = inkBox(image) as Rectangle;
  return [left + width / 2, top + height / 2];
}

/** [x, y], in pixels from the top-left corner. */
function centreOfMass({ width, data }: Image): [number, number] {
  let [x, y, mass] = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    x += data[i]! * ((i % width) + 0.5);
    y += data[i]! * (Math.floor(i / width) + 0.5);
    mass += data[i]!;
  }
  return [x / mass, y / mass];
}

function cut(image: Image, { left, top, width, height }: Rectangle): Image {
  const out = new Image(width, height, 1);
  for (let y = 0; y < height; y++) {
    const start = (top + y) * image.width + left;
    out.data.set(image.data.subarray(start, start + width), y * width);
  }
  return out;
}

/**
 * Widens the strokes of a thin pen to MNIST's minimum, an eighth of the digit: a hairline would fade to grey
 * when scaled down.
 */
function thickened(image: Image): Image {
  const wanted = Math.max(image.width, image.height) / 8;
  const radius = Math.round((wanted - strokeWidth(image)) / 2);
  return radius < 1 ? image : spread(spread(image, radius, 1), radius, image.width);
}

/** Twice the ink area divided by the length of its edge. */
function strokeWidth({ width, data }: Image): number {
  let [area, edge] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    const ink = data[i]! / 255;
    area += ink;
    const right = i % width === width - 1 ? 0 : data[i + 1]! / 255;
    const below = (data[i + width] ?? 0) / 255;
    const [across, down] = [right - ink, below - ink];
    edge += Math.hypot(across, down);
  }
  return edge === 0 ? Number.POSITIVE_INFINITY : (2 * area) / edge;
}

/** Dilates along one axis by `radius`; `step` is 1 for rows, the width for columns. */
function spread(image: Image, radius: number, step: number): Image {
  const { width, height, data } = image;
  const out = new Image(width, height, 1);
  const [place, length] =
    step === 1 ? [(i: number) => i % width, width] : [(i: number) => Math.floor(i / width), height];
  for (let i = 0; i < data.length; i++) {
    const at = place(i);
    let most = 0;
    for (let d = -Math.min(radius, at); d <= Math.min(radius, length - 1 - at); d++)
      most = Math.max(most, data[i + d * step]!);
    out.data[i] = most;
  }
  return out;
}

/** Scales the strongest ink to 255, as in MNIST. */
function full(image: Image): Image {
  const most = image.data.reduce((a, b) => Math.max(a, b), 1);
  return new Image(
    image.width,
    image.height,
    1,
    image.data.map((value) => Math.round((value * 255) / most)),
  );
}
