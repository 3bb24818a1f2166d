/** What the outputs of a network mean. */
import { cifarClasses, digits, IMAGENET_CLASSES } from "./classes/index.ts";
import type { Classes } from "./records/record.ts";

const imagenet = IMAGENET_CLASSES.map(({ name }) => name);

const LABELS: Readonly<Record<Classes["labels"], readonly string[]>> = {
  digits,
  cifar10: cifarClasses,
  "imagenet-1k": imagenet,
  // TensorFlow's networks have a first class for none of them.
  "imagenet-1k+background": ["background", ...imagenet],
};

/**
 * The names of a network's outputs, in order. Two of ImageNet's names stand twice (the bird and the machine
 * `crane`, `maillot`): indices tell them apart.
 *
 * @throws RangeError where the record has another number of classes than its labels
 */
export function labelsOf({ labels, count }: Classes): readonly string[] {
  const names = LABELS[labels];
  if (names?.length === count) return names;
  throw new RangeError(
    names
      ? `labels ${labels}: expected ${names.length} classes, got ${count}`
      : `expected labels ${Object.keys(LABELS).join(", ")}, got ${JSON.stringify(labels)}`,
  );
}
