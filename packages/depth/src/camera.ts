/** A pinhole camera in the middle of its image. */
import type { Image, Size } from "@tessera-ml/media";

export interface Lens {
  /** In pixels of the image. */
  readonly focalLength: number;
  /** `assumed`: nothing is known of the camera, so angles are only plausible. */
  readonly from: "given" | "exif" | "assumed";
}

/** Diagonal of a 36 x 24 mm film frame, to which 35 mm equivalent focal lengths refer (CIPA DCG-001). */
const FILM_DIAGONAL = Math.hypot(36, 24);
/** Of the diagonal of the image, in degrees: an ordinary lens of about 33 mm. */
const ASSUMED_VIEW = 66;

/** @throws RangeError unless a given focal length is positive */
export function cameraOf(image: Image, { focalLength }: { readonly focalLength?: number | undefined }): Lens {
  if (focalLength !== undefined) {
    if (!(focalLength > 0 && Number.isFinite(focalLength)))
      throw new RangeError(`focalLength: expected a positive number of pixels, got ${focalLength}`);
    return { focalLength, from: "given" };
  }
  const diagonal = Math.hypot(image.width, image.height);
  if (image.focalLength35 !== undefined)
    return { focalLength: (image.focalLength35 / FILM_DIAGONAL) * diagonal, from: "exif" };
  return { focalLength: diagonal / (2 * Math.tan((ASSUMED_VIEW * Math.PI) / 360)), from: "assumed" };
}

/**
 * The ray of a pixel, at depth 1: x to the right, y down. As in the authors' script, the axis meets the image at
 * column W / 2, row H / 2.
 */
export function rayThrough(column: number, row: number, { width, height }: Size, { focalLength }: Lens) {
  return { x: (column - width / 2) / focalLength, y: (row - height / 2) / focalLength };
}
