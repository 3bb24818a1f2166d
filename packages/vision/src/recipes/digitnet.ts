/**
 * A small network for digits as one would train it today: batch normalisation, one cycle of the learning
 * rate, digits moved and turned a little, and the mean of the last weights.
 *
 * Data: MNIST. Expected: at least 99.5 %. Takes 8 minutes on two cores.
 */

import { type Batch, Image, type Random, randomAffine, warpAffine } from "@tessera-ml/media";
import { Adam, crossEntropy, EMA, schedules } from "@tessera-ml/nn";
import { type ClassifierRecipe, defineClassifierRecipe } from "./define.ts";
import type { Pixels } from "./pictures.ts";

export const digitnet: ClassifierRecipe = defineClassifierRecipe({
  name: "digitnet",
  title: "A small network for digits with the means of today",
  paper: "Batch Normalization (Ioffe & Szegedy 2015), on the plan of LeNet-5",
  network: "digitnet",
  dataset: "mnist",
  preprocessing: { library: "pil", interpolation: "bilinear", mean: [0.1307], std: [0.3081] },
  classes: { count: 10, labels: "digits" },
  epochs: 12,
  batchSize: 128,
  expected: { metric: "top1", atLeast: 99.5 },
  minutes: 8,
  train: ({ model, steps }) => ({
    optimizer: new Adam(model, { lr: schedules.oneCycle({ peak: 5e-3, steps }) }),
    loss: crossEntropy,
    augment: movedAndTurned,
    ema: new EMA(model, { decay: 0.998 }),
  }),
});

/** Each digit by up to two pixels, ten degrees, and a tenth of its size. */
function movedAndTurned({ shape, data }: Batch<Pixels>, random: Random): Batch<Pixels> {
  const [count, , height, width] = shape;
  const size = width * height;
  const moved = new Uint8Array(data.length);
  const amounts = { degrees: 10, translate: [2 / width, 2 / height], scale: [0.9, 1.1] } as const;
  for (let n = 0; n < count; n++) {
    const digit = new Image(width, height, 1, Uint8Array.from(data.subarray(n * size, (n + 1) * size)));
    moved.set(warpAffine(digit, randomAffine(digit, amounts, random), "bilinear").data, n * size);
  }
  return { shape, data: moved };
}
