/** What is asked about a picture, and what is answered. */
import type { Image, Planes } from "@tessera-ml/media";
import type { EverythingOptions } from "./everything/generate.ts";
import { type Corners, type Mask, maskArea, maskBox } from "./mask.ts";
import type { ObjectPrompt, PromptWords } from "./prompts.ts";

export const STYLES = ["overlay", "mask", "cutout", "palette"] as const;
/**
 * What pictures of a result show:
 * - `overlay`: the photograph with the objects in colours
 * - `mask`: white on black, all objects together
 * - `cutout`: the objects as they are, the rest transparent
 * - `palette`: a colour for each object, black for the rest
 */
export type Style = (typeof STYLES)[number];

export interface SegmentOptions extends PromptWords {
  /** Objects with what is said about them, in code; words are for the command line and the server. */
  readonly objects?: readonly ObjectPrompt[] | undefined;
  /** A picture of the photograph's size that shows the first object in white: a path on the command line. */
  readonly mask?: string | undefined;
  /** Three guesses for each object, the likeliest first. */
  readonly multimask?: boolean | undefined;
  /** Says the prompts one after another, each with the answer to those before. */
  readonly refine?: boolean | undefined;
  /** Masks of everything in the picture instead of prompts. */
  readonly everything?: boolean | undefined;
  readonly pointsPerSide?: EverythingOptions["pointsPerSide"] | undefined;
  readonly predIouThresh?: EverythingOptions["predIouThresh"] | undefined;
  readonly stabilityScoreThresh?: EverythingOptions["stabilityScoreThresh"] | undefined;
  readonly cropNLayers?: EverythingOptions["cropNLayers"] | undefined;
  readonly minMaskRegionArea?: EverythingOptions["minMaskRegionArea"] | undefined;
  readonly style?: Style | undefined;
  /** Whether the answer as JSON has a picture; default true. */
  readonly picture?: boolean | undefined;
}

/** One guess of what an object is. */
export interface ObjectGuess {
  readonly mask: Mask;
  /** Estimated IoU. */
  readonly iou: number;
  /** How little the mask changes with the threshold, from 0 to 1; absent for empty masks. */
  readonly stability: number | undefined;
  /** In the size of the picture, [1, H, W]; absent for masks of everything. */
  readonly logits: Planes | undefined;
  /** A mask prompt for the next question, [1, side, side]; absent for masks of everything. */
  readonly lowRes: Planes | undefined;
}

export interface SegmentedObject {
  readonly name: string;
  /** The likeliest first: one, or three with `multimask`. */
  readonly guesses: readonly ObjectGuess[];
}

export interface Segmentation {
  /** The checkpoint. */
  readonly model: string;
  readonly width: number;
  readonly height: number;
  /** RGB, upright. */
  readonly image: Image;
  readonly objects: readonly SegmentedObject[];
  readonly milliseconds: {
    /** 0 if the picture was encoded before. */
    readonly encoder: number;
    readonly prompts: number;
  };
  readonly style: Style | undefined;
  readonly picture: boolean;
}

/** The likeliest mask of each object. */
export const masksOf = ({ objects }: Pick<Segmentation, "objects">): Mask[] =>
  objects.map(({ guesses: [best] }) => (best as ObjectGuess).mask);

/** Pixels and box of a mask as COCO counts them: [left, top, width, height]. */
export function extentOf(mask: Mask): { area: number; bbox: Corners } {
  const area = maskArea(mask);
  const [left, top, right, bottom] = maskBox(mask);
  return { area, bbox: area === 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1] };
}
