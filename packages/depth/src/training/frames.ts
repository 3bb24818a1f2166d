/** Training frames in memory, shrunk to little more than the size they are trained at. Node only. */
import { crop, Planes, resizePil, type Size } from "@tessera-ml/media";
import { type Frame, openDepthSets } from "../data/index.ts";
import { resizeTarget } from "../preprocess.ts";

/** Frames keep this much more than the training size, so that random crops lose no detail. */
export const MARGIN = 1.25;

/**
 * Reads every pair of some folders, in any layout that `openDepthSets` knows; pairs that cannot be read are left out.
 *
 * @param size of the network's input
 * @param skipped is told why a pair or a folder is left out
 */
export async function readFrames(
  folders: readonly string[],
  size: Size,
  {
    skipped = () => {},
    signal,
  }: { skipped?: (reason: string) => void; signal?: AbortSignal | undefined } = {},
): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (const folder of folders) {
    const { sets, refused } = await openDepthSets(folder);
    for (const { reason } of refused) skipped(reason);
    for (const set of sets)
      for (let i = 0; i < set.pairs.length; i++) {
        signal?.throwIfAborted();
        try {
          frames.push(shrink(await set.read(i), size));
        } catch (error) {
          skipped(error instanceof Error ? error.message : String(error));
        }
      }
  }
  return frames;
}

/** A frame no larger than a training crop needs; the target is never averaged. */
export function shrink(frame: Frame, size: Size): Frame {
  const { image, kind, target, valid } = frame;
  const scale = MARGIN * Math.max(size.width / image.width, size.height / image.height);
  if (scale >= 1) return frame;
  const small = { width: Math.round(image.width * scale), height: Math.round(image.height * scale) };
  const known = new Planes(1, target.height, target.width);
  for (let i = 0; i < valid.length; i++) known.data[i] = valid[i] ? target.data[i]! : 0;
  const shrunk = resizeTarget(known, small);
  return {
    image: resizePil(
      crop(image, { left: 0, top: 0, width: image.width, height: image.height }),
      small,
      "bicubic",
    ),
    kind,
    target: shrunk,
    valid: Uint8Array.from(shrunk.data, (value) => (value > 0 ? 1 : 0)),
  };
}
