/** Instances of COCO (Lin et al. 2014): photographs with a mask for each thing in them. Node only. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { SegmentError } from "../error.ts";
import { type Mask, maskArea } from "../mask.ts";
import { decodeRle, rleFromString } from "../rle.ts";
import { fillPolygons } from "./polygons.ts";

const outline = z.union([
  z.array(z.array(z.number())),
  z.object({ counts: z.union([z.array(z.int()), z.string()]), size: z.tuple([z.int(), z.int()]) }),
]);

const file = z.object({
  images: z.array(
    z.object({
      id: z.number(),
      file_name: z.string(),
      width: z.int().positive(),
      height: z.int().positive(),
      license: z.int().optional(),
      /** In files that hold more than one split. */
      split: z.string().optional(),
    }),
  ),
  annotations: z.array(
    z.object({
      image_id: z.number(),
      category_id: z.number().optional(),
      iscrowd: z.number().optional(),
      area: z.number(),
      segmentation: outline,
    }),
  ),
});

/** A thing in a photograph. */
export interface CocoInstance {
  readonly category: number | undefined;
  /** In pixels, as the file states it. */
  readonly area: number;
  /** Its mask at some size, by default that of the photograph. */
  mask(size?: { readonly width: number; readonly height: number }): Mask;
}

export interface CocoPhotograph {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  /** Number of the licence in COCO's list. */
  readonly licence: number | undefined;
  /** Without crowds. */
  readonly instances: readonly CocoInstance[];
}

export interface CocoOptions {
  /** Of files that hold several. Default: all. */
  readonly split?: string;
  /** Numbers of the licences that are wanted. Default: all. */
  readonly licences?: readonly number[] | undefined;
}

/**
 * The photographs of a folder with `instances.json` and `images/`, in the order of the file.
 *
 * @throws SegmentError `bad-data` if the folder holds no such file, or the file is broken
 */
export async function openCoco(
  folder: string,
  { split, licences }: CocoOptions = {},
): Promise<CocoPhotograph[]> {
  const path = join(folder, "instances.json");
  if (!existsSync(path))
    throw new SegmentError(
      "bad-data",
      `${folder}: expected instances.json and images/ of COCO, found no instances.json`,
    );
  const { images, annotations } = parse(path, await readFile(path, "utf8"));
  const byImage = Map.groupBy(
    annotations.filter(({ iscrowd }) => !iscrowd),
    (annotation) => annotation.image_id,
  );
  const wanted = images.filter(
    (image) =>
      (split === undefined || image.split === undefined || image.split === split) &&
      (!licences || (image.license !== undefined && licences.includes(image.license))),
  );
  return wanted.map(({ id, file_name: name, width, height, license }) => ({
    path: join(folder, "images", name),
    width,
    height,
    licence: license,
    instances: (byImage.get(id) ?? []).map(({ category_id: category, area, segmentation }) => ({
      category,
      area,
      mask: (size = { width, height }) => maskFrom(segmentation, { width, height }, size),
    })),
  }));
}

function parse(path: string, text: string): z.output<typeof file> {
  try {
    return file.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).split("\n")[0] : String(error);
    throw new SegmentError("bad-data", `${path}: expected instances of COCO: ${why}`);
  }
}

function maskFrom(
  segmentation: z.output<typeof outline>,
  from: { readonly width: number; readonly height: number },
  size: { readonly width: number; readonly height: number },
): Mask {
  const scale = { x: size.width / from.width, y: size.height / from.height };
  if (Array.isArray(segmentation)) return fillPolygons(segmentation, size, scale);
  const { counts, size: rows } = segmentation;
  const whole = typeof counts === "string" ? rleFromString(counts, rows) : { counts, size: rows };
  const mask = decodeRle(whole);
  const data = new Uint8Array(size.width * size.height);
  for (let y = 0, i = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++, i++) {
      const row = Math.min(from.height - 1, Math.floor((y + 0.5) / scale.y));
      data[i] = mask.data[row * mask.width + Math.min(from.width - 1, Math.floor((x + 0.5) / scale.x))]!;
    }
  return { ...size, data };
}

/** Whether a mask is more than a speck. @param share of the pixels of the picture */
export function isLarge(mask: Mask, share: number): boolean {
  return maskArea(mask) >= share * mask.width * mask.height;
}
