/**
 * Class names of data sets and networks: plain data, for Node and browsers (`@tessera-ml/vision/classes`).
 */
export { IMAGENET_CLASSES } from "./imagenet.ts";

export const digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

/** The classes of CIFAR-10, in label order. */
export const cifarClasses = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;
