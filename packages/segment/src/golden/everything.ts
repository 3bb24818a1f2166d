/** Cases `amg/…`: the generator of masks of everything, by parts and on a stand-in for the network. */
import { type Case, type Check, type Json, together } from "@tessera-ml/kit/golden";
import { Image, Planes, type Size } from "@tessera-ml/media";
import { type Checked, fnv1a32, number, numbers, record } from "@tessera-ml/nn/golden";
import {
  type EverythingOptions,
  type FoundMask,
  type Promptable,
  placed,
  segmentEverything,
  withoutSmallRegions,
} from "../everything/generate.ts";
import { cropBoxes, pointGrid, pointGrids } from "../everything/grid.ts";
import { withoutSmall } from "../everything/regions.ts";
import { suppress, touchesCrop } from "../everything/suppress.ts";
import { type Corners, maskArea, maskBox, maskOf, stabilityScore } from "../mask.ts";
import type { Point, Prediction } from "../predict/prompt.ts";
import { Sam2Predictor } from "../predict/sam2-predictor.ts";
import { decodeRle, encodeRle, type Rle, rleArea, rleFromString, rleToString } from "../rle.ts";
import { casePicture, checkNumbers, same, TOLERANCE } from "./case.ts";
import { filledSam2 } from "./sam2-models.ts";
import { drawShapes, rowsOf } from "./shapes.ts";

/** Digits that the file has. */
const SINGLE = 1e-7;
const EXACT: FoundTolerance = { iou: SINGLE, pixels: 0 };

export const check: Check = async (golden) => {
  const kind = golden.name.slice("amg/".length);
  const checks = {
    points: checkPoints,
    crops: checkCrops,
    masks: checkMasks,
    regions: checkRegions,
    "small-regions": checkSmallRegions,
    scene: checkScene,
    whole: checkWhole,
  }[kind];
  if (!checks) throw new Error(`no runner yet for cases like ${golden.name}`);
  return together(await checks(golden));
};

function list(json: unknown, where: string): Json[] {
  if (!Array.isArray(json)) throw new TypeError(`${where}: expected a list`);
  return json.map((entry: unknown, i) => record(entry, `${where}[${i}]`));
}

function checkPoints({ name, golden }: Case): Checked[] {
  const points = (what: string, got: readonly Point[], wanted: unknown) =>
    checkNumbers(what, got.flat(), (wanted as number[][]).flat(), 1e-9);
  return [
    points("grid3", pointGrid(3), golden.grid3),
    points(
      "grid32First",
      pointGrid(32).slice(0, (golden.grid32First as unknown[]).length),
      golden.grid32First,
    ),
    ...list(golden.layers, `${name}.layers`).flatMap((json) => {
      const [perSide, layers, downscale] = ["perSide", "layers", "downscale"].map((field) =>
        number(json, field, name),
      ) as [number, number, number];
      const grids = pointGrids(perSide, layers, downscale);
      const where = `${perSide} points, ${layers} layers, downscale ${downscale}`;
      const wanted = json.last as unknown[];
      return [
        same(
          `${where}: counts`,
          grids.map((grid) => grid.length),
          json.counts,
        ),
        points(`${where}: last`, (grids.at(-1) as Point[]).slice(0, wanted.length), wanted),
      ];
    }),
  ];
}

function checkCrops({ name, golden }: Case): Checked[] {
  return list(golden.cases, `${name}.cases`).flatMap((json) => {
    const size = { width: number(json, "width", name), height: number(json, "height", name) };
    const crops = cropBoxes(size, number(json, "layers", name), overlapOf(number(json, "overlap", name)));
    const where = `${size.width} x ${size.height}`;
    return [
      same(
        `${where}: boxes`,
        crops.map(({ box }) => box),
        json.boxes,
      ),
      same(
        `${where}: layer`,
        crops.map(({ layer }) => layer),
        json.layer,
      ),
    ];
  });
}

/** The file has nine digits of 512 / 1500. */
function overlapOf(ratio: number): number {
  return Math.abs(ratio - 512 / 1500) < 1e-9 ? 512 / 1500 : ratio;
}

/** Logits of discs: (r² − (x − cx)² − (y − cy)²) / scale, a plane for each [cx, cy, r, scale]. */
function discs(parts: readonly (readonly number[])[], { width, height }: Size): Planes {
  const planes = new Planes(parts.length, height, width);
  for (const [i, part] of parts.entries()) {
    const [cx, cy, r, scale] = part as [number, number, number, number];
    for (let y = 0, at = i * width * height; y < height; y++)
      for (let x = 0; x < width; x++, at++)
        planes.data[at] = (r ** 2 - (x - cx) ** 2 - (y - cy) ** 2) / scale;
  }
  return planes;
}

function checkMasks({ name, golden }: Case): Checked[] {
  const json = record(golden.logits, `${name}.logits`);
  const parts = (json.parts as unknown[]).map((part, i) => numbers(part, `${name}.logits.parts[${i}]`));
  const logits = discs(parts, { width: number(json, "width", name), height: number(json, "height", name) });
  const masks = parts.map((_, i) => maskOf(logits, i));
  const boxes = masks.map(maskBox);
  const checks = [same("area", masks.map(maskArea), golden.area), same("boxes", boxes, golden.boxes)];

  const { emptyMaskIsNaN, ...stability } = record(golden.stability, `${name}.stability`);
  for (const [field, wanted] of Object.entries(stability)) {
    const offset = Number(field.replace("offset", ""));
    const scores = parts.map((_, i) => stabilityScore(logits, i, 0, offset));
    // The file leaves out masks that are empty.
    checks.push(
      checkNumbers(
        `stability.${field}`,
        scores.filter((score) => !Number.isNaN(score)),
        wanted,
        SINGLE,
      ),
      same(`stability.${field}: an empty mask is NaN`, scores.some(Number.isNaN), emptyMaskIsNaN),
    );
  }

  const { scores, ...kept } = record(golden.nms, `${name}.nms`);
  for (const [field, wanted] of Object.entries(kept)) {
    // The empty mask takes no part.
    const given = numbers(scores, `${name}.nms.scores`);
    checks.push(same(`nms.${field}`, suppress(boxes, given, Number(field.replace("kept", ""))), wanted));
  }

  for (const [i, wanted] of list(golden.rle, `${name}.rle`).entries()) {
    const found = masks.map(encodeRle).find(({ counts }) => counts.join() === String(wanted.counts));
    checks.push(
      found
        ? checkRle(`rle[${i}]`, found, wanted)
        : same(`rle[${i}]`, "no mask has these counts", wanted.counts),
    );
  }
  const full = record(golden.rleFull, `${name}.rleFull`);
  const [height, width] = numbers(full.size, `${name}.rleFull.size`) as [number, number];
  const ones = encodeRle({ width, height, data: new Uint8Array(width * height).fill(1) });
  checks.push(checkRle("rleFull", ones, full));

  const edge = record(golden.nearEdge, `${name}.nearEdge`);
  const corners = (json: unknown) => numbers(json, name) as unknown as Corners;
  const touching = (edge.boxes as unknown[]).map((box) =>
    touchesCrop(corners(box), corners(edge.crop), corners(edge.image)),
  );
  checks.push(same("nearEdge.touches", touching, edge.touches));

  const uncrop = record(golden.uncrop, `${name}.uncrop`);
  const inside = corners(uncrop.crop);
  const [w, h] = [inside[2] - inside[0], inside[3] - inside[1]];
  const whole = { width: corners(edge.image)[2], height: corners(edge.image)[3] };
  const mask = placed({ width: w, height: h, data: new Uint8Array(w * h).fill(1) }, inside, whole);
  const first = mask.data.indexOf(1);
  checks.push(
    same("uncrop.maskSum", maskArea(mask), uncrop.maskSum),
    same("uncrop.maskFirst", [Math.floor(first / whole.width), first % whole.width], uncrop.maskFirst),
  );
  return checks;
}

function checkRle(where: string, rle: Rle, wanted: Json): Checked {
  const text = rleToString(rle);
  const back = rleFromString(text, rle.size);
  return together([
    same(`${where}.size`, rle.size, wanted.size),
    same(`${where}.counts`, rle.counts, wanted.counts),
    same(`${where}.coco`, text, wanted.coco),
    same(`${where}: back from the string`, back.counts, wanted.counts),
    same(`${where}: back from the mask`, encodeRle(decodeRle(back)).counts, wanted.counts),
    ...(wanted.area === undefined ? [] : [same(`${where}.area`, rleArea(rle), wanted.area)]),
  ]);
}

function sizeOf(golden: Json, name: string): Size {
  return { width: number(golden, "width", name), height: number(golden, "height", name) };
}

function checkRegions({ name, golden }: Case): Checked[] {
  const mask = drawShapes(sizeOf(golden, name), golden.shapes, `${name}.shapes`);
  return list(golden.cases, `${name}.cases`).map((json) => {
    const area = number(json, "area", name);
    if (json.mode !== "holes" && json.mode !== "islands")
      throw new TypeError(`${name}.mode: expected holes or islands, got ${String(json.mode)}`);
    const after = withoutSmall(mask, area, json.mode);
    const got = {
      changed: after !== mask,
      sum: maskArea(after),
      rowsHash: fnv1a32(rowsOf(after).join("\n")),
    };
    const { changed, sum, rowsHash } = json;
    return same(`${json.mode} of ${area}`, got, { changed, sum, rowsHash });
  });
}

function checkSmallRegions({ name, golden }: Case): Checked[] {
  const size = sizeOf(golden, name);
  const masks = (golden.shapes as unknown[]).map((shapes, i): FoundMask => {
    const mask = drawShapes(size, shapes, `${name}.shapes[${i}]`);
    const rle = encodeRle(mask);
    // The IoUs of the masks are not in the file, but their order after the suppression is: 0.9, 0.8, 0.7, …
    const predictedIou = (9 - i) / 10;
    return {
      ...{ rle, area: rleArea(rle), box: maskBox(mask), predictedIou, stability: 1 },
      ...{ point: [0, 0], crop: [0, 0, size.width, size.height] },
    };
  });
  const kept = withoutSmallRegions(masks, number(golden, "minArea", name), 0.7);
  return [
    same(
      "boxes",
      kept.map(({ box }) => box),
      golden.boxes,
    ),
    same(
      "areas",
      kept.map(({ area }) => area),
      golden.areas,
    ),
    same(
      "iou",
      kept.map(({ predictedIou }) => predictedIou),
      golden.iou,
    ),
  ];
}

/** Squared radii of the three discs that answer a click. */
const DISCS = [1 / 4, 1, 25 / 16] as const;
const PENALTIES = [0.1, 0, 0.04] as const;

/** The file's stand-in for the network. The red and green of a pixel are its place, so that crops know where they lie. */
function standIn(scene: readonly (readonly [x: number, y: number, r: number])[]): Promptable {
  return {
    image: async (crop) => {
      const [left, top] = crop.data as unknown as [number, number];
      const predictEach = async (
        points: readonly Point[],
        { masks }: { readonly masks?: readonly Planes[] },
      ): Promise<Prediction[]> =>
        points.map(([px, py], i): Prediction => {
          const [x, y] = [px + left, py + top];
          const object = scene.findIndex(([cx, cy, r]) => (x - cx) ** 2 + (y - cy) ** 2 <= r ** 2);
          const asked = masks?.[i]?.data[0];
          const numbers = asked === undefined ? [0, 1, 2] : [asked];
          const lowRes = new Planes(numbers.length, 1, 1, Float32Array.from(numbers));
          const hit = scene[object];
          if (!hit) {
            const logits = new Planes(numbers.length, crop.height, crop.width);
            logits.data.fill(-5);
            return { logits, lowRes, iou: numbers.map(() => 0.3) };
          }
          const [cx, cy, r] = hit;
          const more = asked === undefined ? 0 : 8;
          const radius = (k: number) => Math.sqrt(r ** 2 * (DISCS[k] as number) + more);
          const distance = ((x - cx) ** 2 + (y - cy) ** 2) / 10000;
          return {
            logits: discs(
              numbers.map((k) => [cx - left, cy - top, radius(k), 8]),
              crop,
            ),
            lowRes,
            iou: numbers.map(
              (k) =>
                0.95 - 0.02 * object - (PENALTIES[k] as number) - distance + (asked === undefined ? 0 : 0.01),
            ),
          };
        });
      return { predictEach };
    },
  };
}

/**
 * The file's names of options: those of the authors' code, or the same in camel case. SAM 2's generator does nothing about
 * small regions without CUDA.
 */
export function readOptions({
  min_mask_region_area: _,
  minMaskRegionArea: __,
  ...options
}: Json): EverythingOptions {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      typeof value === "number" && key === "crop_overlap_ratio" ? overlapOf(value) : value,
    ]),
  );
}

async function checkScene({ name, golden }: Case): Promise<Checked[]> {
  const { width, height } = sizeOf(golden, name);
  const picture = new Image(width, height, 3);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i += 3) picture.data.set([x, y], i);
  const scene = (golden.scene as unknown[]).map(
    (object, i) => numbers(object, `${name}.scene[${i}]`) as [number, number, number],
  );
  const checks: Checked[] = [];
  for (const [i, json] of list(golden.cases, `${name}.cases`).entries()) {
    const options = readOptions(record(json.options, `${name}.cases[${i}].options`));
    const found = await segmentEverything(standIn(scene), picture, options);
    checks.push(...checkFound(`cases[${i}]`, found, list(json.masks, `${name}.cases[${i}].masks`), EXACT));
  }
  return checks;
}

interface FoundTolerance {
  /** Of estimated IoUs. */
  readonly iou: number;
  /** Pixels that may be on the other side of a mask's threshold. */
  readonly pixels: number;
}

/** Compares masks in their order. */
function checkFound(
  where: string,
  found: readonly FoundMask[],
  masks: readonly Json[],
  tolerance: FoundTolerance,
): Checked[] {
  const within = (what: string, got: number, wanted: unknown, pixels: number): Checked => ({
    ...checkNumbers(what, [got], [wanted], pixels),
    deviation: 0,
  });
  const wide = ([left, top, right, bottom]: Corners) => [left, top, right - left, bottom - top];
  return [
    same(`${where}: masks`, found.length, masks.length),
    ...masks.slice(0, found.length).flatMap((wanted, i) => {
      const at = `${where}.masks[${i}]`;
      const { rle, area, box, crop, predictedIou, stability, point } = found[i] as FoundMask;
      const runs = Array.isArray(wanted.rle) ? rle.counts : fnv1a32(rle.counts.join());
      return [
        within(`${at}.area`, area, wanted.area, tolerance.pixels),
        same(`${at}.bbox`, wide(box), wanted.bbox),
        same(`${at}.cropBox`, wide(crop), wanted.cropBox),
        checkNumbers(`${at}.point`, point, wanted.point, 1e-5),
        checkNumbers(`${at}: iou`, [predictedIou], [wanted.predictedIou], tolerance.iou),
        checkNumbers(`${at}: stability`, [stability], [wanted.stability], SINGLE + tolerance.pixels / area),
        ...(wanted.rle === undefined ? [] : [same(`${at}.rle`, runs, wanted.rle)]),
        ...(wanted.runs === undefined
          ? []
          : [within(`${at}.runs`, rle.counts.length, wanted.runs, 2 * tolerance.pixels)]),
      ];
    }),
  ];
}

/** The whole generator on a filled network, whose logits may round to the other side of a threshold. */
async function checkWhole({ name, golden, path }: Case): Promise<Checked[]> {
  const predictor = new Sam2Predictor(filledSam2(golden.model, golden.rules, name));
  try {
    const picture = await casePicture(golden.input, `${name}.input`, path);
    const options = readOptions(record(golden.options, `${name}.options`));
    const found = await segmentEverything(predictor, picture, options);
    return checkFound(name, found, list(golden.masks, `${name}.masks`), { iou: TOLERANCE.score, pixels: 4 });
  } finally {
    predictor.release();
  }
}
