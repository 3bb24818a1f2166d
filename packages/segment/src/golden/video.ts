/** Cases `sam2…/video-…`: scripts of prompts and tracking, frame by frame. */
import { type Check, type Json, sharedFile, together } from "@tessera-ml/kit/golden";
import { type Image, Planes, readImage } from "@tessera-ml/media";
import { type Checked, number, numbers, record, uniformByName } from "@tessera-ml/nn/golden";
import { SegmentError } from "../error.ts";
import type { Mask } from "../mask.ts";
import type { Box, Point } from "../predict/prompt.ts";
import { Sam2Predictor } from "../predict/sam2-predictor.ts";
import type { FrameSource } from "../track/frames.ts";
import type { FrameMasks, ObjectId } from "../track/result.ts";
import type { VideoOptions, VideoSession } from "../track/session.ts";
import type { FrameState } from "../track/states.ts";
import type { TrackerRun } from "../track/tracker.ts";
import { checkNumbers, checkProbe, checkTensor, same, TOLERANCE } from "./case.ts";
import { filledSam2 } from "./sam2-models.ts";

/** The README's tolerances for videos, in standard deviations. */
const VIDEO = {
  lowRes: 3e-4,
  attention: 2e-3,
  /** A step of bfloat16, next to the largest values. */
  memory: 0.03,
} as const;

export const check: Check = async ({ name, golden, path }) => {
  const model = filledSam2(golden.model, golden.rules, name);
  const frames = await readFrames(record(golden.frames, `${name}.frames`), model.image, name, path);
  const predictor = new Sam2Predictor(model);
  const runs = new Map<string, TrackerRun>();
  const session = await predictor.video(frames, {
    ...readOverrides(record(golden.model, name), name),
    cachedFrames: frames.count,
    observe: (run) => runs.set(keyOf(run.frame, run.object), run),
  });
  const checks: Checked[] = [];
  try {
    for (const [i, json] of (golden.steps as unknown[]).entries()) {
      const where = `steps[${i}]`;
      const step = record(json, where);
      const results = (step.results as unknown[]).map((result) => record(result, `${where}.results`));
      const failure = results.find(({ error }) => error !== undefined);
      if (failure) {
        checks.push(await checkFailure(where, session, step, path));
        continue;
      }
      const wanted = results.filter(({ frame }) => frame !== undefined);
      let seen = 0;
      for await (const found of take(session, step, where, path)) {
        const result = wanted[seen];
        if (result)
          checks.push(...(await checkFrame(`${where}.results[${seen}]`, { found, result, session, runs })));
        seen++;
      }
      checks.push(same(`${where}: number of results`, seen, wanted.length));
      const left = results.find(({ frame }) => frame === undefined);
      if (left) checks.push(same(`${where}.objects`, session.objects, left.objects));
    }
    return { ...together(checks), note: `${checks.length} checks` };
  } finally {
    predictor.release();
  }
};

const keyOf = (frame: number, object: ObjectId) => `${frame} ${object}`;

/** Pictures from files, or the network's inputs by formula. */
async function readFrames(json: Json, side: number, where: string, path: string): Promise<FrameSource> {
  const size = { width: number(json, "width", where), height: number(json, "height", where) };
  if (json.folder !== undefined) {
    const indices = numbers(json.indices, `${where}.indices`);
    const images = await Promise.all(
      indices.map(async (index) =>
        readImage(await sharedFile(`${json.folder}/${String(index).padStart(5, "0")}.jpg`, path), {
          orient: false,
        }),
      ),
    );
    return { count: images.length, size, frame: (i) => images[i] as Image };
  }
  const count = number(json, "count", where);
  const length = 3 * side * side;
  const all = uniformByName(String(json.formula), count * length);
  const frame = (i: number) => new Planes(3, side, side, all.slice(i * length, (i + 1) * length));
  return { count, size, frame };
}

/** Settings of the authors' builder as ours. */
function readOverrides({ overrides }: Json, where: string): VideoOptions {
  let options: { -readonly [K in keyof VideoOptions]: VideoOptions[K] } = { compatibility: "reference" };
  for (const override of (overrides ?? []) as unknown[]) {
    const [, key, value] = /^\+{0,2}model\.(\w+)=(.*)$/.exec(String(override)) ?? [];
    if (key === "non_overlap_masks") options.nonOverlapping = value === "true";
    else if (key === "max_cond_frames_in_attn") {
      const limit = Number(value);
      if (limit >= 0) options.conditioningLimit = limit;
    } else if (key === "add_all_frames_to_correct_as_cond")
      options = { ...options, compatibility: value === "true" ? undefined : "reference" };
    else if (key === "_target_" && value?.includes("video_predictor_legacy"))
      options.compatibility = "legacy";
    else throw new Error(`${where}.model.overrides: no such setting: ${String(override)}`);
  }
  return options;
}

/** Takes a step of a script. */
async function* take(
  session: VideoSession,
  step: Json,
  where: string,
  path: string,
): AsyncGenerator<FrameMasks, void, undefined> {
  const object = step.object as ObjectId;
  const frame = Number(step.frame);
  switch (step.do) {
    case "points":
      yield await session.addPoints(
        object,
        frame,
        (step.points ?? []) as readonly Point[],
        (step.labels ?? []) as readonly (0 | 1)[],
        { box: step.box as Box | undefined, append: step.clearOldPoints === false },
      );
      return;
    case "mask":
      yield await session.addMask(object, frame, await readMask(record(step.mask, where), where, path));
      return;
    case "clear":
      yield await session.clear(object, frame);
      return;
    case "remove":
      yield* await session.remove(object);
      return;
    case "reset":
      await session.reset();
      return;
    case "propagate":
      yield* session.propagate({
        start: step.start as number | undefined,
        max: step.max as number | undefined,
        reverse: step.reverse === true,
      });
      return;
    default:
      throw new Error(`${where}.do: no such step: ${String(step.do)}`);
  }
}

/** A mask from a file, or a rectangle [x0, y0, x1, y1], half-open; empty without one. */
export async function readMask(json: Json, where: string, path: string): Promise<Mask> {
  if (json.file !== undefined) {
    const { width, height, channels, data } = await readImage(await sharedFile(String(json.file), path));
    const mask = new Uint8Array(width * height);
    for (let i = 0; i < data.length; i++) if (data[i]! > 0) mask[Math.floor(i / channels)] = 1;
    return { width, height, data: mask };
  }
  const [width, height] = [number(json, "width", where), number(json, "height", where)];
  const mask = new Uint8Array(width * height);
  if (json.rectangle !== undefined) {
    const [x0, y0, x1, y1] = numbers(json.rectangle, `${where}.rectangle`) as [
      number,
      number,
      number,
      number,
    ];
    for (let y = y0; y < y1; y++) mask.fill(1, y * width + x0, y * width + x1);
  }
  return { width, height, data: mask };
}

async function checkFailure(
  where: string,
  session: VideoSession,
  step: Json,
  path: string,
): Promise<Checked> {
  try {
    for await (const _ of take(session, step, where, path)) break;
    return same(where, "no error", "an error");
  } catch (error) {
    if (!(error instanceof SegmentError)) throw error;
    return same(where, "an error", "an error");
  }
}

interface Compared {
  readonly found: FrameMasks;
  readonly result: Json;
  readonly session: VideoSession;
  readonly runs: ReadonlyMap<string, TrackerRun>;
}

async function checkFrame(where: string, { found, result, session, runs }: Compared): Promise<Checked[]> {
  const { frame, objects } = found;
  const { width, height } = session;
  const video = new Float32Array(objects.length * width * height);
  objects.forEach(({ logits }, i) => {
    video.set(logits.data, i * width * height);
  });
  const areas = objects.map(({ logits }) => logits.data.reduce((sum, logit) => sum + (logit > 0 ? 1 : 0), 0));
  const ids = objects.map(({ object }) => object);
  const counted = checkNumbers(`${where}.area`, areas, result.area, TOLERANCE.area);
  const checks: Checked[] = [
    same(`${where}.frame`, frame, result.frame),
    same(`${where}.objects`, ids, result.objects),
    { deviation: 0, problems: counted.problems },
    checkProbe(`${where}.video`, video, [objects.length, 1, height, width], result.video, TOLERANCE.logits),
  ];
  for (const [key, json] of Object.entries(record(result.states ?? {}, where))) {
    const object = ids.find((id) => String(id) === key);
    const what = `${where}.states.${key}`;
    if (object === undefined) checks.push(same(what, "absent", "an object"));
    else
      checks.push(
        ...(await checkState(what, {
          state: session.state(object, frame),
          run: runs.get(keyOf(frame, object)),
          wanted: record(json, what),
        })),
      );
  }
  return checks;
}

async function checkState(
  what: string,
  {
    state: known,
    run,
    wanted,
  }: { state: ReturnType<VideoSession["state"]>; run: TrackerRun | undefined; wanted: Json },
): Promise<Checked[]> {
  if (!known) return [same(what, "absent", "a state")];
  const { state, conditioning } = known;
  const { lowRes, score, pointer, memory } = state;
  const checks = [
    same(`${what}.conditioning`, conditioning, wanted.conditioning),
    checkMask(`${what}.lowRes`, lowRes, wanted.lowRes),
    checkScores(`${what}.objectScore`, [score], wanted.objectScore),
    await checkTensor(`${what}.pointer`, pointer, wanted.pointer, VIDEO.lowRes),
    same(`${what}.memory`, memory !== undefined, wanted.memory !== undefined),
  ];
  if (memory && wanted.memory !== undefined)
    checks.push(await checkMemory(`${what}.memory`, memory, wanted.memory));
  if (!run) return checks;
  const { bank, attended } = run;
  if (wanted.iou !== undefined) checks.push(checkScores(`${what}.iou`, run.iou, wanted.iou));
  if (wanted.decoderScore !== undefined)
    checks.push(checkScores(`${what}.decoderScore`, [run.decoderScore], wanted.decoderScore));
  if (wanted.attention === undefined || !bank || !attended) {
    checks.push(same(`${what}.attention`, bank !== undefined, wanted.attention !== undefined));
    return checks;
  }
  const cells = (memory ?? attended).shape.slice(2).reduce((a, b) => a * b, 1);
  const parts = 4 * bank.pointers.length;
  const tokens = attended.flatten(2).permute([2, 0, 1]); // [cells, 1, D]
  checks.push(
    await checkTensor(`${what}.attention`, tokens, wanted.attention, VIDEO.attention),
    same(`${what}.pointerTokens`, parts, wanted.pointerTokens),
    same(`${what}.memoryTokens`, bank.memories.length * cells + parts, wanted.memoryTokens),
  );
  return checks;
}

function checkMask(what: string, mask: Planes | undefined, json: unknown): Checked {
  if (!mask) return same(what, "absent", "a mask");
  return checkProbe(what, mask.data, [1, ...mask.shape], json, VIDEO.lowRes);
}

/** Scores are compared absolutely. */
function checkScores(what: string, got: readonly number[], json: unknown): Checked {
  const { problems } = checkNumbers(what, got, (json as unknown[]).flat(), TOLERANCE.score);
  return { deviation: 0, problems };
}

/** All entries within a step of bfloat16, and 95 % of them equal. */
async function checkMemory(what: string, memory: FrameState["pointer"], json: unknown): Promise<Checked> {
  const values = (await memory.data()) as Float32Array;
  const probe = checkProbe(what, values, memory.shape, json, VIDEO.memory);
  const { step, values: wanted } = record(json, what) as { step: number; values: number[] };
  const off = wanted.filter(
    (value, i) => Math.abs((values[i * step] as number) - value) > 1e-4 * Math.abs(value),
  );
  const far = wanted.filter(
    (value, i) => Math.abs((values[i * step] as number) - value) > 2 ** -6.5 * Math.abs(value) + 1e-6,
  );
  const fits = far.length === 0 && off.length <= Math.max(1, 0.05 * wanted.length);
  return {
    deviation: 0,
    problems: [
      ...probe.problems,
      ...(fits
        ? []
        : [
            `${what}: ${off.length} of ${wanted.length} entries differ, ${far.length} of them by more than a step`,
          ]),
    ],
  };
}
