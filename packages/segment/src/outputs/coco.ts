/** Results in the format of COCO: run lengths, boxes, areas. */
import { extentOf, type Segmentation } from "../result.ts";
import { encodeRle, rleToString } from "../rle.ts";

/** What JSON says of the objects. */
export function objectsAsJson({ objects }: Pick<Segmentation, "objects">) {
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

/** An annotation file of one photograph, as COCO's are: the likeliest mask of each object. */
export function cocoFile({ model, width, height, objects }: Segmentation, fileName: string): object {
  const annotations = objectsAsJson({ objects }).map(({ name, masks: [best] }, i) => {
    const { iou, ...mask } = best as NonNullable<typeof best>;
    return { id: i + 1, image_id: 1, category_id: 1, iscrowd: 0, ...mask, predicted_iou: iou, name };
  });
  return {
    info: { description: `Masks by ${model}` },
    images: [{ id: 1, file_name: fileName, width, height }],
    categories: [{ id: 1, name: "object" }],
    annotations,
  };
}
