/** Measuring a network while it is trained: how good its masks are after so many clicks. Node only. */
import { type Image, Planes, readImage, resizePil, toRgb } from "@tessera-ml/media";
import type { CocoInstance, CocoPhotograph } from "../data/coco.ts";
import { type Mask, maskArea, maskOf } from "../mask.ts";
import type { Sam2 } from "../models/sam2/sam2.ts";
import type { ImagePrompt, Point, Prediction } from "../predict/prompt.ts";
import { Sam2Predictor } from "../predict/sam2-predictor.ts";
import { type Click, centreClick } from "./clicks.ts";

/** A photograph in the size of the network's input, and the masks of some of its things. */
export interface Asked {
  readonly image: Image;
  readonly truths: readonly Mask[];
}

/** COCO's measure of what is not small: 32 x 32 pixels. */
const SMALL = 32 ** 2;

/**
 * Photographs to ask about: of each the largest things, none of them small.
 *
 * @param side of the network's input
 */
export async function readAsked(
  photographs: readonly CocoPhotograph[],
  side: number,
  { things = 3, signal }: { readonly things?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Asked[]> {
  const size = { width: side, height: side };
  const asked: Asked[] = [];
  for (const { path, instances } of photographs) {
    signal?.throwIfAborted();
    const large = instances
      .filter(({ area }) => area >= SMALL)
      .sort((a: CocoInstance, b: CocoInstance) => b.area - a.area)
      .slice(0, things);
    const truths = large.map((instance) => instance.mask(size)).filter((mask) => maskArea(mask) > 0);
    if (truths.length === 0) continue;
    const image = resizePil(toRgb(await readImage(path, { orient: false })), size, "bilinear");
    asked.push({ image, truths });
  }
  return asked;
}

/** The numbers of clicks after which the masks are measured. */
const AFTER = [1, 3, 5] as const;

/**
 * Clicks as a person would, each in the middle of the largest error: the first answer is the likeliest of three guesses,
 * later ones are fed the logits before. At the size of the network's input.
 *
 * @returns `miou1`, `miou3`, `miou5`: the mean IoU over all things
 */
export async function measureClicks(model: Sam2, asked: readonly Asked[]): Promise<Record<string, number>> {
  const training = model.training;
  const predictor = new Sam2Predictor(model);
  const sums = new Map<number, number>(AFTER.map((count) => [count, 0]));
  let things = 0;
  try {
    for (const { image, truths } of asked) {
      const encoded = await predictor.image(image);
      things += truths.length;
      let clicks = truths.map((truth): Click[] => [centreClick(truth)]);
      let masks: (Planes | undefined)[] = truths.map(() => undefined);
      for (let count = 1; count <= Math.max(...AFTER); count++) {
        const prompts = clicks.map((list, i) => promptOf(list, masks[i]));
        const found = await encoded.predictAll(prompts, { multimask: count === 1 });
        const best = found.map(likeliest);
        const shown = best.map(({ logits }) => maskOf(logits));
        masks = best.map(({ lowRes }) => lowRes);
        if (sums.has(count)) {
          const sum = truths.reduce((total, truth, i) => total + iouOf(truth, shown[i] as Mask), 0);
          sums.set(count, (sums.get(count) as number) + sum);
        }
        clicks = clicks.map((list, i) => [...list, centreClick(truths[i] as Mask, shown[i])]);
      }
    }
  } finally {
    predictor.release();
    if (training) model.train();
  }
  return Object.fromEntries([...sums].map(([count, sum]) => [`miou${count}`, sum / Math.max(1, things)]));
}

function promptOf(clicks: readonly Click[], mask: Planes | undefined): ImagePrompt {
  return {
    points: clicks.map(({ x, y }): Point => [x, y]),
    labels: clicks.map(({ label }) => label),
    ...(mask && { mask }),
  };
}

/** The guess with the highest estimate, as planes of one mask. */
function likeliest({ logits, lowRes, iou }: Prediction): Pick<Prediction, "logits" | "lowRes"> {
  const best = iou.indexOf(Math.max(...iou));
  const one = ({ width, height, data }: Planes) => {
    const area = width * height;
    return new Planes(1, height, width, data.slice(best * area, (best + 1) * area));
  };
  return { logits: one(logits), lowRes: one(lowRes) };
}

function iouOf(a: Mask, b: Mask): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [a.data[i] !== 0, b.data[i] !== 0];
    if (x && y) both++;
    if (x || y) either++;
  }
  return both / Math.max(1, either);
}
