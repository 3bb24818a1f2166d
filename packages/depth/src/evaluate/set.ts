/** A network against a set of images with measured depth. */
import { type EvaluationProgress, measureAll, messageOf } from "@tessera-ml/kit";
import type { Image, Planes } from "@tessera-ml/media";
import type { Protocol } from "../data/layouts/set.ts";
import type { RgbdFrame } from "../data/rgbd.ts";
import type { DepthMetrics } from "../metrics.ts";
import { evaluateFrame, type FrameEvaluation, type FrameOptions, UnusableFrame } from "./frame.ts";
import { type Mean, meanWithInterval } from "./mean.ts";

/**
 * The map of an RGB image, [1, h, w]: disparity in any unit (larger is nearer), or with `kind: "metric"` metres. Maps
 * smaller than the image are enlarged bilinearly.
 */
export type Predict = (image: Image) => Planes | Promise<Planes>;

/** Frames to evaluate on: what `openRgbd` and `openDepthSets` return. */
export interface FrameSet {
  readonly folder: string;
  readonly pairs: readonly { readonly name: string }[];
  /** Which pixels count; options given to {@link evaluateSet} come first. */
  readonly protocol?: Protocol | undefined;
  /** Throws for a broken pair. */
  read(index: number): Promise<RgbdFrame>;
}

export interface EvaluateSetOptions extends FrameOptions {
  /** Only so many images, evenly spread; default all. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: EvaluationProgress) => void) | undefined;
  /** Receives every evaluated image with its maps, which are not kept. */
  readonly inspect?: ((frame: RgbdFrame, evaluation: FrameEvaluation) => void) | undefined;
}

/** Metrics of one image. */
export interface ImageMetrics {
  readonly name: string;
  readonly metrics: DepthMetrics;
  /** How many pixels count. */
  readonly valid: number;
}

export interface SetEvaluation {
  readonly images: readonly ImageMetrics[];
  /** Over the images, with 95 % intervals. */
  readonly means: Readonly<Record<keyof DepthMetrics, Mean>>;
  /** Pairs that could not be read or compared, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly seconds: number;
  /** In the network alone. */
  readonly networkSeconds: number;
}

/**
 * Evaluates a network, given as a function, on a set: AbsRel, δ1 to δ3, RMSE, … of each image after alignment, and their
 * means. Broken pairs are skipped and listed.
 *
 * @example
 * const set = await openRgbd("data/hololens-office");
 * const { images, means } = await evaluateSet((image) => network.disparity(image), set, { cap: 10 });
 * means.absRel.mean; // and means.absRel.interval
 * @throws NothingEvaluated if no pair of the set can be evaluated; whatever `predict` throws
 */
export async function evaluateSet(
  predict: Predict,
  set: FrameSet,
  options: EvaluateSetOptions = {},
): Promise<SetEvaluation> {
  const { limit, signal, progress, inspect } = options;
  const rules = { ...set.protocol, ...definedOf(options) };
  const images: ImageMetrics[] = [];
  const skipped: { name: string; reason: string }[] = [];
  const skip = (name: string, error: unknown) => {
    skipped.push({ name, reason: messageOf(error) });
  };
  const { seconds, networkSeconds } = await measureAll<RgbdFrame | Unread, Predicted | Unread>(
    {
      total: set.pairs.length,
      prepare: (index) => set.read(index).catch((error: unknown) => new Unread(error)),
      ask: (inputs) =>
        Promise.all(
          inputs.map(async (input) => {
            if (input instanceof Unread) return input;
            return { frame: input, map: await predict(input.image) };
          }),
        ),
      record: (output, index) => {
        const { name } = set.pairs[index]!;
        if (output instanceof Unread) return skip(name, output.error);
        try {
          const found = evaluateFrame(output.map, output.frame, rules);
          images.push({ name, metrics: found.metrics, valid: found.valid });
          inspect?.(output.frame, found);
        } catch (error) {
          if (!(error instanceof UnusableFrame)) throw error;
          skip(name, error);
        }
      },
      metrics: () => ({ absRel: meanOf(images, "absRel").mean, delta1: meanOf(images, "delta1").mean }),
    },
    { batchSize: 1, limit, signal, progress },
  );
  if (images.length === 0) throw new NothingEvaluated(set.folder, set.pairs.length, skipped);
  return { images, means: meansOf(images), skipped, seconds, networkSeconds };
}

interface Predicted {
  readonly frame: RgbdFrame;
  readonly map: Planes;
}

/** No pair of a set, or image, can be evaluated. The message names the folder and the first reason. */
export class NothingEvaluated extends Error {
  override readonly name = "NothingEvaluated";

  constructor(folder: string, count: number, skipped: readonly { readonly reason: string }[]) {
    const first = skipped[0];
    super(
      `${folder}: none of ${count} images can be evaluated${first ? `; the first: ${first.reason}` : ""}`,
    );
  }
}

/** A pair that could not be read. */
class Unread {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

const NAMES: readonly (keyof DepthMetrics)[] = [
  "absRel",
  "sqRel",
  "rmse",
  "rmseLog",
  "log10",
  "silog",
  "delta1",
  "delta2",
  "delta3",
];

function meanOf(images: readonly ImageMetrics[], name: keyof DepthMetrics): Mean {
  return meanWithInterval(images.map(({ metrics }) => metrics[name]));
}

/** The mean of every metric over images, of one set or several. */
export function meansOf(images: readonly ImageMetrics[]): Record<keyof DepthMetrics, Mean> {
  return Object.fromEntries(NAMES.map((name) => [name, meanOf(images, name)])) as Record<
    keyof DepthMetrics,
    Mean
  >;
}

/** Without the options that are undefined, which must not hide a set's own. */
function definedOf({ kind, align, min, cap, crop }: FrameOptions): FrameOptions {
  const given = Object.entries({ kind, align, min, cap, crop }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}
