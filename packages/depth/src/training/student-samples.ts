/** What a student of Depth Anything V1 sees of an unlabelled photograph (Yang et al. 2024, section 3.2). */
import { colorJitter, gaussianBlur, type Size } from "@tessera-ml/media";
import type { HostArray } from "@tessera-ml/nn";
import { depthSample, type Frame } from "../data/index.ts";
import { type Box, randomBox } from "../losses/index.ts";
import { MARGIN } from "./frames.ts";

export interface Perturbations {
  /** Strong colour jitter and Gaussian blur of what the student sees; the teacher saw the clean photograph. */
  readonly perturb: boolean;
  /** The share of photographs into which a box of another is pasted: 0.5 in the paper. */
  readonly cutmix: number;
}

/** Ranges are not published; these are those of SimCLR's strong jitter. */
const JITTER = { brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.15 };
const BLUR = { share: 0.5, from: 0.1, to: 2 };

export interface StudentSample {
  readonly [field: string]: HostArray;
  /** [3, H, W] */
  readonly image: HostArray;
  /** The teacher's disparity of the photograph in the box, and of that around it, [H, W]. */
  readonly inside: HostArray;
  readonly outside: HostArray;
  /** uint8 [H, W]: 1 in the box; all 1 if nothing was pasted. */
  readonly box: HostArray;
}

/**
 * A perturbed photograph with the teacher's map.
 *
 * @param frame a photograph with the teacher's map as its target
 * @param other the photograph that a box is taken of
 */
export function studentSample(
  frame: Frame,
  other: Frame,
  size: Size,
  { perturb, cutmix }: Perturbations,
  random: () => number,
): StudentSample {
  const seen = (which: Frame) =>
    depthSample(perturb ? perturbed(which, random) : which, size, random, MARGIN);
  const around = seen(frame);
  if (!(random() < cutmix))
    return { image: around.image, inside: around.disparity, outside: around.disparity, box: whole(size) };
  const pasted = seen(other);
  const box = randomBox(size, random);
  return {
    image: paste(around.image, pasted.image, box, size),
    inside: pasted.disparity,
    outside: around.disparity,
    box: { data: maskOf(box, size), shape: [size.height, size.width] },
  };
}

function perturbed(frame: Frame, random: () => number): Frame {
  let image = colorJitter(frame.image, JITTER, random);
  if (random() < BLUR.share) image = gaussianBlur(image, BLUR.from + (BLUR.to - BLUR.from) * random());
  return { ...frame, image };
}

function whole({ width, height }: Size): HostArray {
  return { data: new Uint8Array(width * height).fill(1), shape: [height, width] };
}

function maskOf({ top, left, bottom, right }: Box, { width, height }: Size): Uint8Array<ArrayBuffer> {
  const mask = new Uint8Array(width * height);
  for (let y = top; y < bottom; y++) mask.fill(1, y * width + left, y * width + right);
  return mask;
}

/** [3, H, W] with the box of another. */
function paste(into: HostArray, from: HostArray, box: Box, { width, height }: Size): HostArray {
  const data = Float32Array.from(into.data as Float32Array);
  for (let c = 0; c < 3; c++)
    for (let y = box.top; y < box.bottom; y++) {
      const row = (c * height + y) * width;
      data.set((from.data as Float32Array).subarray(row + box.left, row + box.right), row + box.left);
    }
  return { data, shape: into.shape };
}
