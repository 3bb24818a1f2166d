/**
 * What is known of every object of a video, frame by frame, and how it changes: prompts, memories, tracking (Ravi et al. 2024,
 * section 4 and appendix C). The rules are those of the authors' predictor; they differ in what becomes of corrections.
 */
import { Planes, stack } from "@tessera-ml/media";
import { evaluate, fromArray, type Tensor } from "@tessera-ml/tensor";
import { SegmentError } from "../error.ts";
import { type Bank, memoryBank, POINTERS, RECENT } from "../models/sam2/memory-bank.ts";
import { type ImageFeatures, NO_OBJECT } from "../models/sam2/sam2.ts";
import type { LabelledPoint } from "../predict/batch.ts";
import { clampLogits } from "../predict/sam2-prompt.ts";
import type { FoundObject, ObjectId } from "./result.ts";
import type { Remembered, SegmentedBatch, TrackingSteps } from "./steps.ts";

/**
 * What becomes of prompts on a frame that was tracked before:
 *
 * - `conditioning`: the frame is remembered like any other with a prompt (the default; the authors' training setting)
 * - `lost`: tracking the frame again forgets them (the authors' predictor since December 2024)
 * - `kept`: the frame keeps its answer, and counts as one without a prompt (the authors' predictor before)
 */
export type Corrections = "conditioning" | "lost" | "kept";

export interface TrackerOptions {
  /** Frames of the video; infinite where its end is not known. */
  readonly frames: number;
  readonly corrections: Corrections;
  /** The most conditioning frames that a frame attends to. */
  readonly limit?: number | undefined;
  /** Whether four cells of a memory count as one. */
  readonly pooled: boolean;
  readonly observe?: ((run: TrackerRun) => void) | undefined;
}

/** A run of the decoder, for inspection. */
export interface TrackerRun {
  readonly frame: number;
  readonly object: ObjectId;
  /** What the frame attended to; absent for first prompts. */
  readonly bank: Bank | undefined;
  /** The map after it attended, [1, D, rows, columns]. */
  readonly attended: Tensor | undefined;
  /** Estimated IoU of each guess. */
  readonly iou: readonly number[];
  /** The decoder's own score of whether the object is in the picture. */
  readonly decoderScore: number;
}

/** An object on a frame. */
export interface FrameState {
  /** [1, side/4, side/4]; absent where it is forgotten. */
  readonly lowRes?: Planes | undefined;
  readonly score: number;
  readonly iou: number;
  /** [1, D] */
  readonly pointer: Tensor;
  /** [1, E, rows, columns]; absent until a prompt is settled. */
  readonly memory?: Tensor | undefined;
}

/** What was said about an object on a frame, in pixels of the network's input. */
export type Given =
  | { readonly kind: "points"; readonly points: readonly LabelledPoint[] }
  /** 0 or 1, [1, side, side] */
  | { readonly kind: "mask"; readonly mask: Planes };

interface Pending {
  readonly state: FrameState;
  readonly conditioning: boolean;
}

/** An object, by frame. */
export class ObjectStates {
  readonly prompts = new Map<number, Given>();
  /** Answers to prompts that tracking has yet to take up. */
  readonly pending = new Map<number, Pending>();
  readonly conditioning = new Map<number, FrameState>();
  readonly tracked = new Map<number, FrameState>();
  /** Frames that were tracked, and whether backwards. */
  readonly visited = new Map<number, boolean>();
  /** Corrected frames that keep their answer. */
  readonly kept = new Set<number>();
}

export interface RememberedFrames {
  /** Frames with a prompt. */
  readonly conditioning: readonly number[];
  /** Other frames whose masks are remembered. */
  readonly memories: readonly number[];
  /** Frames of which there is a pointer to the object. */
  readonly pointers: readonly number[];
}

export type FeaturesOf = (frame: number) => Promise<ImageFeatures>;

export class Tracker {
  readonly objects = new Map<ObjectId, ObjectStates>();
  readonly steps: TrackingSteps;
  readonly options: TrackerOptions;

  constructor(steps: TrackingSteps, options: TrackerOptions) {
    this.steps = steps;
    this.options = options;
  }

  /** @throws SegmentError `unknown-object` */
  find(id: ObjectId): ObjectStates {
    const object = this.objects.get(id);
    if (object) return object;
    const known = [...this.objects.keys()].join(", ") || "none yet";
    throw new SegmentError("unknown-object", `object: expected one of those named (${known}), got ${id}`);
  }

  /** Answers a prompt on a frame. @returns whether its frame is to be a conditioning one */
  async prompt(frame: number, features: ImageFeatures, id: ObjectId, given: Given): Promise<boolean> {
    const object = this.objects.get(id) ?? new ObjectStates();
    const reverse = object.visited.get(frame);
    // Without any conditioning frame left there is nothing to attend to.
    const initial = reverse === undefined || object.conditioning.size === 0;
    const conditioning = initial || this.options.corrections === "conditioning";
    const bank = initial || given.kind === "mask" ? undefined : this.#bank(object, frame, reverse);
    const attended =
      bank && this.steps.attend(features.map, [this.#remembered(object, bank)], this.options.pooled);
    const previous = this.#stateOf(object, frame, conditioning)?.state;
    const batch =
      given.kind === "mask"
        ? this.steps.segmentMask(features, given.mask)
        : this.steps.segment(
            { ...features, map: attended ?? features.map },
            [{ points: given.points, mask: previous?.lowRes && clampLogits(previous.lowRes) }],
            given.points.length <= 1,
            initial,
          );
    const [read] = await readBatch(batch);
    const { state, run } = read as ReadObject;
    const certain = given.kind === "mask" ? { ...state, iou: 1 } : state;
    object.prompts.set(frame, given);
    object.pending.set(frame, { state: certain, conditioning });
    this.objects.set(id, object);
    this.options.observe?.({ frame, object: id, bank, attended, ...run });
    return conditioning;
  }

  /** @throws SegmentError `no-prompt` unless there are objects, and frames of all of them to start from */
  requirePrompts(): void {
    if (this.objects.size === 0)
      throw new SegmentError("no-prompt", "expected a prompt before tracking, got none");
    for (const [id, { conditioning, pending }] of this.objects)
      if (conditioning.size === 0 && ![...pending.values()].some((answer) => answer.conditioning))
        throw new SegmentError("no-prompt", `object ${id}: expected a prompt before tracking, got none`);
  }

  /** Takes up pending prompts: remembers their answers. */
  async settle(featuresOf: FeaturesOf): Promise<void> {
    const waiting = [...this.objects.values()].flatMap((object) =>
      // Conditioning frames last, in whose favour the others leave.
      [...object.pending]
        .sort(([, a], [, b]) => Number(a.conditioning) - Number(b.conditioning))
        .map(([frame, answer]) => ({ object, frame, ...answer })),
    );
    const memories = new Map<FrameState, Tensor>();
    for (const [frame, answers] of Map.groupBy(waiting, (answer) => answer.frame)) {
      const { map } = await featuresOf(frame);
      const states = answers.map(({ state }) => state);
      const [masks, scores] = [
        joinMasks(states.map(({ lowRes }) => lowRes as Planes)),
        columnOf(states.map(({ score }) => score)),
      ];
      const made = this.steps.remember(map, masks, scores, true);
      for (const [i, state] of states.entries()) memories.set(state, made[i] as Tensor);
    }
    await evaluate(...memories.values());
    for (const { object, frame, state, conditioning } of waiting) {
      const remembered = { ...state, memory: memories.get(state) as Tensor };
      (conditioning ? object.conditioning : object.tracked).set(frame, remembered);
      if (!conditioning && this.options.corrections === "kept") object.kept.add(frame);
      object.pending.delete(frame);
    }
    for (const { conditioning, tracked, kept } of this.objects.values())
      for (const frame of conditioning.keys()) {
        tracked.delete(frame);
        kept.delete(frame);
      }
  }

  /** Looks for all objects that have no prompt on a frame, in one batch. */
  async track(frame: number, featuresOf: FeaturesOf, reverse: boolean): Promise<void> {
    const followed = [...this.objects].filter(([, { conditioning }]) => conditioning.size > 0);
    const sought = followed.filter(
      ([, { conditioning, kept }]) => !conditioning.has(frame) && !kept.has(frame),
    );
    if (sought.length > 0) {
      const features = await featuresOf(frame);
      const banks = sought.map(([, object]) => this.#bank(object, frame, reverse));
      const remembered = sought.map(([, object], i) => this.#remembered(object, banks[i] as Bank));
      const map = this.steps.attend(features.map, remembered, this.options.pooled);
      const none = sought.map(() => ({ points: [] }));
      const batch = this.steps.segment({ ...features, map }, none, true, false);
      const memories = this.steps.remember(features.map, batch.best, batch.objectScore, false);
      const read = await readBatch(batch);
      await evaluate(...memories);
      sought.forEach(([id, object], i) => {
        const { state, run } = read[i] as ReadObject;
        object.tracked.set(frame, { ...state, memory: memories[i] as Tensor });
        const attended = this.options.observe && map.narrow(0, i, 1);
        this.options.observe?.({ frame, object: id, bank: banks[i], attended, ...run });
      });
    }
    for (const [, { visited }] of followed) visited.set(frame, reverse);
  }

  /** Takes prompts back. The answer stays until the frame is tracked again. */
  clear(frame: number, id: ObjectId): void {
    const object = this.find(id);
    object.prompts.delete(frame);
    object.pending.delete(frame);
    object.kept.delete(frame);
    const state = object.conditioning.get(frame);
    if (!state) return;
    object.conditioning.delete(frame);
    object.tracked.set(frame, state);
    object.visited.delete(frame);
  }

  /**
   * Forgets what neither the newest frame nor a later one attends to. Of conditioning frames at most `most` are kept: the
   * first and the newest.
   */
  forget(newest: number, most: number): void {
    for (const { conditioning, tracked, prompts, visited, kept } of this.objects.values()) {
      const frames = [...conditioning.keys()].sort((a, b) => a - b);
      const first = most > 1 ? 1 : 0;
      for (const frame of frames.slice(first, Math.max(first, frames.length - most + first)))
        conditioning.delete(frame);
      for (const [frame, state] of conditioning)
        if (frame !== newest && state.lowRes) conditioning.set(frame, { ...state, lowRes: undefined });
      for (const [frame, { pointer, score, iou, memory }] of tracked)
        if (newest - frame >= POINTERS) tracked.delete(frame);
        else if (memory && newest - frame > RECENT) tracked.set(frame, { pointer, score, iou });
      for (const byFrame of [prompts, visited, kept])
        for (const frame of byFrame.keys()) if (frame !== newest) byFrame.delete(frame);
    }
  }

  /** Frames of which something is remembered, in order. @throws SegmentError `unknown-object` */
  remembered(id: ObjectId): RememberedFrames {
    const { conditioning, tracked } = this.find(id);
    const frames = (of: Iterable<number>) => [...of].sort((a, b) => a - b);
    const withMemory = [...tracked].filter(([, { memory }]) => memory).map(([frame]) => frame);
    return {
      conditioning: frames(conditioning.keys()),
      memories: frames(withMemory),
      pointers: frames([...conditioning.keys(), ...tracked.keys()]),
    };
  }

  /** Whether any object has an answer on a frame that is to be a conditioning one. */
  conditions(frame: number): boolean {
    return [...this.objects.values()].some(({ pending }) => pending.get(frame)?.conditioning === true);
  }

  /** What is known on a frame. @param pending whether pending answers count: those for conditioning, or the others */
  found(frame: number, pending?: boolean): FoundObject[] {
    return [...this.objects].map(([id, object]): FoundObject => {
      const known = this.#stateOf(object, frame, pending);
      if (!known) return { object: id, lowRes: undefined, score: NO_OBJECT, iou: 0, conditioning: false };
      const { state, conditioning } = known;
      return { object: id, lowRes: state.lowRes, score: state.score, iou: state.iou, conditioning };
    });
  }

  /** What is known of an object on a frame. @throws SegmentError `unknown-object` */
  state(id: ObjectId, frame: number): Pending | undefined {
    const object = this.find(id);
    return object.pending.get(frame) ?? this.#stateOf(object, frame);
  }

  #stateOf(object: ObjectStates, frame: number, pending?: boolean): Pending | undefined {
    const answer = object.pending.get(frame);
    if (answer && answer.conditioning === pending) return answer;
    const conditioning = object.conditioning.get(frame);
    if (conditioning) return { state: conditioning, conditioning: true };
    const tracked = object.tracked.get(frame);
    return tracked && { state: tracked, conditioning: false };
  }

  #bank({ conditioning, tracked }: ObjectStates, frame: number, reverse = false): Bank {
    return memoryBank({
      frame,
      conditioning: conditioning.keys(),
      tracked: (t) => tracked.has(t),
      frames: this.options.frames,
      reverse,
      limit: this.options.limit,
    });
  }

  #remembered({ conditioning, tracked }: ObjectStates, { memories, pointers }: Bank): Remembered {
    const at = (frame: number) => (conditioning.get(frame) ?? tracked.get(frame)) as FrameState;
    return {
      memories: memories.map(({ frame }) => at(frame).memory as Tensor),
      codes: memories.map(({ code }) => code),
      pointers: pointers.map(({ frame }) => at(frame).pointer),
      times: pointers.map(({ time }) => time),
    };
  }
}

interface ReadObject {
  readonly state: FrameState;
  readonly run: Pick<TrackerRun, "iou" | "decoderScore">;
}

async function readBatch(batch: SegmentedBatch): Promise<ReadObject[]> {
  const { best, iou, objectScore, decoderScore, pointers } = batch;
  const [masks, ious, scores, own] = (await Promise.all(
    [best, iou, objectScore, decoderScore].map((tensor) => tensor.data()),
  )) as [Float32Array, Float32Array, Float32Array, Float32Array];
  await evaluate(...pointers);
  const [, , height, width] = best.shape as [number, number, number, number];
  const guesses = iou.shape[1] as number;
  return pointers.map((pointer, i) => {
    const all = [...ious.subarray(i * guesses, (i + 1) * guesses)];
    return {
      state: {
        lowRes: new Planes(1, height, width, masks.slice(i * height * width, (i + 1) * height * width)),
        score: scores[i] as number,
        iou: Math.max(...all),
        pointer,
      },
      run: { iou: all, decoderScore: own[i] as number },
    };
  });
}

/** [B, 1, side/4, side/4] */
function joinMasks(masks: readonly Planes[]): Tensor {
  const { data, shape } = stack(masks);
  return fromArray(data as Float32Array<ArrayBuffer>, [...shape]);
}

/** [B, 1] */
function columnOf(values: readonly number[]): Tensor {
  return fromArray(Float32Array.from(values), [values.length, 1]);
}
