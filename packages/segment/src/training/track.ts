/**
 * A clip as training sees it (Ravi et al. 2024, appendix D.2): prompts on some frames, clicks that correct what is wrong
 * with the answer, and memories of those frames for all others. Everything is differentiable, memories too.
 */
import { avgPool2d, concat, fromArray, stack, type Tensor } from "@tessera-ml/tensor";
import type { Answer } from "../losses/index.ts";
import { LABEL, type Points } from "../models/prompt-encoder.ts";
import { memoryBank } from "../models/sam2/memory-bank.ts";
import {
  CERTAIN,
  type ImageFeatures,
  type Memories,
  type Sam2,
  type Segmented,
} from "../models/sam2/sam2.ts";
import { joinPoints } from "./clicks.ts";

/** A frame of a clip, of which B objects are asked. */
export interface ClipFrame {
  /** Of batch B, or of batch 1 if all objects are in the same picture. */
  readonly features: ImageFeatures;
  /** 0 or 1, [B, 1, side, side]. */
  readonly truth: Tensor;
  /** What is said about the objects before anything is answered: points, or their true masks. */
  readonly prompt?: Points | "mask";
  /** Clicks that correct the answer one after the other; none by default. */
  readonly corrections?: number;
}

/** The next click for each object, in pixels of these maps. */
export interface ClickRequest {
  readonly frame: number;
  /** 0 or 1, in the size of answers. */
  readonly truth: Tensor;
  /** Logits of the last answer, in the size of answers. */
  readonly prediction: Tensor;
}

export interface TrackOptions {
  /** Side of answers, a divisor of that of the input; default that of the input. A smaller one saves time. */
  readonly side?: number;
}

export interface TrackedFrame {
  /** 0 or 1, in the size of answers. */
  readonly truth: Tensor;
  readonly answers: readonly (Answer & {
    /** What the answer was asked with. */
    readonly points: Points | undefined;
  })[];
}

interface Kept {
  readonly memory: Tensor;
  readonly pointer: Tensor;
}

/**
 * The answers on every frame. Frames with a prompt come first; the others attend to them and to those before. Frames
 * that are corrected become conditioning frames too. Whoever runs it answers its requests for clicks.
 */
export function* trackClip(
  model: Sam2,
  frames: readonly ClipFrame[],
  { side = model.image }: TrackOptions = {},
): Generator<ClickRequest, TrackedFrame[], Points> {
  const step = model.image / side;
  if (!Number.isInteger(step))
    throw new RangeError(`trackClip: side: expected a divisor of ${model.image}, got ${side}`);
  const shrink = (mask: Tensor) =>
    step === 1 ? mask : avgPool2d(mask, step).greaterEqual(0.5).astype("float32");
  const kept = new Map<number, Kept>();
  const conditioning: number[] = [];
  const tracked: TrackedFrame[] = [];
  const order = [...frames.keys()].sort((a, b) => rank(frames[a]) - rank(frames[b]) || a - b);
  for (const t of order) {
    const { features, truth: whole, prompt, corrections = 0 } = frames[t] as ClipFrame;
    const truth = shrink(whole);
    const batch = whole.shape[0] as number;
    const { map, finer } = features;
    const answers: TrackedFrame["answers"][number][] = [];
    const note = ({ masks, iou, objectScore }: Segmented, points?: Points) =>
      void answers.push({ masks: model.restore(masks, side), iou, objectScore, points });
    let last: Segmented;
    let remembered: Tensor; // [B, 1, h, w]
    if (prompt === "mask") {
      last = model.segmentMask(map, finer, whole, padding(batch, 2));
      remembered = whole.mul(2 * CERTAIN).sub(CERTAIN);
      note({ ...last, masks: truth.mul(2 * CERTAIN).sub(CERTAIN), iou: last.iou.mul(0).add(1) });
    } else {
      const seen =
        kept.size === 0 || prompt
          ? model.withoutMemory(map)
          : model.attend(map, bankOf(t, frames.length, conditioning, kept));
      let points = prompt;
      last = segment(model, seen, finer, points, undefined, batch);
      note(last, points);
      for (let i = 0; i < corrections; i++) {
        const click = yield { frame: t, truth, prediction: model.restore(last.best, side) };
        points = joinPoints(points, enlarged(click, step));
        last = segment(model, seen, finer, points, last.best, batch);
        note(last, points);
      }
      remembered = last.best;
    }
    tracked[t] = { truth, answers };
    if (frames.length === 1) break;
    if (prompt || corrections > 0) conditioning.push(t);
    const prompted = prompt !== undefined || corrections > 0;
    const memory = model.remember(map, remembered, last.objectScore, prompted);
    kept.set(t, { memory, pointer: last.pointer });
  }
  return tracked;
}

/** Runs a clip whose clicks are made at once, such as those that are drawn in the graph. */
export function trackWith(
  model: Sam2,
  frames: readonly ClipFrame[],
  click: (request: ClickRequest) => Points,
  options: TrackOptions = {},
): TrackedFrame[] {
  const run = trackClip(model, frames, options);
  let step = run.next();
  while (!step.done) step = run.next(click(step.value));
  return step.value;
}

const rank = (frame: ClipFrame | undefined) => (frame?.prompt ? 0 : 1);

/** Clicks on a map whose pixels are larger by `step`, in pixels of the input. */
function enlarged({ coords, labels }: Points, step: number): Points {
  return step === 1 ? { coords, labels } : { coords: coords.add(0.5).mul(step).sub(0.5), labels };
}

/** Points that mean nothing, [B, N]. */
function padding(batch: number, count: number): Points {
  return {
    coords: fromArray(new Float32Array(2 * batch * count), [batch, count, 2]),
    labels: fromArray(new Int32Array(batch * count).fill(LABEL.padding), [batch, count]),
  };
}

/** Up to one point may mean several things. */
function segment(
  model: Sam2,
  map: Tensor,
  finer: ImageFeatures["finer"],
  points: Points | undefined,
  mask: Tensor | undefined,
  batch: number,
): Segmented {
  const asked = joinPoints(points ?? padding(batch, 1), padding(batch, 1));
  const count = points?.labels.shape[1] ?? 0;
  return model.segment(map, finer, { points: asked, mask }, count <= 1);
}

/** What frame t attends to. */
function bankOf(
  t: number,
  frames: number,
  conditioning: readonly number[],
  kept: ReadonlyMap<number, Kept>,
): Memories {
  const { memories, pointers } = memoryBank({
    frame: t,
    conditioning,
    tracked: (frame) => kept.has(frame) && !conditioning.includes(frame),
    frames,
    training: true,
  });
  const of = (frame: number) => kept.get(frame) as Kept;
  const features = stack(
    memories.map(({ frame }) => of(frame).memory),
    1,
  ); // [B, K, E, rows, columns]
  const batch = features.shape[0] as number;
  const repeated = <A extends Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(values: A) =>
    concat(Array.from({ length: batch }, () => fromArray(values, [1, values.length])));
  return {
    features,
    codes: repeated(Int32Array.from(memories, ({ code }) => code)),
    pointers: {
      values: stack(
        pointers.map(({ frame }) => of(frame).pointer),
        1,
      ), // [B, P, D]
      times: repeated(Float32Array.from(pointers, ({ time }) => time)),
    },
  };
}
