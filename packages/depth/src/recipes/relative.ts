/** What the recipes of relative depth share: options, and the images they train on and are measured on. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathOption } from "@tessera-ml/kit/training";
import { type Image, readImage, type Size } from "@tessera-ml/media";
import * as z from "zod";
import type { Frame } from "../data/index.ts";
import type { FrameSet } from "../evaluate/index.ts";
import { type DepthPreset, depthPresets } from "../preprocess.ts";
import { type PresetName, usualFields } from "../records.ts";
import { MARGIN, readFrames } from "../training/frames.ts";
import { openSets, setOf } from "../training/measure.ts";
import { renderedFrames } from "../training/rendered.ts";

export const commonOptions = {
  encoder: pathOption("file").optional().meta({
    description:
      "the trained encoder to start from: EfficientNet-Lite0 (ImageNet) or DINOv2 (default: random)",
  }),
  pairs: z.int().min(0).default(4000).meta({ description: "rendered scenes to train on" }),
  photos: pathOption("folder").optional().meta({
    description: "photographs as textures of the rendered scenes (default: patterns only)",
  }),
  data: z
    .array(pathOption("folder"))
    .default([])
    .meta({ description: "images with measured depth, to train on as well" }),
  test: z
    .array(pathOption("folder"))
    .default([])
    .meta({ description: "images with measured depth, to measure on (default: 100 other rendered scenes)" }),
  network: z
    .string()
    .default("depth_lite0")
    .meta({ description: "what to train: depth_lite0 or a Depth Anything network of relative depth" }),
  size: z
    .int()
    .min(28)
    .max(2048)
    .default(96)
    .meta({ description: "shorter side of the input in pixels; the longer one is 4/3 of it" }),
  batch: z.int().min(1).default(16).meta({ description: "images per step" }),
  lr: z
    .number()
    .positive()
    .optional()
    .meta({ description: "learning rate of the encoder (default: 5e-6, for depth_lite0 2e-4)" }),
  sources: z
    .string()
    .optional()
    .meta({ description: "where the photographs are from and under which licences, for the model card" }),
  gradientWeight: z
    .number()
    .min(0)
    .default(2)
    .meta({ description: "weight of gradient matching: 2 in V2, 0 as V1 describes its loss" }),
};
const common = z.strictObject(commonOptions);
type Common = z.output<typeof common>;

/** What the model card says of the data. */
export function cardOf(data: string, { sources }: Pick<Common, "sources">) {
  return { data, licence: sources ?? "not stated (`--sources`)" };
}

/** Learning rate of the encoder. */
export const defaultRate = (network: string): number => (network === "depth_lite0" ? 2e-4 : 5e-6);

/** Seed of the scenes that are measured on: training uses those from 0 on. */
const TEST_SEED = 1_000_000;
const TEST_PAIRS = 100;

export async function trainingFrames(
  given: Common,
  size: Size,
  signal: AbortSignal | undefined,
): Promise<Frame[]> {
  const { pairs, data } = given;
  const photos = await readPhotos(given.photos);
  const rendered =
    pairs === 0 ? [] : await renderedFrames({ ...renderSize(size), count: pairs, photos, signal });
  const skipped = (reason: string) => console.warn(`tessera: left out: ${reason}`);
  return [...rendered, ...(await readFrames(data, size, { skipped, signal }))];
}

export async function testSets({ test, size, network }: Common, signal?: AbortSignal): Promise<FrameSet[]> {
  if (test.length > 0) return await openSets(test);
  const rendering = renderSize(trainingSize({ size, network }));
  const frames = await renderedFrames({ ...rendering, count: TEST_PAIRS, firstSeed: TEST_SEED, signal });
  return [setOf("rendered", frames)];
}

/** Scenes are rendered larger than they are trained at, for random crops. */
function renderSize({ width, height }: Size) {
  return { size: { width: Math.round(MARGIN * width), height: Math.round(MARGIN * height) } };
}

async function readPhotos(folder: string | undefined): Promise<Image[]> {
  if (folder === undefined) return [];
  const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();
  if (names.length === 0) throw new Error(`${folder}: expected photographs, found none`);
  return await Promise.all(names.map((name) => readImage(join(folder, name))));
}

export const presetOf = (network: string): PresetName => usualFields(network)?.preset ?? "depth_anything_v2";

export function inputPreset({ network, size }: Pick<Common, "network" | "size">): DepthPreset {
  return { ...depthPresets[presetOf(network)], size };
}

export function trainingSize(given: Pick<Common, "network" | "size">): Size {
  const { size, multiple } = inputPreset(given);
  const rounded = (side: number) => Math.max(1, Math.round(side / multiple)) * multiple;
  return { width: rounded((4 / 3) * size), height: rounded(size) };
}
