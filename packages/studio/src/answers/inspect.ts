/** Looks inside a network as answers of the API: the server's worker gives them, and a page that computes by itself. */
import { colorize, finiteRange, fromPlanes, type ImageSource, Planes } from "@tessera-ml/media";
import { fromArray } from "@tessera-ml/tensor";
import { type Classifier, type ImageClassifier, inputShapeOf } from "@tessera-ml/vision";
import * as inside from "@tessera-ml/vision/inspect";
import {
  ApiError,
  type AttentionAnswer,
  type FeaturesAnswer,
  type GradcamAnswer,
  type ModelAnswer,
  type ReceptiveFieldAnswer,
} from "../api/index.ts";
import { channelOf, heatOver, png } from "./draw.ts";

/** The layers of a network and the chain of its parts, for one image. */
export function describe(model: Classifier, shape: readonly number[]): Omit<ModelAnswer, "model"> {
  return { layers: inside.profile(model, shape), parts: inside.partShapes(model, shape) };
}

/** The `limit` channels of a part that are strongest on the picture. */
export async function features(
  classifier: ImageClassifier,
  picture: ImageSource,
  { part, limit }: { part: string; limit: number },
): Promise<FeaturesAnswer> {
  checkPart(classifier.model, part);
  const { planes } = await classifier.prepare(picture);
  const all = await inside.featureMaps(classifier.model, batchOfOne(planes), part);
  const strongest = Array.from({ length: all.channels }, (_, channel) => {
    const values = channelOf(all, channel);
    return { channel, values, strength: values.reduce((sum, value) => sum + Math.abs(value), 0) };
  })
    .toSorted((a, b) => b.strength - a.strength)
    .slice(0, limit);
  const maps = strongest.map(async ({ channel, values }) => {
    const [low, high] = finiteRange(values);
    const map = new Planes(1, all.height, all.width, values);
    return { channel, low, high, png: await png(colorize(map)) };
  });
  return { part, shape: all.shape, maps: await Promise.all(maps) };
}

/** Where the network looked for a class, by default the most probable one. */
export async function gradcam(
  classifier: ImageClassifier,
  picture: ImageSource,
  { class: wanted, part }: { class?: number | undefined; part?: string | undefined },
): Promise<GradcamAnswer> {
  const { model, labels } = classifier;
  if (part !== undefined) checkPart(model, part);
  if (wanted !== undefined && wanted >= labels.length)
    throw new ApiError("bad-request", `class: expected 0 to ${labels.length - 1}, got ${wanted}`, "class");
  const { image, planes, seen } = await classifier.prepare(picture);
  const [probabilities] = await classifier.probabilities([{ planes }]);
  const chosen = wanted ?? probabilities!.indexOf(Math.max(...probabilities!));
  const heat = await inside.gradCam(model, batchOfOne(planes), chosen, part);
  return {
    class: chosen,
    label: labels[chosen]!,
    probability: probabilities![chosen]!,
    heat: await png(heatOver(image, seen, heat)),
    map: await png(fromPlanes(heat)),
    seen,
  };
}

/** What the class token looks at, in every block and over all of them. */
export async function attention(classifier: ImageClassifier, picture: ImageSource): Promise<AttentionAnswer> {
  const { image, planes, seen } = await classifier.prepare(picture);
  const { blocks, rollout } = await inside.attention(classifier.model, batchOfOne(planes));
  const pictures = blocks.map(async (block, index) => {
    const heads = Array.from({ length: block.channels }, (_, head) => map(block, channelOf(block, head)));
    const sum = new Float32Array(block.height * block.width);
    for (const { data } of heads) for (const [i, value] of data.entries()) sum[i]! += value;
    const each = await Promise.all(heads.map((head) => png(colorize(head))));
    return { block: index, heads: each, mean: await png(colorize(map(block, sum))) };
  });
  return { blocks: await Promise.all(pictures), rollout: await png(heatOver(image, seen, rollout)), seen };
}

function map({ height, width }: Planes, values: Float32Array): Planes {
  return new Planes(1, height, width, values);
}

/** How much each pixel of the input moves the unit in the middle of a part. */
export async function receptiveField(
  classifier: ImageClassifier,
  { part }: { part: string },
): Promise<ReceptiveFieldAnswer> {
  checkPart(classifier.model, part);
  const field = await inside.effectiveReceptiveField(classifier.model, part, inputShapeOf(classifier.record));
  // Most of it is small: the square root shows its extent.
  const shown = new Planes(1, field.height, field.width, field.data.map(Math.sqrt));
  return { png: await png(colorize(shown, { colormap: "inferno", range: [0, 1] })), size: field.width };
}

function batchOfOne({ data, shape }: Planes) {
  return fromArray(data as Float32Array<ArrayBuffer>, [1, ...shape]);
}

function checkPart(model: Classifier, part: string): void {
  const names = model.parts().map(({ name }) => name);
  if (!names.includes(part))
    throw new ApiError("not-found", `part: expected one of ${names.join(", ")}; got ${part}`, "part");
}
