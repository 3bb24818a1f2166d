/** Measuring a network while it is trained: means over images with known depth. Node only. */
import { Planes } from "@tessera-ml/media";
import { compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import { type DepthSet, type Frame, openDepthSets, type RgbdFrame } from "../data/index.ts";
import {
  type EvaluateSetOptions,
  evaluateSet,
  type FrameSet,
  type ImageMetrics,
  meansOf,
} from "../evaluate/index.ts";
import { type DepthPreset, preprocessDepth } from "../preprocess.ts";
import type { Trainable } from "./trainable.ts";

/** The means over the images of all sets: AbsRel, δ1 to δ3, RMSE. */
export async function measure(
  { module, estimate }: Trainable,
  sets: readonly FrameSet[],
  preset: DepthPreset,
  options: EvaluateSetOptions = {},
): Promise<Record<string, number>> {
  const ask = compile((x: Tensor) => estimate(x).map, { freeze: true, name: "the evaluation" });
  const training = module.training;
  module.eval();
  const images: ImageMetrics[] = [];
  try {
    for (const set of sets) {
      const predict = async (image: RgbdFrame["image"]) => {
        const { data, shape } = preprocessDepth(image, preset);
        const map = ask(fromArray(data as Float32Array<ArrayBuffer>, [1, ...shape]));
        const [, height, width] = map.shape as [number, number, number];
        return new Planes(1, height, width, Float32Array.from((await map.data()) as Float32Array));
      };
      const found = await evaluateSet(predict, set, options);
      images.push(...found.images);
    }
  } finally {
    ask.release();
    if (training) module.train();
  }
  const { absRel, delta1, delta2, delta3, rmse } = meansOf(images);
  return {
    absRel: absRel.mean,
    delta1: delta1.mean,
    delta2: delta2.mean,
    delta3: delta3.mean,
    rmse: rmse.mean,
  };
}

/** Every set in some folders; a folder that holds none is an error, a set that is refused a warning. */
export async function openSets(folders: readonly string[]): Promise<DepthSet[]> {
  const found = await Promise.all(folders.map((folder) => openDepthSets(folder)));
  return found.flatMap(({ sets, refused }) => {
    for (const { reason } of refused) console.warn(`tessera: left out: ${reason}`);
    return sets;
  });
}

/** Frames in memory as a set. */
export function setOf(folder: string, frames: readonly Frame[]): FrameSet {
  const pairs = frames.map((_, i) => ({ name: String(i) }));
  return { folder, pairs, read: async (index) => ({ ...frames[index]!, name: String(index) }) };
}
