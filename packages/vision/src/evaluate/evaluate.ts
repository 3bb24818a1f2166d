/** Accuracy and confusions of a classifier. */
import { measureAll } from "@tessera-ml/kit";
import { fromPlanes, type Image, Planes } from "@tessera-ml/media";
import type { LoadedDataset, Photograph } from "../data/index.ts";
import type { ImageClassifier } from "../pipeline/image-classifier.ts";
import type { Prepared } from "../pipeline/types.ts";

/** A split in memory, or photographs (`loadPhotographs`). */
export type LabelledImages = LoadedDataset<Uint8Array | Float32Array> | readonly Photograph[];

export interface EvaluationProgress {
  readonly done: number;
  readonly total: number;
  /** Per cent, so far. */
  readonly top1: number;
}

export interface EvaluateOptions {
  readonly progress?: ((progress: EvaluationProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Images per forward pass; default 16. */
  readonly batchSize?: number;
  /** Evaluates this many images, evenly spaced; default all. */
  readonly limit?: number | undefined;
}

/** Results for one true class. Accuracy in per cent. */
export interface ClassResult {
  readonly index: number;
  readonly label: string;
  readonly count: number;
  readonly right: number;
  readonly accuracy: number;
}

export interface Evaluation {
  readonly model: string;
  readonly count: number;
  /** Per cent of the images whose top prediction is correct; `error` is 100 − `top1`. */
  readonly top1: number;
  readonly error: number;
  /** Per cent of the images whose true class is among the top five predictions. */
  readonly top5: number;
  /** The classes that occur, in order. */
  readonly classes: readonly ClassResult[];
  /** Misclassifications, most frequent first. */
  readonly confusions: readonly {
    readonly truth: string;
    readonly predicted: string;
    readonly count: number;
  }[];
  /** `matrix[i][j]`: images of class i predicted as j. Present for up to 100 classes. */
  readonly matrix?: readonly (readonly number[])[];
  /** Forward pass only. */
  readonly imagesPerSecond: number;
  /** Including loading and preprocessing. */
  readonly seconds: number;
}

const LARGEST_MATRIX = 100;

/**
 * Evaluates a classifier on labelled images.
 *
 * @throws RangeError if the images' classes differ from the classifier's
 */
export async function evaluate(
  classifier: ImageClassifier,
  pictures: LabelledImages,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { progress, ...rest } = options;
  const { truths, prepare } = labelled(classifier, pictures);
  const guesses: { truth: number; predicted: number; inFive: boolean }[] = [];
  const { count, seconds, networkSeconds } = await measureAll(
    {
      total: truths.length,
      prepare,
      ask: (prepared) => classifier.probabilities(prepared),
      record: (row, index) => {
        const truth = truths[index] as number;
        const own = row[truth] as number;
        guesses.push({
          truth,
          predicted: row.indexOf(Math.max(...row)),
          inFive: row.reduce((above, value) => above + (value > own ? 1 : 0), 0) < 5,
        });
      },
      metrics: () => ({ top1: percent(guesses, isRight) }),
    },
    {
      ...rest,
      progress: progress && (({ done, total, metrics: { top1 = 0 } }) => progress({ done, total, top1 })),
    },
  );
  const top1 = percent(guesses, isRight);
  return {
    model: classifier.name,
    count,
    top1,
    error: 100 - top1,
    top5: percent(guesses, ({ inFive }) => inFive),
    ...tables(guesses, classifier.labels),
    imagesPerSecond: count / networkSeconds,
    seconds,
  };
}

interface Guess {
  readonly truth: number;
  readonly predicted: number;
}

function isRight({ truth, predicted }: Guess): boolean {
  return truth === predicted;
}

function percent<T>(list: readonly T[], counts: (entry: T) => boolean): number {
  return list.length === 0 ? 0 : (100 * list.filter(counts).length) / list.length;
}

function tables(
  guesses: readonly Guess[],
  labels: readonly string[],
): Pick<Evaluation, "classes" | "confusions" | "matrix"> {
  const byTruth = Map.groupBy(guesses, ({ truth }) => truth);
  const classes = [...byTruth].toSorted(([a], [b]) => a - b);
  const wrong = Map.groupBy(
    guesses.filter((guess) => !isRight(guess)),
    ({ truth, predicted }) => `${truth} ${predicted}`,
  );
  const name = (index: number) => labels[index] as string;
  return {
    classes: classes.map(([index, list]) => ({
      index,
      label: name(index),
      count: list.length,
      right: list.filter(isRight).length,
      accuracy: percent(list, isRight),
    })),
    confusions: [...wrong.values()]
      .map((list) => {
        const { truth, predicted } = list[0] as Guess;
        return { truth: name(truth), predicted: name(predicted), count: list.length };
      })
      .toSorted((a, b) => b.count - a.count),
    ...(labels.length <= LARGEST_MATRIX && {
      matrix: labels.map((_, truth) =>
        labels.map(
          (_, guess) => (byTruth.get(truth) ?? []).filter(({ predicted }) => predicted === guess).length,
        ),
      ),
    }),
  };
}

/** For each image, the index of the correct output and the network's input. */
function labelled(
  classifier: ImageClassifier,
  pictures: LabelledImages,
): { truths: readonly number[]; prepare: (i: number) => Promise<Prepared> } {
  if ("images" in pictures) {
    checkClasses(classifier, pictures);
    return {
      truths: [...pictures.labels],
      prepare: async (i) => await classifier.prepare(sampleImage(pictures, i)),
    };
  }
  const { labels } = classifier.record.classes;
  const isImageNet = labels.startsWith("imagenet-1k");
  if (!isImageNet || ![1000, 1001].includes(classifier.labels.length))
    throw new RangeError(
      `${classifier.name}: photographs have ImageNet's classes, but the classifier has ${isImageNet ? `${classifier.labels.length} others` : labels}`,
    );
  const shift = classifier.labels.length - 1000; // a background class comes first
  return {
    truths: pictures.map(({ classIndex }) => classIndex + shift),
    prepare: async (i) => await classifier.prepare((pictures[i] as Photograph).path),
  };
}

function checkClasses(
  { name, labels }: ImageClassifier,
  pictures: { name: string; classes: readonly string[] },
): void {
  if (labels.join() === pictures.classes.join()) return;
  const list = (names: readonly string[]) => `${names.length} (${names.slice(0, 3).join(", ")}, …)`;
  throw new RangeError(
    `${name}: it has ${list(labels)} classes, but ${pictures.name} has ${list(pictures.classes)}`,
  );
}

/** Image `index` of a data set as a decoded file would give it, so that it takes the classifier's usual path. */
function sampleImage(
  { images, shape: [, channels, height, width] }: LoadedDataset<Uint8Array | Float32Array>,
  index: number,
): Image {
  const size = channels * height * width;
  const values = images.subarray(index * size, (index + 1) * size);
  const floats = values instanceof Uint8Array ? Float32Array.from(values, (byte) => byte / 255) : values;
  return fromPlanes(new Planes(channels, height, width, floats));
}
