/** Promptable segmentation at work, on Node and in browsers. */
import { type OpenOptions, pngUrl } from "@tessera-ml/kit";
import { duration, type Terminal } from "@tessera-ml/kit/terminal";
import { defaultCheckpoint } from "./opener.ts";
import { objectsAsJson } from "./outputs/coco.ts";
import { pictureOf } from "./outputs/pictures.ts";
import { saveSegmentation } from "./outputs/save.ts";
import { extentOf, type Segmentation } from "./result.ts";
import { Segmenter } from "./segmenter.ts";

export { defaultCheckpoint };

export async function open(name: string | undefined, options: OpenOptions): Promise<Segmenter> {
  return await Segmenter.load(name ?? (await defaultCheckpoint()), options);
}

export async function save(answer: Segmentation, path: string): Promise<undefined> {
  await saveSegmentation(answer, path);
}

export async function toJson(result: Segmentation): Promise<object> {
  const { model, width, height, milliseconds, picture, style } = result;
  return {
    ...{ model, width, height, objects: objectsAsJson(result), milliseconds },
    ...(picture && { png: await pngUrl(pictureOf(result, style ?? "overlay")) }),
  };
}

/** Objects of a list that is no longer read in full. */
const MOST_SHOWN = 12;

/** The objects under the input's name. */
export function show(name: string, answers: readonly Segmentation[], { paint }: Terminal): string {
  const lines: string[] = [];
  for (const { model, width, height, objects, milliseconds } of answers) {
    const time = duration((milliseconds.encoder + milliseconds.prompts) / 1000);
    const count = `${objects.length} ${objects.length === 1 ? "object" : "objects"}`;
    lines.push(`  ${count}  ${paint("dim", `${width} × ${height}, ${model}, ${time}`)}`);
    const widest = Math.max(...objects.map((object) => object.name.length));
    for (const object of objects.slice(0, MOST_SHOWN))
      for (const [i, { mask, iou }] of object.guesses.entries()) {
        const { area, bbox } = extentOf(mask);
        const share = `${((100 * area) / (width * height)).toFixed(1)} %`;
        const [left, top, wide, high] = bbox;
        const where = area === 0 ? "empty" : `${share} of the picture, ${wide} × ${high} at ${left}, ${top}`;
        const title = (i === 0 ? object.name : "").padEnd(widest);
        lines.push(`    ${title}  ${where}  ${paint("dim", `estimated IoU ${iou.toFixed(2)}`)}`);
      }
    if (objects.length > MOST_SHOWN) lines.push(`    … and ${objects.length - MOST_SHOWN} more`);
  }
  return [paint("bold", name), ...lines].join("\n");
}
