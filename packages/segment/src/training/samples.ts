/** Batches of training: pictures or clips, the truth about some objects in each, and what is said about them first. */
import type { Dataset, HostBatch, Random } from "@tessera-ml/nn";
import type { Mask } from "../mask.ts";
import { LABEL } from "../models/prompt-encoder.ts";
import { boxPoints } from "./clicks.ts";
import { type Clip, type ClipOptions, drawClip } from "./clips.ts";
import type { Photograph } from "./photographs.ts";

/** Shares of the kinds of first prompts; the rest are clicks. */
export interface PromptShares {
  readonly mask: number;
  readonly box: number;
}

/**
 * A batch of `B` scenes of T frames with K objects each.
 *
 * - `images`: [B, T, 3, side, side], float32
 * - `truth`: [B, K, T, side, side], uint8
 * - `points`: [B, K, N, 2] and `labels`: [B, K, N], int32, on the first frame: a click or the corners of a box. Absent
 *   if the masks themselves are the prompt.
 *
 * All scenes of a batch have the same kind of prompt, so that each kind is one graph.
 */
export function sceneSamples(
  photographs: readonly Photograph[],
  count: number,
  options: ClipOptions & { readonly prompts: PromptShares },
): Dataset<HostBatch> {
  const { side, frames, objects, prompts } = options;
  return {
    length: count,
    batch: (indices, random) => {
      const kind = kindOf(prompts, random(indices[0] as number));
      const clips = Array.from(indices, (index) => {
        const own = random(index);
        own(); // decides the kind
        const clip = drawSeen(photographs, index, options, own);
        return { clip, points: kind === "mask" ? [] : firstPoints(clip.truth, options, kind, own) };
      });
      const batch = clips.length;
      const images = joined(
        Float32Array,
        clips.map(({ clip }) => clip.images),
      );
      const truth = joined(
        Uint8Array,
        clips.map(({ clip }) => clip.truth),
      );
      const fields: HostBatch = {
        images: { data: images, shape: [batch, frames, 3, side, side] },
        truth: { data: truth, shape: [batch, objects, frames, side, side] },
      };
      if (kind === "mask") return fields;
      const points = clips.flatMap((clip) => clip.points);
      const each = points[0]?.length ?? 0;
      const flat = points.flat();
      return {
        ...fields,
        points: {
          data: Float32Array.from(flat.flatMap((point) => point.slice(0, 2))),
          shape: [batch, objects, each, 2],
        },
        labels: { data: Int32Array.from(flat, ([, , label]) => label), shape: [batch, objects, each] },
      };
    },
  };
}

/** A part of a photograph may hold nothing to ask for: then another one is drawn. */
const TRIES = 6;

function drawSeen(
  photographs: readonly Photograph[],
  index: number,
  options: ClipOptions,
  random: Random,
): Clip {
  for (let tries = 1; ; tries++) {
    const background = photographs[(index + tries) % photographs.length] as Photograph;
    const clip = drawClip(photographs, background, options, random);
    if (tries === TRIES || clip.visible[0] !== 0) return clip;
  }
}

type Kind = "click" | "box" | "mask";

function kindOf({ mask, box }: PromptShares, random: Random): Kind {
  const at = random();
  return at < mask ? "mask" : at < mask + box ? "box" : "click";
}

function joined<A extends Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(
  type: new (length: number) => A,
  parts: readonly A[],
): A {
  const all = new type(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

type LabelledPoint = readonly [x: number, y: number, label: number];

/** What is said about each object on the first frame. */
function firstPoints(
  truth: Uint8Array,
  { side, frames, objects }: ClipOptions,
  kind: "click" | "box",
  random: Random,
): LabelledPoint[][] {
  const area = side * side;
  return Array.from({ length: objects }, (_, k): LabelledPoint[] => {
    const start = k * frames * area;
    const mask: Mask = { width: side, height: side, data: truth.subarray(start, start + area) };
    if (kind === "click") return [clickWithin(mask, random)];
    const [left, top, right, bottom] = boxPoints(mask, random);
    return [
      [left, top, LABEL.topLeft],
      [right, bottom, LABEL.bottomRight],
    ];
  });
}

/** A pixel of the object; where there is none, padding. */
function clickWithin({ width, data }: Mask, random: Random): LabelledPoint {
  let left = 0;
  for (const value of data) left += value;
  if (left === 0) return [0, 0, LABEL.padding];
  left = Math.floor(random() * left);
  let at = 0;
  while (!data[at] || left-- > 0) at++;
  return [at % width, Math.floor(at / width), LABEL.positive];
}
