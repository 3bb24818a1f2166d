/**
 * What is known of every object of a video, frame by frame, and how it changes: prompts, memories, tracking (Ravi et al. 2024,
 * section 4 and appendix C). The rules are those of the authors' predictor; they differ in what becomes of corrections.
 */
import { Planes, stack } from "@tessera-ml/media";
import { evaluate, fromArray, type Tensor } from "@tessera-ml/tensor";
import { SegmentError } from "../error.ts";
import type { Bank } from "../models/sam2/memory-bank.ts";
import { type ImageFeatures, NO_OBJECT } from "../models/sam2/sam2.ts";
import { clampLogits } from "../predict/sam2-prompt.ts";
import type { FoundObject, ObjectId } from "./result.ts";
import { type FrameState, type Given, ObjectStates } from "./states.ts";
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

/** How much attention goes where, of 1 in all: the mean of cells, and of layers. */
export interface MemoryUse {
  /** Of each cell of a memory, [1, rows, columns]. */
  readonly memories: readonly { readonly frame: number; readonly cells: Planes }[];
  readonly pointers: readonly { readonly frame: number; readonly share: number }[];
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
  async prompt(frame: number, id: ObjectId, given: Given, featuresOf: FeaturesOf): Promise<boolean> {
    const object = this.objects.get(id) ?? new ObjectStates();
    const reverse = object.visited.get(frame);
    // Without any conditioning frame left there is nothing to attend to.
    const initial = reverse === undefined || object.conditioning.size === 0;
    const conditioning = initial || this.options.corrections === "conditioning";
    const bank = initial || given.kind === "mask" ? undefined : this.#bank(object, frame, reverse);
    const remembered = bank && (await this.#recall([[object, bank]], featuresOf));
    const features = await featuresOf(frame);
    const attended = remembered && this.steps.attend(features.map, remembered, this.options.pooled);
    const refine = given.kind === "points" && given.refine;
    const previous = refine ? object.at(frame, conditioning)?.state.lowRes : undefined;
    const batch =
      given.kind === "mask"
        ? this.steps.segmentMask(features, given.mask)
        : this.steps.segment(
            { ...features, map: attended ?? features.map },
            [{ points: given.points, mask: previous && clampLogits(previous) }],
            given.points.length <= 1,
            initial,
          );
    const [read] = await readBatch(batch, true);
    const { state, run } = read as ReadObject;
    const certain = given.kind === "mask" ? { ...state, iou: 1 } : state;
    object.prompts.set(frame, given.kind === "points" ? given.points : []);
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
      const states = answers.map(({ state }) => state);
      const made = await this.#remember(frame, states, featuresOf);
      for (const [i, state] of states.entries()) memories.set(state, made[i] as Tensor);
    }
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
      const banks = sought.map(([, object]) => this.#bank(object, frame, reverse));
      const asked = sought.map(([, object], i) => [object, banks[i] as Bank] as const);
      const remembered = await this.#recall(asked, featuresOf);
      const features = await featuresOf(frame);
      const map = this.steps.attend(features.map, remembered, this.options.pooled);
      const none = sought.map(() => ({ points: [] }));
      const batch = this.steps.segment({ ...features, map }, none, true, false);
      const memories = this.steps.remember(features.map, batch.best, batch.objectScore, false);
      const read = await readBatch(batch, false);
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

  /** What a frame attends to; absent if it attends to nothing, as it has a prompt. @throws SegmentError `unknown-object` */
  async attention(frame: number, id: ObjectId, featuresOf: FeaturesOf): Promise<MemoryUse | undefined> {
    const object = this.find(id);
    if (object.conditioning.size === 0 || object.conditioning.has(frame)) return undefined;
    const bank = this.#bank(object, frame, object.visited.get(frame));
    const [remembered] = (await this.#recall([[object, bank]], featuresOf)) as [Remembered];
    const { map } = await featuresOf(frame);
    const { cells, pointers } = await this.steps.attention(map, remembered);
    return {
      memories: bank.memories.map(({ frame }, i) => ({ frame, cells: cells[i] as Planes })),
      pointers: bank.pointers.map(({ frame }, i) => ({ frame, share: pointers[i] as number })),
    };
  }

  /** Whether any object has an answer on a frame that is to be a conditioning one. */
  conditions(frame: number): boolean {
    return [...this.objects.values()].some(({ pending }) => pending.get(frame)?.conditioning === true);
  }

  /** What is known on a frame. @param pending whether pending answers count: those for conditioning, or the others */
  found(frame: number, pending?: boolean): FoundObject[] {
    return [...this.objects].map(([id, object]): FoundObject => {
      const known = object.at(frame, pending);
      if (!known) return { object: id, lowRes: undefined, score: NO_OBJECT, iou: 0, conditioning: false };
      const { state, conditioning } = known;
      return { object: id, lowRes: state.lowRes, score: state.score, iou: state.iou, conditioning };
    });
  }

  #bank(object: ObjectStates, frame: number, reverse = false): Bank {
    return object.bank({ frame, reverse, frames: this.options.frames, limit: this.options.limit });
  }

  /** What is remembered of objects. Memories that were put away are made again. */
  async #recall(
    asked: readonly (readonly [ObjectStates, Bank])[],
    featuresOf: FeaturesOf,
  ): Promise<Remembered[]> {
    for (const [object, { memories }] of asked)
      for (const { frame } of memories) {
        const state = object.settled(frame) as FrameState;
        if (state.memory) continue;
        const [memory] = await this.#remember(frame, [state], featuresOf);
        object.replace(frame, { ...state, memory });
      }
    return asked.map(([object, { memories, pointers }]) => {
      const at = (frame: number) => object.settled(frame) as FrameState;
      return {
        memories: memories.map(({ frame }) => at(frame).memory as Tensor),
        codes: memories.map(({ code }) => code),
        pointers: pointers.map(({ frame }) => at(frame).pointer),
        times: pointers.map(({ time }) => time),
      };
    });
  }

  /** The memories of objects on a frame that are all prompted there, or none. */
  async #remember(frame: number, states: readonly FrameState[], featuresOf: FeaturesOf): Promise<Tensor[]> {
    const { map } = await featuresOf(frame);
    const masks = stack(states.map(({ lowRes }) => lowRes as Planes));
    const scores = Float32Array.from(states, ({ score }) => score);
    const memories = this.steps.remember(
      map,
      fromArray(masks.data as Float32Array<ArrayBuffer>, [...masks.shape]),
      fromArray(scores, [states.length, 1]),
      (states[0] as FrameState).prompted,
    );
    await evaluate(...memories);
    return memories;
  }
}

interface ReadObject {
  readonly state: FrameState;
  readonly run: Pick<TrackerRun, "iou" | "decoderScore">;
}

async function readBatch(batch: SegmentedBatch, prompted: boolean): Promise<ReadObject[]> {
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
        prompted,
      },
      run: { iou: all, decoderScore: own[i] as number },
    };
  });
}
