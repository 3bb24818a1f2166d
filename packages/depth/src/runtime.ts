/** Depth estimation at work, on Node and in browsers. */
import { dataUrl, type OpenOptions, type Operation, pngUrl } from "@tessera-ml/kit";
import { duration, type Terminal } from "@tessera-ml/kit/terminal";
import { finiteRange, type ImageSource } from "@tessera-ml/media";
import { DepthEstimator } from "./estimator.ts";
import { defaultCheckpoint } from "./opener.ts";
import * as looks from "./operations.ts";
import { compactValues } from "./outputs/compact.ts";
import { colourPicture, deepPng, sideBySide, unitOf } from "./outputs/pictures.ts";
import { mapOf } from "./outputs/values.ts";
import type { DepthOptions, DepthResult, MetricDepth } from "./result.ts";

export { saveDepth as save } from "./outputs/save.ts";
export { defaultCheckpoint };

export async function open(name: string | undefined, options: OpenOptions): Promise<DepthEstimator> {
  return await DepthEstimator.load(name ?? (await defaultCheckpoint()), options);
}

type Look = Operation<ImageSource, DepthOptions, DepthResult>;

export const operations = looks as unknown as Readonly<Record<string, Look>>;

/** A picture or, if asked, the values; and what is to be known of them. */
export async function toJson(result: DepthResult): Promise<object> {
  const { model, kind, width, height, milliseconds, camera } = result;
  const alignment = result.kind === "metric" ? result.alignment : undefined;
  const about = {
    ...{ model, kind, width, height, ...rangeOf(result), milliseconds, camera },
    ...(alignment && { alignment }),
  };
  if (result.values === undefined) return { ...about, ...(await pictureOf(result)) };
  return { ...about, values: await compactValues(result, result.values) };
}

async function pictureOf(result: DepthResult): Promise<{ png: string; unit?: number }> {
  const { style } = result;
  const isDeep = style === "16-bit";
  const unit = isDeep ? unitOf(result) : undefined;
  const png = isDeep
    ? dataUrl(await deepPng(result), "image/png")
    : await pngUrl(style === "side-by-side" ? sideBySide(result) : colourPicture(result));
  return { png, ...(unit !== undefined && { unit }) };
}

/** Null if no value is finite. */
function rangeOf(result: DepthResult): { min: number | null; max: number | null } {
  const { data } = mapOf(result);
  if (!data.some(Number.isFinite)) return { min: null, max: null };
  const [min, max] = finiteRange(data);
  return { min, max };
}

/** One line per checkpoint under the image's name. */
export function show(name: string, answers: readonly DepthResult[], { paint }: Terminal): string {
  const [first] = answers;
  if (!first) return name;
  const title = `${paint("bold", name)}  ${paint("dim", `${first.width} × ${first.height}`)}`;
  const lines = answers.map((answer) => {
    const { min, max } = rangeOf(answer);
    const says =
      min === null || max === null
        ? "no values"
        : answer.kind === "metric"
          ? `${min.toFixed(2)} m to ${max.toFixed(2)} m${alignedBy(answer)}`
          : `disparity ${min.toPrecision(4)} to ${max.toPrecision(4)} (relative: no distances)`;
    return `  ${says}  ${paint("dim", `${answer.model}, ${duration(answer.milliseconds / 1000)}`)}`;
  });
  return [title, ...lines].join("\n");
}

function alignedBy({ alignment }: MetricDepth): string {
  if (!alignment) return "";
  const { points, expectedError } = alignment;
  const error =
    expectedError === undefined
      ? "two points cannot tell the error"
      : `expected error ${(100 * expectedError).toFixed(1)} %`;
  return `, aligned to ${points} known distances (${error})`;
}
