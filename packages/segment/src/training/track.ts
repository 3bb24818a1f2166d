/**
 * A clip as training sees it (Ravi et al. 2024, appendix D.2): prompts on some frames, clicks that correct what is wrong
 * with the answer, and memories of those frames for all others. Everything is differentiable, memories too.
 */
import { concat, fromArray, stack, type Tensor } from "@tessera-ml/tensor";
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

/** The next click for each object. */
export interface ClickRequest {
  readonly frame: number;
  readonly truth: Tensor;
  /** Logits of the last answer, [B, 1, side, side]. */
  readonly prediction: Tensor;
}

export interface TrackedFrame {
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
): Generator<ClickRequest, TrackedFrame[], Points> {
  const kept = new Map<number, Kept>();
  const conditioning: number[] = [];
  const tracked: TrackedFrame[] = [];
  const order = [...frames.keys()].sort((a, b) => rank(frames[a]) - rank(frames[b]) || a - b);
  for (const t of order) {
    const { features, truth, prompt, corrections = 0 } = frames[t] as ClipFrame;
    const { map, finer } = features;
    const answers: TrackedFrame["answers"][number][] = [];
    const note = (segmented: Segmented, points: Points | undefined, masks = model.restore(segmented.masks)) =>
      void answers.push({ masks, iou: segmented.iou, objectScore: segmented.objectScore, points });
    let last: Segmented;
    let fine: Tensor; // [B, 1, side, side]
    if (prompt === "mask") {
      last = model.segmentMask(map, finer, truth, padding(truth.shape[0] as number, 2));
      fine = truth.mul(2 * CERTAIN).sub(CERTAIN);
      note({ ...last, iou: last.iou.mul(0).add(1) }, undefined, fine);
    } else {
      const seen =
        kept.size === 0 || prompt
          ? model.withoutMemory(map)
          : model.attend(map, bankOf(t, frames.length, conditioning, kept));
      let points = prompt;
      last = segment(model, seen, finer, points, undefined, truth.shape[0] as number);
      note(last, points);
      fine = model.restore(last.best);
      for (let i = 0; i < corrections; i++) {
        points = joinPoints(points, yield { frame: t, truth, prediction: fine });
        last = segment(model, seen, finer, points, last.best, truth.shape[0] as number);
        note(last, points);
        fine = model.restore(last.best);
      }
    }
    tracked[t] = { answers };
    if (frames.length === 1) break;
    if (prompt || corrections > 0) conditioning.push(t);
    const memory = model.remember(map, fine, last.objectScore, prompt !== undefined || corrections > 0);
    kept.set(t, { memory, pointer: last.pointer });
  }
  return tracked;
}

/** Runs a clip whose clicks are made at once, such as those that are drawn in the graph. */
export function trackWith(
  model: Sam2,
  frames: readonly ClipFrame[],
  click: (request: ClickRequest) => Points,
): TrackedFrame[] {
  const run = trackClip(model, frames);
  let step = run.next();
  while (!step.done) step = run.next(click(step.value));
  return step.value;
}

const rank = (frame: ClipFrame | undefined) => (frame?.prompt ? 0 : 1);

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
