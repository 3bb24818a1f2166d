/** Following objects through videos at work, on Node and in browsers. */
import { type AnswerContext, KitError, type Opened, type OpenOptions, type Saved } from "@tessera-ml/kit";
import { duration, type Terminal } from "@tessera-ml/kit/terminal";
import type { Clip } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import { defaultCheckpoint } from "./opener.ts";
import { saveTracked, trackedAsJson } from "./outputs/tracked.ts";
import { Sam2Predictor } from "./predict/sam2-predictor.ts";
import type { SegmentRecord } from "./records.ts";
import { Segmenter } from "./segmenter.ts";
import { type TrackedSummary, TrackedVideo, type TrackOptions } from "./tracked-video.ts";

export { defaultCheckpoint };

/** A network of SAM 2 that follows objects. */
export class VideoSegmenter implements Opened<Clip, TrackOptions, TrackedVideo> {
  readonly record: SegmentRecord;
  readonly module: Module;
  readonly #segmenter: Segmenter;
  readonly #predictor: Sam2Predictor;

  /** @throws KitError `bad-option` if the network has no memory */
  constructor(segmenter: Segmenter) {
    const { record, module, predictor } = segmenter;
    if (!(predictor instanceof Sam2Predictor))
      throw new KitError("bad-option", `${record.name}: expected SAM 2; SAM has no memory of other frames`, {
        field: "model",
      });
    this.record = record;
    this.module = module;
    this.#segmenter = segmenter;
    this.#predictor = predictor;
  }

  /** The objects are followed as the frames of an answer are read. */
  video(clip: Clip, options: TrackOptions, context?: AnswerContext): TrackedVideo {
    return new TrackedVideo({ model: this.record.name, predictor: this.#predictor }, clip, options, context);
  }

  async answer(
    clips: readonly Clip[],
    options: TrackOptions,
    context?: AnswerContext,
  ): Promise<TrackedVideo[]> {
    return clips.map((clip) => this.video(clip, options, context));
  }

  release(): void {
    this.#segmenter.release();
  }
}

/** @param name default: the best checkpoint on this machine */
export async function open(name: string | undefined, options: OpenOptions): Promise<VideoSegmenter> {
  return new VideoSegmenter(await Segmenter.load(name ?? (await defaultCheckpoint()), options));
}

export async function toJson(video: TrackedVideo): Promise<object> {
  return await trackedAsJson(video);
}

export async function save(video: TrackedVideo, path: string): Promise<Saved> {
  await saveTracked(video, path);
  const summary = await video.summary();
  return { text: figuresOf(summary), json: summary };
}

/** `40 frames, dog on 38` */
function figuresOf({ frames, objects }: TrackedSummary): string {
  const count = `${frames} ${frames === 1 ? "frame" : "frames"}`;
  return [count, ...objects.map(({ name, seen }) => `${name} on ${seen}`)].join(", ");
}

export async function show(
  name: string,
  answers: readonly TrackedVideo[],
  { paint }: Terminal,
): Promise<string> {
  const lines: string[] = [];
  for (const video of answers) {
    const summary = await video.summary();
    const { width, height, objects, milliseconds } = summary;
    const time = `${duration(milliseconds / 1000)} a frame`;
    lines.push(`  ${figuresOf(summary)}  ${paint("dim", `${width} × ${height}, ${video.model}, ${time}`)}`);
    for (const object of objects)
      lines.push(`    ${object.name}  ${(100 * object.share).toFixed(1)} % of the picture where it is seen`);
  }
  return [paint("bold", name), ...lines].join("\n");
}
