/**
 * LeCun et al. 1989 on its original kind of data: zip code digits.
 *
 * Data: USPS, 7,291 training and 2,007 test digits. Expected: at most 6.5 % test error (the paper reports 5.0 %
 * with second derivatives; plain gradient descent gives about 6). Takes 5 minutes on two cores.
 */

import { SGD } from "@tessera-ml/nn";
import { squaredErrorLoss } from "../models/lecun1989.ts";
import { type ClassifierRecipe, defineClassifierRecipe } from "./define.ts";

export const lecun1989: ClassifierRecipe = defineClassifierRecipe({
  name: "lecun1989",
  title: "The first convolutional network, one zip code digit at a time",
  paper: "Backpropagation Applied to Handwritten Zip Code Recognition (LeCun et al. 1989)",
  network: "lecun1989",
  dataset: "usps",
  preprocessing: { library: "pil", interpolation: "bilinear", digit: "usps", mean: [0.5], std: [0.5] },
  classes: { count: 10, labels: "digits" },
  epochs: 23,
  batchSize: 1,
  expected: { metric: "error", atMost: 6.5, published: "5.0 % (LeCun et al. 1989)" },
  minutes: 5,
  limits: "It reads about four in five of MNIST's digits, which have thinner strokes.",
  train: ({ model }) => ({
    // As in the paper: weights are updated after each pattern, in a fixed order.
    shuffle: false,
    optimizer: new SGD(model, { lr: 0.03 }),
    loss: squaredErrorLoss,
  }),
});
