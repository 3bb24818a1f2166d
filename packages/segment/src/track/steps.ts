/** The parts of SAM 2 that tracking runs, each compiled once for a shape of its arguments. Objects are a batch. */
import { Planes } from "@tessera-ml/media";
import {
  type Compiled,
  compile,
  concat,
  evaluate,
  fromArray,
  observeAttention,
  stack,
  type Tensor,
} from "@tessera-ml/tensor";
import type { Prompt } from "../models/prompt-encoder.ts";
import { POINTERS, RECENT } from "../models/sam2/memory-bank.ts";
import type { ImageFeatures, Memories, Sam2, Segmented } from "../models/sam2/sam2.ts";
import { type LabelledPoint, pointsOf } from "../predict/batch.ts";
import { roundBfloat16 } from "../predict/bfloat16.ts";
import { preprocessFrame } from "../predict/sam2-image.ts";
import { NO_POINT } from "../predict/sam2-prompt.ts";
import type { Frame } from "./frames.ts";

/** One conditioning frame and six before are usual. */
const FEW_MEMORIES = [RECENT + 1, 8, 9, 10, 12, 16, 24, 32, 48, 64];
/** On large maps attending to what stands for nothing takes longer than making a graph. */
const MEMORIES = [1, 2, 4, ...FEW_MEMORIES];
const MANY_CELLS = 1024;
const POINTER_COUNTS = [POINTERS, 20, 24, 32, 48, 64];

/** What an object's map attends to: memories [1, E, rows, columns] and pointers [1, D], with their codes and times. */
export interface Remembered {
  readonly memories: readonly Tensor[];
  readonly codes: readonly number[];
  readonly pointers: readonly Tensor[];
  readonly times: readonly number[];
}

/** A prompt on a frame, in pixels of the network's input. */
export interface FramePrompt {
  readonly points: readonly LabelledPoint[];
  /** Logits of an earlier answer, [1, side/4, side/4]. */
  readonly mask?: Planes | undefined;
}

export interface SegmentedBatch extends Pick<Segmented, "best" | "iou" | "objectScore" | "decoderScore"> {
  /** Of each object, [1, D]. */
  readonly pointers: readonly Tensor[];
}

interface AttendArguments {
  readonly features: readonly (readonly Tensor[])[];
  readonly codes: Tensor;
  readonly pointers: readonly (readonly Tensor[])[];
  readonly times: Tensor;
  readonly padding: Tensor | undefined;
}

export class TrackingSteps {
  readonly model: Sam2;
  readonly #encode: Compiled<[Tensor], ImageFeatures>;
  readonly #attend: Compiled<[map: Tensor, given: AttendArguments, pooled: boolean], Tensor>;
  readonly #attention: Compiled<[map: Tensor, given: AttendArguments], Tensor>;
  readonly #segment: Compiled<
    [features: ImageFeatures, prompt: Prompt, multimask: boolean, initial: boolean],
    SegmentedBatch
  >;
  readonly #segmentMask: Compiled<[features: ImageFeatures, mask: Tensor], SegmentedBatch>;
  readonly #remember: Compiled<[map: Tensor, masks: Tensor, scores: Tensor, prompted: boolean], Tensor[]>;

  constructor(model: Sam2) {
    this.model = model.eval();
    const frozen = (name: string) => ({ freeze: true, name });
    this.#encode = compile((x: Tensor) => model.encode(x), frozen("frame encoder"));
    this.#attend = compile(
      (map: Tensor, given: AttendArguments, pooled: boolean) =>
        model.attend(map, memoriesOf(given), { pooled }),
      frozen("memory attention"),
    );
    this.#attention = compile((map: Tensor, given: AttendArguments) => {
      const weights: Tensor[] = [];
      observeAttention(
        (each) => weights.push(each),
        () => model.attend(map, memoriesOf(given)),
      );
      // Of each layer, [1, 1, cells, N]: the first is of the map itself, the second of what is remembered.
      const seen = weights.filter((_, i) => i % 2 === 1).map((each) => each.mean(2).flatten());
      return stack(seen).mean(0); // [N]
    }, frozen("weights of memory attention"));
    this.#segment = compile(
      ({ map, finer }: ImageFeatures, prompt: Prompt, multimask: boolean, initial: boolean) =>
        batchOf(model.segment(initial ? model.withoutMemory(map) : map, finer, prompt, multimask)),
      frozen("mask decoder"),
    );
    this.#segmentMask = compile(
      ({ map, finer }: ImageFeatures, mask: Tensor) =>
        batchOf(model.segmentMask(map, finer, mask, pointsOf([[NO_POINT, NO_POINT]]))),
      frozen("mask decoder for masks"),
    );
    this.#remember = compile(
      (map: Tensor, masks: Tensor, scores: Tensor, prompted: boolean) =>
        rows(roundBfloat16(model.remember(map, masks, scores, prompted))),
      frozen("memory encoder"),
    );
  }

  /** The features of a frame, before any memory. */
  async encode(frame: Frame): Promise<ImageFeatures> {
    const { data, shape } = frame instanceof Planes ? frame : preprocessFrame(frame, this.model.image);
    const features = this.#encode(fromArray(data as Float32Array<ArrayBuffer>, [1, ...shape]));
    await evaluate(features.map, ...features.finer);
    return features;
  }

  /**
   * The map of a frame after it attended to what is remembered of each object: [1, D, …] → [B, D, …]. Lists are filled up
   * to a few lengths, so that a growing memory has few graphs.
   *
   * @param pooled whether four cells of a memory count as one
   */
  attend(map: Tensor, objects: readonly Remembered[], pooled: boolean): Tensor {
    const longest = (of: (object: Remembered) => readonly unknown[]) =>
      Math.max(...objects.map((object) => of(object).length));
    const cells = (map.shape[2] as number) * (map.shape[3] as number);
    const memories = roundUp(
      longest((object) => object.memories),
      cells > MANY_CELLS ? MEMORIES : FEW_MEMORIES,
    );
    const pointers = roundUp(
      longest((object) => object.pointers),
      POINTER_COUNTS,
    );
    return this.#attend(map, this.#filled(map, objects, memories, pointers), pooled);
  }

  /** How much attention of a frame goes to each cell of each memory, and to each pointer: 1 in all. */
  async attention(map: Tensor, object: Remembered): Promise<{ cells: Planes[]; pointers: number[] }> {
    const [memories, pointers] = [object.memories.length, Math.max(1, object.pointers.length)];
    const weights = this.#attention(map, this.#filled(map, [object], memories, pointers));
    const data = (await weights.data()) as Float32Array;
    const [, , rows, columns] = map.shape as [number, number, number, number];
    const size = rows * columns;
    const parts = (data.length - memories * size) / pointers;
    const partsAt = (i: number) =>
      data.subarray(memories * size + i * parts, memories * size + (i + 1) * parts);
    return {
      cells: object.memories.map(
        (_, i) => new Planes(1, rows, columns, data.slice(i * size, (i + 1) * size)),
      ),
      pointers: object.pointers.map((_, i) => partsAt(i).reduce((sum, weight) => sum + weight, 0)),
    };
  }

  /** What is remembered of objects, filled up to these lengths. */
  #filled(map: Tensor, objects: readonly Remembered[], memories: number, pointers: number): AttendArguments {
    const [, dim, rows, columns] = map.shape as [number, number, number, number];
    const nothing = zeros([1, this.model.memory, rows, columns]);
    const nowhere = zeros([1, dim]);
    const marks = objects.flatMap((object) => [
      ...marked(object.memories.length, memories),
      ...marked(object.pointers.length, pointers),
    ]);
    const table = (of: (object: Remembered) => readonly number[], length: number) =>
      objects.flatMap((object) => padded(of(object), length, 0));
    const codes = Int32Array.from(table((object) => object.codes, memories));
    const times = Float32Array.from(table((object) => object.times, pointers));
    return {
      features: objects.map((object) => padded(object.memories, memories, nothing)),
      codes: fromArray(codes, [objects.length, memories]),
      pointers: objects.map((object) => padded(object.pointers, pointers, nowhere)),
      times: fromArray(times, [objects.length, pointers]),
      padding: marks.includes(1)
        ? fromArray(Float32Array.from(marks), [objects.length, memories + pointers])
        : undefined,
    };
  }

  /**
   * The objects that as many prompts mean, which have equally many points.
   *
   * @param initial whether the map has yet to be marked as one without memories
   */
  segment(
    features: ImageFeatures,
    prompts: readonly FramePrompt[],
    multimask: boolean,
    initial: boolean,
  ): SegmentedBatch {
    const masks = prompts.flatMap(({ mask }) =>
      mask ? [fromArray(mask.data as Float32Array<ArrayBuffer>, [1, ...mask.shape])] : [],
    );
    const prompt = {
      // An empty list is one point of padding, which is padded like any other.
      points: pointsOf(prompts.map(({ points }) => [...(points.length > 0 ? points : [NO_POINT]), NO_POINT])),
      mask: masks.length > 0 ? concat(masks) : undefined,
    };
    return this.#segment(features, prompt, multimask, initial);
  }

  /** A mask as the object. @param mask 0 or 1, [1, side, side] */
  segmentMask(features: ImageFeatures, { data, shape }: Planes): SegmentedBatch {
    return this.#segmentMask(features, fromArray(data as Float32Array<ArrayBuffer>, [1, ...shape]));
  }

  /**
   * The memories of objects on a frame, each [1, E, rows, columns].
   *
   * @param map before any memory @param masks logits, [B, 1, side/4, side/4] @param scores [B, 1]
   */
  remember(map: Tensor, masks: Tensor, scores: Tensor, prompted: boolean): Tensor[] {
    return this.#remember(map, masks, scores, prompted);
  }

  /** Frees the sessions; the next call makes others. */
  release(): void {
    for (const step of [
      this.#encode,
      this.#attend,
      this.#attention,
      this.#segment,
      this.#segmentMask,
      this.#remember,
    ])
      step.release();
  }
}

function memoriesOf({ features, codes, pointers, times, padding }: AttendArguments): Memories {
  const joined = (lists: AttendArguments["features"]) =>
    concat(lists.map((each) => concat([...each]).unsqueeze(0)));
  return {
    features: joined(features), // [B, K, E, rows, columns]
    codes,
    pointers: { values: joined(pointers), times }, // [B, P, D]
    padding,
  };
}

function zeros(shape: readonly number[]): Tensor {
  return fromArray(new Float32Array(shape.reduce((a, b) => a * b, 1)), [...shape]);
}

/** The first of these lengths that is enough. */
function roundUp(length: number, lengths: readonly number[]): number {
  return lengths.find((each) => each >= length) ?? length;
}

/** 1 for what a list is filled up with. */
function marked(count: number, length: number): number[] {
  return Array.from({ length }, (_, i) => (i < count ? 0 : 1));
}

function padded<T>(list: readonly T[], length: number, filler: T): T[] {
  return Array.from({ length }, (_, i) => list[i] ?? filler);
}

function rows(batch: Tensor): Tensor[] {
  return batch.split(1, 0);
}

function batchOf({ best, iou, objectScore, decoderScore, pointer }: Segmented): SegmentedBatch {
  return { best, iou, objectScore, decoderScore, pointers: rows(pointer) };
}
