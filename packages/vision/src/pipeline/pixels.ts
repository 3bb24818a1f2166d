/** From an image to the network's input, as the checkpoint's record defines it. */
import {
  centerRectangle,
  crop,
  flatten,
  type Image,
  type ImageSource,
  preprocess,
  type Rectangle,
  readImage,
  visibleRectangle,
} from "@tessera-ml/media";
import type { ClassifierRecord, Preprocessing } from "../records/record.ts";
import { findDigit } from "./digit.ts";
import type { Prepared } from "./types.ts";

const WHITE = [255, 255, 255] as const;

/** Decodes an image, upright and opaque, and preprocesses it. */
export async function prepareImage(source: ImageSource, record: ClassifierRecord): Promise<Prepared> {
  const { preprocessing, classes } = record;
  if (classes.labels !== "digits") {
    const image = await readImage(source, { background: WHITE });
    return { image, ...photograph(image, preprocessing) };
  }
  const read = await readImage(source, { mode: "file" });
  const { digit, seen } = findDigit(read, preprocessing.digit);
  const planes = preprocess(digit, preprocessing);
  // The network may see a smaller or larger area than the digit's square.
  const inside = visibleRectangle(digit, preprocessing);
  const scale = seen.width / digit.width;
  return {
    image: flatten(read, WHITE),
    planes,
    digit,
    seen: {
      left: seen.left + inside.left * scale,
      top: seen.top + inside.top * scale,
      width: inside.width * scale,
      height: inside.height * scale,
    },
  };
}

function photograph(image: Image, preprocessing: Preprocessing): Pick<Prepared, "planes" | "seen"> {
  const { centralFraction = 1 } = preprocessing;
  // TensorFlow crops whole pixels, the same number on both sides.
  const cut = (side: number) => side - 2 * Math.floor((side - side * centralFraction) / 2);
  const middle: Rectangle = centerRectangle(image, [cut(image.height), cut(image.width)]);
  const part = crop(image, middle);
  const seen = visibleRectangle(part, preprocessing);
  return {
    planes: preprocess(part, preprocessing),
    seen: { ...seen, left: middle.left + seen.left, top: middle.top + seen.top },
  };
}
