/** Results in the format of COCO: run lengths, boxes, areas. */
import type { Corners } from "../mask.ts";
import { extentOf, type Segmentation } from "../result.ts";
import { encodeRle, type Rle, rleToString } from "../rle.ts";

/** An object as JSON has it. */
export interface ObjectJson {
  readonly name: string;
  /** The likeliest first. */
  readonly masks: readonly {
    readonly segmentation: { readonly size: Rle["size"]; readonly counts: string };
    readonly area: number;
    /** [left, top, width, height] */
    readonly bbox: Corners;
    readonly iou: number;
    readonly stability?: number | undefined;
  }[];
}

export function objectsAsJson({ objects }: Pick<Segmentation, "objects">): ObjectJson[] {
  return objects.map(({ name, guesses }) => ({
    name,
    masks: guesses.map(({ mask, iou, stability }) => {
      const rle = encodeRle(mask);
      return {
        segmentation: { size: rle.size, counts: rleToString(rle) },
        ...extentOf(mask),
        iou,
        ...(stability !== undefined && { stability }),
      };
    }),
  }));
}

/**
 * An annotation file of one photograph, as COCO's are: the likeliest mask of each object.
 *
 * @param name of the photograph
 */
export function cocoFile(
  { model, width, height }: Pick<Segmentation, "model" | "width" | "height">,
  objects: readonly ObjectJson[],
  name: string,
): object {
  const annotations = objects.flatMap(({ name: object, masks: [best] }, i) => {
    if (!best) return [];
    const { iou, ...mask } = best;
    return [
      { id: i + 1, image_id: 1, category_id: 1, iscrowd: 0, ...mask, predicted_iou: iou, name: object },
    ];
  });
  return {
    info: { description: `Masks by ${model}` },
    images: [{ id: 1, file_name: name, width, height }],
    categories: [{ id: 1, name: "object" }],
    annotations,
  };
}
