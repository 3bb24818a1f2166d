/** Images in memory as tensors, and a network's accuracy on them. Runs on Node and in browsers. */
import { spreadIndices } from "@tessera-ml/kit";
import type { Batch } from "@tessera-ml/media";
import { compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import type { Preprocessing } from "../records/record.ts";

/** Pixels as data sets store them: bytes, or floats from 0 to 1. */
export type Pixels = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** One split. */
export interface LabelledImages {
  readonly images: Batch<Pixels>;
  readonly labels: Int32Array<ArrayBuffer>;
}

/** `count` images, evenly spaced since a data set may be sorted by class; all if there are fewer. */
export function spread({ images, labels }: LabelledImages, count: number): LabelledImages {
  const [length, ...rest] = images.shape;
  if (count >= length) return { images, labels };
  const size = images.data.length / length;
  const data = images.data.slice(0, count * size);
  const chosen = Int32Array.from(spreadIndices(length, count));
  for (const [to, from] of chosen.entries())
    data.set(images.data.subarray(from * size, (from + 1) * size), to * size);
  return { images: { data, shape: [count, ...rest] }, labels: chosen.map((i) => labels[i] as number) };
}

/**
 * Stored images → the network's input, [N, C, H, W]: zero-padded up to the crop, scaled to 0 to 1, then
 * normalised by mean and standard deviation. Part of a graph.
 */
export function networkInput(images: Tensor, { crop, mean, std }: Preprocessing): Tensor {
  let x = images.dtype === "uint8" ? images.astype("float32").div(255) : images;
  if (crop) {
    const border = ([2, 3] as const).map((axis, i) => {
      const missing = (crop[i] as number) - (images.shape[axis] as number);
      if (missing < 0)
        throw new Error(`images of [${images.shape.slice(2)}] are larger than the input, [${crop}]`);
      return [Math.floor(missing / 2), Math.ceil(missing / 2)] as const;
    });
    x = x.pad([[0, 0], [0, 0], ...border]);
  }
  const perChannel = (values: readonly number[]) =>
    fromArray(Float32Array.from(values), [values.length, 1, 1]);
  return x.sub(perChannel(mean)).div(perChannel(std));
}

export interface Measured {
  /** Mean over the images. */
  readonly loss: number;
  /** Per cent. */
  readonly top1: number;
}

/**
 * Evaluates a network on all images.
 *
 * @param scores preprocessed images [N, C, H, W] → [N, classes]
 * @param loss mean over the batch, of scores and labels [N]
 */
export async function measure(
  { images, labels }: LabelledImages,
  preprocessing: Preprocessing,
  scores: (images: Tensor) => Tensor,
  loss: (scores: Tensor, labels: Tensor) => Tensor,
): Promise<Measured> {
  const ask = compile(
    (x: Tensor, y: Tensor) => {
      const found = scores(networkInput(x, preprocessing));
      return { right: found.argmax(1).equal(y).astype("int32").sum(), loss: loss(found, y) };
    },
    { freeze: true, name: "the evaluation" },
  );
  const [count, ...shape] = images.shape;
  const size = images.data.length / count;
  const sum = { right: 0, loss: 0 };
  try {
    for (let start = 0; start < count; start += AT_ONCE) {
      const end = Math.min(count, start + AT_ONCE);
      const x = fromArray(images.data.subarray(start * size, end * size), [end - start, ...shape]);
      const answer = ask(x, fromArray(labels.subarray(start, end), [end - start]));
      sum.right += await answer.right.item();
      sum.loss += (await answer.loss.item()) * (end - start);
    }
  } finally {
    ask.release();
  }
  return { loss: sum.loss / count, top1: (100 * sum.right) / count };
}

/** Images per batch of the evaluation. */
const AT_ONCE = 500;
