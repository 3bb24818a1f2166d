/**
 * Masks of everything in a picture (Kirillov et al. 2023, section 4 and appendix B): a grid of clicks over the picture and
 * over crops of it, filters of quality, and suppression of duplicates.
 */
import { crop, type Image, Planes, type Size } from "@tessera-ml/media";
import { type Corners, type Mask, maskBox, maskOf, stabilityScore } from "../mask.ts";
import type { Point, Prediction } from "../predict/prompt.ts";
import { decodeRle, encodeRle, type Rle, rleArea } from "../rle.ts";
import { type CropBox, cropBoxes, pointGrids } from "./grid.ts";
import { withoutSmall } from "./regions.ts";
import { suppress, touchesCrop } from "./suppress.ts";

/** A predictor, or anything that answers clicks on a picture. */
export interface Promptable {
  image(image: Image): Promise<PromptedImage>;
}
export interface PromptedImage {
  /** An answer for each click. @param options.masks low-resolution logits for each click, [1, side, side] */
  predictEach(
    points: readonly Point[],
    options: { readonly multimask?: boolean; readonly masks?: readonly Planes[] },
  ): Promise<Prediction[]>;
}

/** Options, named as in the authors' code. */
export interface EverythingOptions {
  /** Default 32. */
  readonly pointsPerSide?: number;
  /** Default 64. */
  readonly pointsPerBatch?: number;
  /** Least estimated IoU, default 0.8 as for SAM 2; SAM has 0.88. */
  readonly predIouThresh?: number;
  /** Least {@link stabilityScore}, default 0.95. */
  readonly stabilityScoreThresh?: number;
  /** Default 1. */
  readonly stabilityScoreOffset?: number;
  /** Logits above it are in the mask, default 0. */
  readonly maskThreshold?: number;
  /** IoU of boxes above which the worse mask of a crop goes, default 0.7. */
  readonly boxNmsThresh?: number;
  /** Layers of crops, default 0: only the picture. */
  readonly cropNLayers?: number;
  /** IoU of boxes above which, of masks of several crops, that of the larger crop goes; default 0.7. */
  readonly cropNmsThresh?: number;
  /** Default 512 / 1500. */
  readonly cropOverlapRatio?: number;
  /** Default 1. */
  readonly cropNPointsDownscaleFactor?: number;
  /** Holes and islands of fewer pixels go, default 0. (The authors' code of SAM 2 does so only with its CUDA extension.) */
  readonly minMaskRegionArea?: number;
  /** Asks again with each mask, default false. */
  readonly useM2m?: boolean;
  /** Three masks for each click, default true. */
  readonly multimaskOutput?: boolean;
  readonly signal?: AbortSignal;
  /** Of the batches of clicks in all crops. */
  readonly progress?: (done: number, total: number) => void;
}

export interface FoundMask {
  readonly rle: Rle;
  /** In pixels. */
  readonly area: number;
  /** As in the authors' code, one pixel less than the mask is wide and high. */
  readonly box: Corners;
  readonly predictedIou: number;
  readonly stability: number;
  /** The click. */
  readonly point: Point;
  readonly crop: Corners;
}

const DEFAULTS = {
  pointsPerSide: 32,
  pointsPerBatch: 64,
  predIouThresh: 0.8,
  stabilityScoreThresh: 0.95,
  stabilityScoreOffset: 1,
  maskThreshold: 0,
  boxNmsThresh: 0.7,
  cropNLayers: 0,
  cropNmsThresh: 0.7,
  cropOverlapRatio: 512 / 1500,
  cropNPointsDownscaleFactor: 1,
  minMaskRegionArea: 0,
  useM2m: false,
  multimaskOutput: true,
} as const;

type Settings = Required<Omit<EverythingOptions, "signal" | "progress">>;

/** @throws RangeError naming the option */
function checkSettings(settings: Settings): void {
  const least = { pointsPerSide: 1, pointsPerBatch: 1, cropNLayers: 0 } as const;
  for (const [name, low] of Object.entries(least)) {
    const value = settings[name as keyof typeof least];
    if (!Number.isInteger(value) || value < low)
      throw new RangeError(`${name}: expected a whole number from ${low}, got ${value}`);
  }
  for (const [name, value] of Object.entries(settings))
    if (Number.isNaN(value)) throw new RangeError(`${name}: expected a number, got NaN`);
  const { cropNPointsDownscaleFactor: downscale, cropOverlapRatio: overlap } = settings;
  if (downscale < 1)
    throw new RangeError(`cropNPointsDownscaleFactor: expected at least 1, got ${downscale}`);
  if (overlap < 0 || overlap >= 1)
    throw new RangeError(`cropOverlapRatio: expected at least 0 and less than 1, got ${overlap}`);
}

/**
 * @returns masks, best first within a crop
 * @throws RangeError naming an option that is out of range
 */
export async function segmentEverything(
  predictor: Promptable,
  image: Image,
  options: EverythingOptions = {},
): Promise<FoundMask[]> {
  const { signal, progress, ...given } = options;
  const settings: Settings = { ...DEFAULTS, ...given };
  checkSettings(settings);
  const grids = pointGrids(settings.pointsPerSide, settings.cropNLayers, settings.cropNPointsDownscaleFactor);
  const crops = cropBoxes(image, settings.cropNLayers, settings.cropOverlapRatio);
  const batches = ({ layer }: CropBox) =>
    Math.ceil((grids[layer] as Point[]).length / settings.pointsPerBatch);
  const total = crops.reduce((sum, one) => sum + batches(one), 0);
  let done = 0;
  const found: FoundMask[] = [];
  for (const one of crops) {
    const masks = await inCrop(predictor, image, one, grids[one.layer] as Point[], settings, () => {
      signal?.throwIfAborted();
      progress?.(++done, total);
    });
    found.push(...masks);
  }
  const area = ([left, top, right, bottom]: Corners) => (right - left) * (bottom - top);
  // Masks of smaller crops are better.
  const kept =
    crops.length === 1
      ? found
      : pick(
          found,
          found.map((mask) => Math.fround(1 / area(mask.crop))),
          settings.cropNmsThresh,
        );
  if (settings.minMaskRegionArea === 0) return kept;
  const threshold = Math.max(settings.boxNmsThresh, settings.cropNmsThresh);
  return withoutSmallRegions(kept, settings.minMaskRegionArea, threshold);
}

/** Those that stay, by their boxes. */
function pick(masks: readonly FoundMask[], scores: readonly number[], threshold: number): FoundMask[] {
  const boxes = masks.map(({ box }) => box);
  return suppress(boxes, scores, threshold).map((i) => masks[i] as FoundMask);
}

async function inCrop(
  predictor: Promptable,
  image: Image,
  { box }: CropBox,
  grid: readonly Point[],
  settings: Settings,
  afterBatch: () => void,
): Promise<FoundMask[]> {
  const [left, top, right, bottom] = box;
  const [width, height] = [right - left, bottom - top];
  const prompted = await predictor.image(crop(image, { left, top, width, height }));
  const points = grid.map(([x, y]): Point => [Math.fround(x * width), Math.fround(y * height)]);
  const found: FoundMask[] = [];
  for (let i = 0; i < points.length; i += settings.pointsPerBatch) {
    const answers = await ask(prompted, points.slice(i, i + settings.pointsPerBatch), settings);
    for (const answer of answers) {
      const mask = filtered(answer, settings);
      if (!mask) continue;
      const corners = maskBox(mask.mask);
      if (touchesCrop(corners, box, [0, 0, image.width, image.height])) continue;
      const rle = encodeRle(placed(mask.mask, box, image));
      found.push({
        rle,
        area: rleArea(rle),
        box: corners.map((value, k) => value + (box[k % 2] as number)) as unknown as Corners,
        predictedIou: mask.iou,
        stability: mask.stability,
        point: [Math.fround(answer.point[0] + left), Math.fround(answer.point[1] + top)],
        crop: box,
      });
    }
    afterBatch();
  }
  return pick(
    found,
    found.map(({ predictedIou }) => predictedIou),
    settings.boxNmsThresh,
  );
}

interface Answer {
  readonly point: Point;
  readonly prediction: Prediction;
  /** Of the mask. */
  readonly index: number;
}

/** Every mask for every click; with `useM2m`, each asked again. */
async function ask(prompted: PromptedImage, points: readonly Point[], settings: Settings): Promise<Answer[]> {
  const predictions = await prompted.predictEach(points, { multimask: settings.multimaskOutput });
  const answers = predictions.flatMap((prediction, i) =>
    prediction.iou.map((_, index): Answer => ({ point: points[i] as Point, prediction, index })),
  );
  if (!settings.useM2m) return answers;
  const refined: Answer[] = [];
  for (let i = 0; i < answers.length; i += settings.pointsPerBatch) {
    const batch = answers.slice(i, i + settings.pointsPerBatch);
    const masks = batch.map(({ prediction: { lowRes }, index }) => planeAt(lowRes, index));
    const again = await prompted.predictEach(
      batch.map(({ point }) => point),
      { masks },
    );
    refined.push(...again.map((prediction, k) => ({ ...(batch[k] as Answer), prediction, index: 0 })));
  }
  return refined;
}

function planeAt({ data, width, height }: Planes, index: number): Planes {
  const size = width * height;
  return new Planes(1, height, width, data.slice(index * size, (index + 1) * size));
}

/** A mask with its figures, unless its quality is too low. Thresholds are compared in single precision. */
function filtered(
  { prediction: { logits, iou }, index }: Answer,
  settings: Settings,
): { mask: Mask; iou: number; stability: number } | undefined {
  const { predIouThresh, stabilityScoreThresh, stabilityScoreOffset, maskThreshold } = settings;
  const score = Math.fround(iou[index] as number);
  if (predIouThresh > 0 && !(score > Math.fround(predIouThresh))) return undefined;
  const stability = stabilityScore(logits, index, maskThreshold, stabilityScoreOffset);
  // An empty mask has the stability NaN.
  if (stabilityScoreThresh > 0 && !(stability >= Math.fround(stabilityScoreThresh))) return undefined;
  return { mask: maskOf(logits, index, maskThreshold), iou: score, stability };
}

/** A mask of a crop in the whole picture. */
export function placed(mask: Mask, [left, top]: Corners, { width, height }: Size): Mask {
  if (mask.width === width && mask.height === height) return mask;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < mask.height; y++)
    data.set(mask.data.subarray(y * mask.width, (y + 1) * mask.width), (top + y) * width + left);
  return { width, height, data };
}

/**
 * Fills small holes and removes small islands, then suppresses duplicates again: of two, the mask that changed goes.
 *
 * @param area in pixels @param threshold IoU of boxes
 */
export function withoutSmallRegions(
  masks: readonly FoundMask[],
  area: number,
  threshold: number,
): FoundMask[] {
  const mended = masks.map((mask): FoundMask => {
    const before = decodeRle(mask.rle);
    const after = withoutSmall(withoutSmall(before, area, "holes"), area, "islands");
    if (after === before) return mask;
    const rle = encodeRle(after);
    return { ...mask, rle, area: rleArea(rle), box: maskBox(after) };
  });
  return pick(
    mended,
    mended.map((mask, i) => (mask === masks[i] ? 1 : 0)),
    threshold,
  );
}
