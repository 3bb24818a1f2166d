/** Prompts as words: `320,240`, or with the name of an object, `dog=320,240`. */
import { SegmentError } from "./error.ts";
import type { Box, ImagePrompt, Point } from "./predict/prompt.ts";

const NUMBER = "-?\\d+(?:\\.\\d+)?";
const NAME = "(?:([^=,]+)=)?";
/** `x,y` or `name=x,y` */
export const POINT = new RegExp(`^${NAME}(${NUMBER}),(${NUMBER})$`);
/** `left,top,right,bottom`, or with a name. */
export const BOX = new RegExp(`^${NAME}(${NUMBER}),(${NUMBER}),(${NUMBER}),(${NUMBER})$`);

/** The object of prompts without a name. */
export const UNNAMED = "object";

/** What was said about an object. */
export interface ObjectPrompt extends ImagePrompt {
  readonly name: string;
}

export interface PromptWords {
  readonly point?: readonly string[] | undefined;
  readonly not?: readonly string[] | undefined;
  readonly box?: readonly string[] | undefined;
}

/**
 * The objects that prompts name, in the order in which they are first named.
 *
 * @throws SegmentError `bad-prompt` for words that are no prompt, and for a second box of an object
 */
export function readPrompts({ point = [], not = [], box = [] }: PromptWords): ObjectPrompt[] {
  const objects = new Map<string, { points: Point[]; labels: (0 | 1)[]; box?: Box }>();
  const of = (name = UNNAMED) => {
    const known = objects.get(name) ?? { points: [], labels: [] };
    objects.set(name, known);
    return known;
  };
  const read = (what: string, word: string, pattern: RegExp, form: string) => {
    const found = pattern.exec(word);
    if (!found) throw new SegmentError("bad-prompt", `${what}: expected ${form}, got ${word}`);
    return { object: of(found[1]), numbers: found.slice(2).map(Number) };
  };
  for (const [what, words, label] of [["point", point, 1] as const, ["not", not, 0] as const])
    for (const word of words) {
      const { object, numbers } = read(what, word, POINT, "x,y, for example 320,240");
      object.points.push(numbers as unknown as Point);
      object.labels.push(label);
    }
  for (const word of box) {
    const { object, numbers } = read("box", word, BOX, "left,top,right,bottom");
    if (object.box)
      throw new SegmentError(
        "bad-prompt",
        `box: expected one for an object, got ${word} as a second; name the objects: --box a=… --box b=…`,
      );
    object.box = numbers as unknown as Box;
  }
  return [...objects].map(([name, prompt]) => ({ name, ...prompt }));
}
