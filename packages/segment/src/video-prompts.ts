/** Prompts on frames of a video as words: `320,240@0`, or with the name of an object, `dog=320,240@12`. */
import { SegmentError } from "./error.ts";
import { BOX, type ObjectPrompt, POINT, type PromptWords, readPrompts } from "./prompts.ts";

/** A prompt of a picture, and the frame that it is on: from 0, the first if it is left out. */
const onFrame = (prompt: RegExp) => new RegExp(`${prompt.source.slice(0, -1)}(?:@(\\d+))?$`);
export const FRAME_POINT: RegExp = onFrame(POINT);
export const FRAME_BOX: RegExp = onFrame(BOX);

/**
 * What is said on each frame, in order.
 *
 * @throws SegmentError `bad-prompt`
 */
export function readVideoPrompts(words: PromptWords): ReadonlyMap<number, readonly ObjectPrompt[]> {
  const frames = new Map<number, { point: string[]; not: string[]; box: string[] }>();
  for (const kind of ["point", "not", "box"] as const)
    for (const word of words[kind] ?? []) {
      const [prompt = "", frame = "0", ...more] = word.split("@");
      if (more.length > 0 || !/^\d+$/.test(frame))
        throw new SegmentError(
          "bad-prompt",
          `${kind}: expected a prompt and the frame that it is on, for example 320,240@0, got ${word}`,
        );
      const known = frames.get(Number(frame)) ?? { point: [], not: [], box: [] };
      known[kind].push(prompt);
      frames.set(Number(frame), known);
    }
  const sorted = [...frames].toSorted(([a], [b]) => a - b);
  return new Map(sorted.map(([frame, said]) => [frame, readPrompts(said)]));
}
