/** From frames to samples of training. */
import {
  crop as cropImage,
  flipHorizontal,
  IMAGENET_MEAN,
  IMAGENET_STD,
  type Image,
  normalize,
  Planes,
  type Rectangle,
  resizePil,
  type Size,
  toPlanes,
} from "@tessera-ml/media";
import type { HostArray } from "@tessera-ml/nn";
import { resizeTarget } from "../preprocess.ts";

/** An image with metres or disparity. */
export interface Frame {
  readonly image: Image;
  readonly kind: "depth" | "disparity";
  readonly target: Planes;
  /** 1 where there is a measurement. */
  readonly valid: Uint8Array;
}

export interface DepthSample {
  readonly [field: string]: HostArray;
  /** [3, H, W], normalised like ImageNet. */
  readonly image: HostArray;
  /** [H, W]: 1 / metres, or disparity; 0 where invalid, and where the depth is infinite: the sky of rendered pairs. */
  readonly disparity: HostArray;
  /** uint8 [H, W] */
  readonly mask: HostArray;
}

/**
 * Crops a frame to the aspect ratio of `size`, mirrors it in half of the cases and resizes it: the image bicubic, the
 * target to the nearest pixel. Without `random`, the crop is central and nothing is mirrored.
 *
 * @param zoom crops up to this much smaller than the largest one, at random; 1 (the default) keeps the focal length,
 *   which metric depth depends on
 */
export function depthSample(frame: Frame, size: Size, random?: () => number, zoom = 1): DepthSample {
  const region = cropTo(frame.image, size, random, zoom);
  const mirror = random !== undefined && random() < 0.5;
  const small = resizePil(cropImage(frame.image, region), size, "bicubic");
  const image = normalize(toPlanes(mirror ? flipHorizontal(small) : small), IMAGENET_MEAN, IMAGENET_STD);
  const target = resizeTarget(cropPlanes(frame, region), size);
  const disparity = new Float32Array(size.width * size.height);
  const mask = new Uint8Array(disparity.length);
  for (let y = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++) {
      const value = target.data[y * size.width + (mirror ? size.width - 1 - x : x)]!;
      if (!(value > 0)) continue;
      const i = y * size.width + x;
      mask[i] = 1;
      disparity[i] = frame.kind === "depth" ? 1 / value : value;
    }
  const shape = [size.height, size.width];
  return {
    image: { data: Float32Array.from(image.data), shape: image.shape },
    disparity: { data: disparity, shape },
    mask: { data: mask, shape },
  };
}

/** A region with the aspect ratio of `size`: the largest one, or with `random` one up to `zoom` times smaller. */
function cropTo(
  { width, height }: Size,
  size: Size,
  random: (() => number) | undefined,
  zoom: number,
): Rectangle {
  const smaller = random && zoom > 1 ? 1 + random() * (zoom - 1) : 1;
  const scale = Math.min(width / size.width, height / size.height) / smaller;
  const region = {
    width: Math.min(width, Math.round(size.width * scale)),
    height: Math.min(height, Math.round(size.height * scale)),
  };
  const start = (room: number) => Math.floor((random?.() ?? 0.5) * (room + 1));
  return {
    ...region,
    left: Math.min(width - region.width, start(width - region.width)),
    top: Math.min(height - region.height, start(height - region.height)),
  };
}

function cropPlanes({ target, valid }: Frame, { left, top, width, height }: Rectangle): Planes {
  const out = new Planes(1, height, width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = (top + y) * target.width + left + x;
      out.data[y * width + x] = valid[from] ? target.data[from]! : 0;
    }
  return out;
}
