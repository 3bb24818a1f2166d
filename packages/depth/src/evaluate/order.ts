/** DA-2K: of two points, which is nearer? */
import { type EvaluationProgress, measureAll, messageOf } from "@tessera-ml/kit";
import { type Image, type Planes, readImage } from "@tessera-ml/media";
import type { OrderedImage, OrderSet } from "../data/layouts/da2k.ts";
import { correctPairs } from "../metrics.ts";
import { sizedLike } from "./frame.ts";
import { NothingEvaluated, type Predict } from "./set.ts";

export interface OrderAccuracy {
  readonly pairs: number;
  readonly correct: number;
  /** Per cent. */
  readonly accuracy: number;
}

export interface OrderEvaluation extends OrderAccuracy {
  /** By kind of scene, in alphabetical order. */
  readonly scenes: readonly (OrderAccuracy & { readonly scene: string })[];
  /** How many images were evaluated. */
  readonly count: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly seconds: number;
  /** In the network alone. */
  readonly networkSeconds: number;
}

export interface EvaluateOrderOptions {
  /** What the maps of the network say; default `disparity`. */
  readonly kind?: "disparity" | "metric" | undefined;
  /** Only so many images, evenly spread; default all. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: EvaluationProgress) => void) | undefined;
}

/**
 * How many pairs of points a network orders as annotated. Images that cannot be read, or with points outside of them, are
 * skipped and listed.
 *
 * @throws NothingEvaluated if no image can be evaluated; whatever `predict` throws
 */
export async function evaluateOrder(
  predict: Predict,
  { folder, images }: OrderSet,
  { kind = "disparity", limit, signal, progress }: EvaluateOrderOptions = {},
): Promise<OrderEvaluation> {
  const seen: { scene: string; pairs: number; correct: number }[] = [];
  const skipped: { name: string; reason: string }[] = [];
  const skip = (name: string, error: unknown) => {
    skipped.push({ name, reason: messageOf(error) });
  };
  const { seconds, networkSeconds } = await measureAll<Image | Error, Planes | Error>(
    {
      total: images.length,
      prepare: (index) => readChecked(images[index]!).catch((error: Error) => error),
      ask: (inputs) =>
        Promise.all(
          inputs.map(async (image) =>
            image instanceof Error ? image : sizedLike(await predict(image), image),
          ),
        ),
      record: (map, index) => {
        const { name, scene, pairs } = images[index]!;
        if (map instanceof Error) return skip(name, map);
        // Metres grow away from the camera.
        const nearness = kind === "disparity" ? map.data : map.data.map((metres) => -metres);
        seen.push({ scene, pairs: pairs.length, correct: correctPairs(nearness, map, pairs) });
      },
      metrics: () => ({ accuracy: accuracyOf(seen).accuracy }),
    },
    { batchSize: 1, limit, signal, progress },
  );
  if (seen.length === 0) throw new NothingEvaluated(folder, images.length, skipped);
  const scenes = [...Map.groupBy(seen, ({ scene }) => scene)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([scene, list]) => ({ scene, ...accuracyOf(list) }));
  return { ...accuracyOf(seen), scenes, count: seen.length, skipped, seconds, networkSeconds };
}

function accuracyOf(list: readonly { readonly pairs: number; readonly correct: number }[]): OrderAccuracy {
  const pairs = list.reduce((sum, one) => sum + one.pairs, 0);
  const correct = list.reduce((sum, one) => sum + one.correct, 0);
  return { pairs, correct, accuracy: (100 * correct) / pairs };
}

/** @throws MediaError; RangeError if a point lies outside of the image */
async function readChecked({ path, pairs }: OrderedImage): Promise<Image> {
  const image = await readImage(path, { orient: false });
  for (const [row, column] of pairs.flatMap(({ closer, farther }) => [closer, farther]))
    if (!(row >= 0 && row < image.height && column >= 0 && column < image.width))
      throw new RangeError(
        `${path}: the point [row, column] = [${row}, ${column}] is outside of ${image.width} x ${image.height} pixels`,
      );
  return image;
}
