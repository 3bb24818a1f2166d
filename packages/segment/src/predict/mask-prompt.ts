/** A picture of an object as a mask prompt. */
import { crop, type ImageSource, interpolate, Planes, readImage, type Size, toGrey } from "@tessera-ml/media";
import { SegmentError } from "../error.ts";
import { Sam } from "../models/sam1/sam.ts";
import { CERTAIN, type Sam2 } from "../models/sam2/sam2.ts";
import { resizedSize } from "./sam-image.ts";

/** Brighter pixels are the object. */
const MIDDLE = 127;

/**
 * Logits of ±10 at a quarter of the network's input, [1, side, side].
 *
 * @param source a picture as large as the photograph, white where the object is
 * @throws SegmentError `bad-prompt` if it has another size
 */
export async function maskPrompt(source: ImageSource, picture: Size, model: Sam | Sam2): Promise<Planes> {
  const { width, height, data } = toGrey(await readImage(source, { mode: "file" }));
  if (width !== picture.width || height !== picture.height)
    throw new SegmentError(
      "bad-prompt",
      `mask: expected ${picture.width} x ${picture.height} pixels like the picture, got ${width} x ${height}`,
    );
  const inside = new Planes(
    1,
    height,
    width,
    Float32Array.from(data, (value) => (value > MIDDLE ? 1 : 0)),
  );
  const side = model.image / 4;
  // SAM pads pictures at the right and bottom, SAM 2 stretches them.
  const size = model instanceof Sam ? resizedSize(picture, side) : { width: side, height: side };
  const resized = interpolate(inside, size, { mode: "bilinear", antialias: true });
  const padded = crop(resized, { left: 0, top: 0, width: side, height: side });
  return new Planes(
    1,
    side,
    side,
    padded.data.map((share) => (share >= 0.5 ? CERTAIN : -CERTAIN)),
  );
}
