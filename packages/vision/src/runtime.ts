/** Opens and runs classifiers, on Node and in browsers. */
import type { OpenOptions, Operation } from "@tessera-ml/kit";
import type { ImageSource } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import { readLabels } from "#labels";
import type { Classifier } from "./classifier.ts";
import { partShapes } from "./inspect/index.ts";
import * as looks from "./operations.ts";
import { ImageClassifier } from "./pipeline/image-classifier.ts";
import { defaultCheckpoint } from "./pipeline/opener.ts";
import type { Classification, ClassifyOptions } from "./pipeline/types.ts";

export { show } from "./show.ts";
export { defaultCheckpoint };

export async function open(name: string | undefined, options: OpenOptions): Promise<ImageClassifier> {
  const { labels, ...details } = options.details ?? {};
  const names = typeof labels === "string" ? await readLabels(labels) : labels;
  const read = { ...options, details: { ...details, ...(names !== undefined && { labels: names }) } };
  return await ImageClassifier.load(name ?? (await defaultCheckpoint()), read);
}

/** Ten classes surprise people who expect a thousand. */
export function defaultHint({ name, labels }: ImageClassifier): string | undefined {
  if (labels.length > 10) return undefined;
  return (
    `${name} knows ${labels.length} classes: ${labels.join(", ")}.\n` +
    "`tessera pull mobilenet_v2` downloads a network that knows 1,000."
  );
}

/** A classifier as its chain of parts. */
export function describe(module: Module, shape: readonly number[]): object {
  return { parts: partShapes(module as Classifier, shape) };
}

type Look = Operation<ImageSource, ClassifyOptions, Classification>;

export const operations = looks as unknown as Readonly<Record<string, Look>>;
