/** What is known of an object of a video, frame by frame. */
import type { Planes } from "@tessera-ml/media";
import type { Tensor } from "@tessera-ml/tensor";
import { type Bank, type BankQuery, memoryBank, POINTERS, RECENT } from "../models/sam2/memory-bank.ts";
import type { LabelledPoint } from "../predict/batch.ts";

/** An object on a frame. */
export interface FrameState {
  /** [1, side/4, side/4]; absent where it is forgotten. */
  readonly lowRes?: Planes | undefined;
  readonly score: number;
  readonly iou: number;
  /** [1, D] */
  readonly pointer: Tensor;
  /** Whether it answers a prompt: its mask is then remembered as certain. */
  readonly prompted: boolean;
  /** [1, E, rows, columns]; absent until a prompt is taken up, and where it is put away. */
  readonly memory?: Tensor | undefined;
}

/** What was said about an object on a frame, in pixels of the network's input. */
export type Given =
  | {
      readonly kind: "points";
      readonly points: readonly LabelledPoint[];
      /** Whether the last answer on the frame is fed back. */
      readonly refine: boolean;
    }
  /** 0 or 1, [1, side, side] */
  | { readonly kind: "mask"; readonly mask: Planes };

export interface Known {
  readonly state: FrameState;
  readonly conditioning: boolean;
}

/** An object, by frame. */
export class ObjectStates {
  /** Points that were said; none for a mask. */
  readonly prompts = new Map<number, readonly LabelledPoint[]>();
  /** Answers to prompts that tracking has yet to take up. */
  readonly pending = new Map<number, Known>();
  readonly conditioning = new Map<number, FrameState>();
  readonly tracked = new Map<number, FrameState>();
  /** Frames that were tracked, and whether backwards. */
  readonly visited = new Map<number, boolean>();
  /** Corrected frames that keep their answer. */
  readonly kept = new Set<number>();

  /** What is known on a frame. @param pending which pending answers count: those for conditioning, the others, or none */
  at(frame: number, pending?: boolean): Known | undefined {
    const answer = this.pending.get(frame);
    if (answer && answer.conditioning === pending) return answer;
    const state = this.settled(frame);
    return state && { state, conditioning: this.conditioning.has(frame) };
  }

  /** What is known on a frame but for pending answers. */
  settled(frame: number): FrameState | undefined {
    return this.conditioning.get(frame) ?? this.tracked.get(frame);
  }

  /** Changes what is known on a frame. */
  replace(frame: number, state: FrameState): void {
    (this.conditioning.has(frame) ? this.conditioning : this.tracked).set(frame, state);
  }

  /** What a frame attends to. */
  bank(query: Omit<BankQuery, "conditioning" | "tracked">): Bank {
    return memoryBank({
      ...query,
      conditioning: this.conditioning.keys(),
      tracked: (t) => this.tracked.has(t),
    });
  }

  /** Takes a prompt back. The answer stays until the frame is tracked again. */
  clear(frame: number): void {
    this.prompts.delete(frame);
    this.pending.delete(frame);
    this.kept.delete(frame);
    const state = this.conditioning.get(frame);
    if (!state) return;
    this.conditioning.delete(frame);
    this.tracked.set(frame, state);
    this.visited.delete(frame);
  }

  /** Puts away memories that frames near `frame` do not need. They are made again from masks. */
  putAway(frame: number): void {
    for (const [t, state] of this.tracked)
      if (state.memory && Math.abs(t - frame) > NEAR) this.tracked.set(t, { ...state, memory: undefined });
  }

  /**
   * Forgets what neither the newest frame nor a later one attends to. Of conditioning frames at most `most` are kept: the
   * first and the newest.
   */
  forget(newest: number, most: number): void {
    const { conditioning, tracked, prompts, visited, kept } = this;
    const frames = inOrder(conditioning.keys());
    const first = most > 1 ? 1 : 0;
    for (const frame of frames.slice(first, Math.max(first, frames.length - most + first)))
      conditioning.delete(frame);
    for (const [frame, state] of conditioning)
      if (frame !== newest && state.lowRes) conditioning.set(frame, { ...state, lowRes: undefined });
    for (const [frame, state] of tracked)
      if (newest - frame >= POINTERS) tracked.delete(frame);
      else if (state.memory && newest - frame > RECENT)
        tracked.set(frame, { ...state, lowRes: undefined, memory: undefined });
    for (const byFrame of [prompts, visited, kept])
      for (const frame of byFrame.keys()) if (frame !== newest) byFrame.delete(frame);
  }

  /** Frames of which something is remembered, in order. */
  remembered(): RememberedFrames {
    const { conditioning, tracked } = this;
    const withMemory = [...tracked].filter(([, { memory }]) => memory).map(([frame]) => frame);
    return {
      conditioning: inOrder(conditioning.keys()),
      memories: inOrder(withMemory),
      pointers: inOrder([...conditioning.keys(), ...tracked.keys()]),
    };
  }
}

/** Memories within this many frames stay: more than a frame attends to, in either direction. */
const NEAR = 16;

function inOrder(frames: Iterable<number>): number[] {
  return [...frames].sort((a, b) => a - b);
}

export interface RememberedFrames {
  /** Frames with a prompt. */
  readonly conditioning: readonly number[];
  /** Other frames whose masks are remembered. */
  readonly memories: readonly number[];
  /** Frames of which there is a pointer to the object. */
  readonly pointers: readonly number[];
}
