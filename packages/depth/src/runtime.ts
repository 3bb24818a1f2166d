/** Depth estimation at work, on Node and in browsers. */
import { dataUrl, type OpenOptions, type Operation, pngUrl, type Saved } from "@tessera-ml/kit";
import { duration, type Terminal } from "@tessera-ml/kit/terminal";
import { finiteRange, type ImageSource } from "@tessera-ml/media";
import { DepthEstimator } from "./estimator.ts";
import { defaultCheckpoint } from "./opener.ts";
import * as looks from "./operations.ts";
import { compactValues } from "./outputs/compact.ts";
import { colourPicture, deepPng, sideBySide, unitOf } from "./outputs/pictures.ts";
import { saveDepth } from "./outputs/save.ts";
import { mapOf } from "./outputs/values.ts";
import type { DepthOptions, DepthResult } from "./result.ts";
import { DepthVideo, type VideoSummary } from "./video/depth-video.ts";
import { encodeDepthVideo, saveDepthVideo } from "./video/save.ts";

export { defaultCheckpoint };

export async function open(name: string | undefined, options: OpenOptions): Promise<DepthEstimator> {
  return await DepthEstimator.load(name ?? (await defaultCheckpoint()), options);
}

type Look = Operation<ImageSource, DepthOptions, DepthResult>;

export const operations = looks as unknown as Readonly<Record<string, Look>>;

/** Writes a result; of a video, the figures are known afterwards. */
export async function save(answer: DepthResult | DepthVideo, path: string): Promise<Saved | undefined> {
  if (!(answer instanceof DepthVideo)) {
    await saveDepth(answer, path);
    return undefined;
  }
  await saveDepthVideo(answer, path);
  const summary = await answer.summary();
  return { text: figuresOf(summary), json: aboutVideo(summary) };
}

/** A picture or, if asked, the values; of videos, the depth as a video if asked. And what is to be known of them. */
export async function toJson(result: DepthResult | DepthVideo): Promise<object> {
  if (result instanceof DepthVideo) {
    const { playable } = result.options;
    const data = playable && (await encodeDepthVideo(result, playable));
    const { video, ...about } = aboutVideo(await result.summary());
    return { model: result.model, ...about, video: { ...video, ...(data !== undefined && { data }) } };
  }
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

function aboutVideo(summary: VideoSummary) {
  const { frames, seconds, frameRate, scenes, flicker, ...about } = summary;
  return { ...about, video: { frames, seconds, frameRate, scenes, flicker } };
}

/** `240 frames, 2 scenes, flicker 4.1 %, aligned 1.2 %` */
function figuresOf({ frames, scenes, flicker: { before, after } }: VideoSummary): string {
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const percent = (value: number) => `${value.toPrecision(2)} %`;
  const flicker =
    after === undefined
      ? "flicker unknown: nothing in the pictures stays the same"
      : before === undefined
        ? `flicker ${percent(after)}`
        : `flicker ${percent(before)}, aligned ${percent(after)}`;
  return [count(frames, "frame"), count(scenes, "scene"), flicker].join(", ");
}

/** Null if no value is finite. */
function rangeOf(result: DepthResult): { min: number | null; max: number | null } {
  const { data } = mapOf(result);
  if (!data.some(Number.isFinite)) return { min: null, max: null };
  const [min, max] = finiteRange(data);
  return { min, max };
}

/** One line per checkpoint under the input's name. */
export async function show(
  name: string,
  answers: readonly (DepthResult | DepthVideo)[],
  { paint }: Terminal,
): Promise<string> {
  const lines: string[] = [];
  let size = "";
  for (const answer of answers) {
    const summary = answer instanceof DepthVideo ? await answer.summary() : undefined;
    const about = summary ?? (answer as DepthResult);
    const values = summary
      ? `${valuesOf(summary.kind, summary)}, ${figuresOf(summary)}`
      : valuesOf(about.kind, rangeOf(answer as DepthResult)) + alignedBy(answer as DepthResult);
    const time = `${duration(about.milliseconds / 1000)}${summary ? " a frame" : ""}`;
    size = `  ${paint("dim", `${about.width} × ${about.height}`)}`;
    lines.push(`  ${values}  ${paint("dim", `${answer.model}, ${time}`)}`);
  }
  return [`${paint("bold", name)}${size}`, ...lines].join("\n");
}

type Range = ReturnType<typeof rangeOf>;

function valuesOf(kind: DepthResult["kind"], { min, max }: Range): string {
  if (min === null || max === null) return "no values";
  if (kind === "metric") return `${min.toFixed(2)} m to ${max.toFixed(2)} m`;
  return `disparity ${min.toPrecision(4)} to ${max.toPrecision(4)} (relative: no distances)`;
}

function alignedBy(result: DepthResult): string {
  const alignment = result.kind === "metric" ? result.alignment : undefined;
  if (!alignment) return "";
  const { points, expectedError } = alignment;
  const error =
    expectedError === undefined
      ? "two points cannot tell the error"
      : `expected error ${(100 * expectedError).toFixed(1)} %`;
  return `, aligned to ${points} known distances (${error})`;
}
