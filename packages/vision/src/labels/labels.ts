/** Labels of a network's outputs. */
import { cifarClasses, digits, IMAGENET_CLASSES } from "../classes/index.ts";
import type { Classes } from "../records/record.ts";

const imagenet = IMAGENET_CLASSES.map(({ name }) => name);

const LABELS: Readonly<Record<Classes["labels"], readonly string[]>> = {
  digits,
  cifar10: cifarClasses,
  "imagenet-1k": imagenet,
  // TensorFlow's networks start with a background class.
  "imagenet-1k+background": ["background", ...imagenet],
};

/**
 * Reads output labels from a user's file: one per line, a JSON array, or a JSON object of names by index
 * (`{"0": "cat", "1": "dog"}`) or of indices by name.
 *
 * @param file the file's name, for error messages
 * @throws RangeError if there are no labels or indices are missing
 */
export function parseLabels(text: string, file: string): string[] {
  const content = text.replace(/^\ufeff/, "").trim();
  if (content === "") throw new RangeError(`${file}: expected labels, got an empty file`);
  if (!/^[[{]/.test(content)) return content.split(/\r?\n/).map((line) => line.trim());
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new RangeError(`${file}: expected labels as JSON: ${(error as Error).message}`, { cause: error });
  }
  const entries = Object.entries(value as object).map(([key, item]: [string, unknown]) =>
    typeof item === "number" ? ([String(item), key] as const) : ([key, item] as const),
  );
  const byIndex = new Map(entries);
  return entries.map((_, index) => {
    const label = byIndex.get(String(index));
    if (typeof label === "string") return label;
    throw new RangeError(
      `${file}: expected a label for each class from 0 to ${entries.length - 1}, none for ${index}`,
    );
  });
}

/** The labels of a network's outputs, or their numbers if its label set is unknown. */
export function labelsOrNumbers(classes: Classes): readonly string[] {
  if (LABELS[classes.labels]?.length === classes.count) return labelsOf(classes);
  return Array.from({ length: classes.count }, (_, index) => String(index));
}

/**
 * The labels of a network's outputs, in order. Two ImageNet labels occur twice (`crane`, the bird and the machine,
 * and `maillot`); only the index tells them apart.
 *
 * @throws RangeError if the record's class count differs from the number of labels
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
