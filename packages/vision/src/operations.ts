/** API operations that look inside a classifier. */
import { KitError, pngUrl } from "@tessera-ml/kit";
import { colorize, finiteRange, fromPlanes, type ImageSource, Planes } from "@tessera-ml/media";
import { fromArray } from "@tessera-ml/tensor";
import type { Classifier } from "./classifier.ts";
import { inputShapeOf } from "./cost.ts";
import { channelOf, heatOver } from "./draw.ts";
import * as inside from "./inspect/index.ts";
import type { ImageClassifier } from "./pipeline/image-classifier.ts";

/** The `limit` channels of a part with the strongest response to the image. */
export async function features(
  classifier: ImageClassifier,
  { part, limit }: { part: string; limit: number },
  image: ImageSource,
) {
  checkPart(classifier.module, part);
  const { planes } = await classifier.prepare(image);
  const all = await inside.featureMaps(classifier.module, batchOfOne(planes), part);
  const strongest = Array.from({ length: all.channels }, (_, channel) => {
    const values = channelOf(all, channel);
    return { channel, values, strength: values.reduce((sum, value) => sum + Math.abs(value), 0) };
  })
    .toSorted((a, b) => b.strength - a.strength)
    .slice(0, limit);
  const maps = strongest.map(async ({ channel, values }) => {
    const [low, high] = finiteRange(values);
    const map = new Planes(1, all.height, all.width, values);
    return { channel, low, high, png: await pngUrl(colorize(map)) };
  });
  return { part, shape: all.shape, maps: await Promise.all(maps) };
}

/** Grad-CAM for a class, by default the most probable one. */
export async function gradcam(
  classifier: ImageClassifier,
  { class: wanted, part }: { class?: number | undefined; part?: string | undefined },
  source: ImageSource,
) {
  const { module, labels } = classifier;
  if (part !== undefined) checkPart(module, part);
  if (wanted !== undefined && wanted >= labels.length)
    throw new KitError("bad-option", `class: expected 0 to ${labels.length - 1}, got ${wanted}`, {
      field: "class",
    });
  const { image, planes, seen } = await classifier.prepare(source);
  const [probabilities] = await classifier.probabilities([{ planes }]);
  const chosen = wanted ?? probabilities!.indexOf(Math.max(...probabilities!));
  const heat = await inside.gradCam(module, batchOfOne(planes), chosen, part);
  return {
    class: chosen,
    label: labels[chosen]!,
    probability: probabilities![chosen]!,
    heat: await pngUrl(heatOver(image, seen, heat)),
    map: await pngUrl(fromPlanes(heat)),
    seen,
  };
}

/** Attention of the class token, per block and rolled out over all of them. */
export async function attention(classifier: ImageClassifier, _: object, source: ImageSource) {
  const { image, planes, seen } = await classifier.prepare(source);
  const { blocks, rollout } = await inside.attention(classifier.module, batchOfOne(planes));
  const drawn = blocks.map(async (block, index) => {
    const heads = Array.from({ length: block.channels }, (_, head) => map(block, channelOf(block, head)));
    const sum = new Float32Array(block.height * block.width);
    for (const { data } of heads) for (const [i, value] of data.entries()) sum[i]! += value;
    const each = await Promise.all(heads.map((head) => pngUrl(colorize(head))));
    return { block: index, heads: each, mean: await pngUrl(colorize(map(block, sum))) };
  });
  return { blocks: await Promise.all(drawn), rollout: await pngUrl(heatOver(image, seen, rollout)), seen };
}

function map({ height, width }: Planes, values: Float32Array): Planes {
  return new Planes(1, height, width, values);
}

/** How strongly each input pixel influences the unit at the centre of a part. */
export async function receptiveField(classifier: ImageClassifier, { part }: { part: string }) {
  checkPart(classifier.module, part);
  const field = await inside.effectiveReceptiveField(
    classifier.module,
    part,
    inputShapeOf(classifier.record),
  );
  // Most values are tiny; the square root makes their extent visible.
  const shown = new Planes(1, field.height, field.width, field.data.map(Math.sqrt));
  return { png: await pngUrl(colorize(shown, { colormap: "inferno", range: [0, 1] })), size: field.width };
}

function batchOfOne({ data, shape }: Planes) {
  return fromArray(data as Float32Array<ArrayBuffer>, [1, ...shape]);
}

function checkPart(module: Classifier, part: string): void {
  const names = module.parts().map(({ name }) => name);
  if (!names.includes(part))
    throw new KitError("no-part", `part: expected one of ${names.join(", ")}; got ${part}`, {
      field: "part",
    });
}
