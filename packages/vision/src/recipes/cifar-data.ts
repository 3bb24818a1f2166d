/** Data set and augmentation shared by all CIFAR-10 networks. */
import { alternatingFlip, type Batch, randomCrop } from "@tessera-ml/media";
import { arrays, type Batches, DataLoader } from "@tessera-ml/nn";
import type { DatasetName } from "../data/index.ts";
import type { Classes, Preprocessing } from "../records/record.ts";
import type { PictureBatch, Setting } from "./define.ts";
import type { Pixels } from "./pictures.ts";

export const CIFAR10 = {
  dataset: "cifar10-jpeg" satisfies DatasetName,
  preprocessing: {
    library: "pil",
    interpolation: "bilinear",
    resize: 32,
    crop: [32, 32],
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
  } satisfies Preprocessing,
  classes: { count: 10, labels: "cifar10" } satisfies Classes,
} as const;

/**
 * Every image is shifted by up to two pixels and mirrored every other epoch, so two epochs show both
 * orientations of each (airbench, section 3.6).
 */
export function cifarBatches({ train, batchSize, seed }: Setting): Batches<PictureBatch> {
  const { images, labels } = train;
  const indices = Int32Array.from(labels, (_, i) => i);
  const loader = (epoch: number) =>
    new DataLoader(arrays({ images, labels, indices }), {
      batchSize,
      shuffle: true,
      seed,
      dropLast: true,
      augment: (batch, random) => {
        const moved = randomCrop(
          batch.images as Batch<Pixels>,
          [32, 32],
          { padding: 2, mode: "reflect" },
          random,
        );
        const mirrored = alternatingFlip(moved, batch.indices.data as Int32Array, epoch, seed);
        return { images: mirrored, labels: batch.labels };
      },
    });
  return {
    batches: loader(0).batches,
    epoch: (epoch, from) => loader(epoch).epoch(epoch, from),
  };
}
