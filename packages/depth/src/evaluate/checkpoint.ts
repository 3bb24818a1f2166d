/** `tessera eval` for depth: evaluates a checkpoint on every data set in a folder. Node only. */
import { type EvaluateOptions, type Evaluation, type EvaluationProgress, KitError } from "@tessera-ml/kit";
import { type FoundSets, openDepthSets } from "../data/layouts/index.ts";
import type { DepthSet } from "../data/layouts/set.ts";
import { readUnits } from "../data/units.ts";
import type { DepthEstimator } from "../estimator.ts";
import type { DepthMetrics } from "../metrics.ts";
import { mapOf } from "../outputs/values.ts";
import type { DepthKind } from "../records.ts";
import type { EvaluationFields } from "../schemas.ts";
import type { AlignBy } from "./alignments.ts";
import { CAP } from "./frame.ts";
import type { Mean } from "./mean.ts";
import { evaluateOrder, type OrderEvaluation } from "./order.ts";
import { evaluationReport } from "./report.ts";
import { evaluateSet, meansOf, NothingEvaluated, type Predict, type SetEvaluation } from "./set.ts";
import { WorstCases } from "./worst.ts";

/** Results on one set. */
export interface SetResult extends Pick<SetEvaluation, "images" | "means" | "skipped"> {
  readonly name: string;
  readonly layout: string;
  /** In metres; absent where depth has no unit. */
  readonly cap?: number | undefined;
  readonly crop?: string | undefined;
}

/** An evaluation of depth. Metrics are means over the images of all sets. */
export interface DepthEvaluation extends Evaluation {
  readonly kind: DepthKind;
  readonly align: AlignBy;
  readonly sets: readonly SetResult[];
  /** Over the images of all sets. */
  readonly means: Readonly<Record<keyof DepthMetrics, Mean>>;
  /** DA-2K. */
  readonly orders: readonly (OrderEvaluation & { readonly name: string })[];
  /** Sets and images that were left out, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** In the network alone, preparing its inputs included. */
  readonly networkSeconds: number;
}

/** How many of the worst cases a report shows. */
const WORST = 8;

/**
 * Evaluates a checkpoint on every data set in a folder.
 *
 * @throws KitError `bad-option` without a folder, or if an option does not suit the checkpoint; Error if the folder has no
 *   known data set, or nothing in it can be evaluated
 */
export async function evaluateOn(
  estimator: DepthEstimator,
  { data, split, limit, signal, progress, details = {}, report = false }: EvaluateOptions,
): Promise<DepthEvaluation> {
  const fields = details as EvaluationFields;
  const { kind } = estimator.record.depth;
  const align = alignmentFor(estimator, fields.align);
  if (data === undefined)
    throw new KitError("bad-option", "say which folder of images with depth to use: --data FOLDER", {
      field: "data",
    });
  const found = await openDepthSets(data, { split, units: unitsFrom(fields) });
  const { size, preset, dtype, tiles, cap } = fields;
  const predict: Predict = async (image) =>
    mapOf(await estimator.estimate(image, { size, preset, dtype, tiles }));
  const advance = progressOver(found, limit, progress);
  const worst = new WorstCases(report ? WORST : 0);
  const skipped = found.refused.map(({ folder, reason }) => ({ name: folder, reason }));
  const started = performance.now();
  const sets: SetResult[] = [];
  let networkSeconds = 0;
  for (const given of found.sets) {
    const set = croppedBy(given, fields.crop);
    const evaluation = await skipNothing(skipped, set.name, () =>
      evaluateSet(predict, set, {
        ...{ kind, align, cap, limit, signal },
        progress: advance(set.pairs.length),
        inspect: (frame, evaluated) => worst.add(set.name, frame, evaluated),
      }),
    );
    if (!evaluation) continue;
    const { images, means } = evaluation;
    const { name, layout, protocol } = set;
    sets.push({
      ...{ name, layout, images, means, skipped: evaluation.skipped },
      // Without a unit, there is no error in metres.
      ...{ cap: means.rmse.count > 0 ? (cap ?? protocol.cap ?? CAP) : undefined, crop: protocol.crop },
    });
    skipped.push(...under(name, evaluation.skipped));
    networkSeconds += evaluation.networkSeconds;
  }
  const orders: (OrderEvaluation & { name: string })[] = [];
  for (const set of found.orders) {
    const evaluation = await skipNothing(skipped, set.name, () =>
      evaluateOrder(predict, set, { kind, limit, signal, progress: advance(set.images.length) }),
    );
    if (!evaluation) continue;
    orders.push({ name: set.name, ...evaluation });
    skipped.push(...under(set.name, evaluation.skipped));
    networkSeconds += evaluation.networkSeconds;
  }
  if (sets.length + orders.length === 0) throw new Error(skipped[0]!.reason);
  const means = meansOf(sets.flatMap(({ images }) => images));
  const evaluation: DepthEvaluation = {
    ...{ checkpoint: estimator.record.name, data, split, kind, align, sets, means, orders, skipped },
    count: [...sets.map(({ images }) => images.length), ...orders.map(({ count }) => count)].reduce(
      (a, b) => a + b,
    ),
    metrics: metricsOf(sets, means, orders),
    seconds: (performance.now() - started) / 1000,
    networkSeconds,
  };
  return report ? { ...evaluation, report: await evaluationReport(evaluation, worst.cases) } : evaluation;
}

/** @throws KitError `bad-option` */
function alignmentFor({ record }: DepthEstimator, given: AlignBy | undefined): AlignBy {
  const isMetric = record.depth.kind === "metric";
  if (given === undefined) return isMetric ? "none" : "least-squares";
  if (!isMetric && (given === "none" || given === "median"))
    throw new KitError(
      "bad-option",
      `--align ${given}: ${record.name} gives relative disparity, which has no distances before it is aligned by least-squares or robust`,
      { field: "align" },
    );
  return given;
}

/** @throws KitError `bad-option` */
function unitsFrom({ units }: EvaluationFields) {
  if (units === undefined) return undefined;
  try {
    return readUnits(units);
  } catch (error) {
    throw new KitError("bad-option", `--${(error as Error).message}`, { field: "units" });
  }
}

/** The set with another crop than its own. */
function croppedBy(set: DepthSet, crop: EvaluationFields["crop"]): DepthSet {
  if (crop === undefined) return set;
  return { ...set, protocol: { ...set.protocol, crop: crop === "none" ? undefined : crop } };
}

/** Progress over all sets. The function that is returned is called once for each set, in order. */
function progressOver(
  { sets, orders }: FoundSets,
  limit: number | undefined,
  progress: EvaluateOptions["progress"],
): (images: number) => EvaluateOptions["progress"] {
  const chosen = (count: number) => Math.min(count, limit ?? count);
  const counts = [...sets.map(({ pairs }) => pairs.length), ...orders.map(({ images }) => images.length)];
  const total = counts.map(chosen).reduce((a, b) => a + b, 0);
  let before = 0;
  return (images) => {
    const start = before;
    before += chosen(images);
    return (
      progress &&
      (({ done, metrics }: EvaluationProgress) => progress({ done: start + done, total, metrics }))
    );
  };
}

/** Notes a set in which nothing can be evaluated; other errors end the evaluation. */
async function skipNothing<T>(
  skipped: { name: string; reason: string }[],
  name: string,
  evaluate: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await evaluate();
  } catch (error) {
    if (!(error instanceof NothingEvaluated)) throw error;
    skipped.push({ name, reason: error.message });
    return undefined;
  }
}

function under(set: string, skipped: SetEvaluation["skipped"]) {
  return skipped.map(({ name, reason }) => ({ name: `${set}: ${name}`, reason }));
}

function metricsOf(
  sets: readonly SetResult[],
  means: Readonly<Record<keyof DepthMetrics, Mean>>,
  orders: readonly OrderEvaluation[],
): Record<string, number> {
  const ofDepth = Object.entries(means)
    .map(([name, { mean }]) => [name, mean] as const)
    .filter(([, mean]) => Number.isFinite(mean));
  const pairs = orders.reduce((sum, order) => sum + order.pairs, 0);
  const correct = orders.reduce((sum, order) => sum + order.correct, 0);
  return {
    ...(sets.length > 0 && Object.fromEntries(ofDepth)),
    ...(pairs > 0 && { accuracy: (100 * correct) / pairs }),
  };
}
