/** What the studies of Depth Anything train on and are measured on. */
import { pathOption } from "@tessera-ml/kit/training";
import * as z from "zod";

const folders = () => z.array(pathOption("folder"));

export const dataOptions = {
  encoder: pathOption("file").meta({
    description:
      "the trained encoder that every network starts from: EfficientNet-Lite0 (ImageNet) or DINOv2",
  }),
  test: folders()
    .min(1)
    .meta({ description: "images with measured depth to measure on; nothing is trained on them" }),
  textures: pathOption("folder")
    .optional()
    .meta({ description: "photographs as textures of the rendered scenes (default: patterns only)" }),
  network: z
    .string()
    .default("depth_lite0")
    .meta({ description: "what to train: depth_lite0 or a Depth Anything network of relative depth" }),
  pairs: z.int().min(32).default(3000).meta({ description: "rendered scenes" }),
  size: z.int().min(28).default(64).meta({ description: "shorter side of the networks' input in pixels" }),
  seeds: z.int().min(1).max(20).default(3).meta({ description: "runs of each network" }),
};
export const common = z.strictObject(dataOptions);
export type DataOptions = z.output<typeof common>;

/** Optimizer steps of every network at full scale. */
const STEPS = 375;

/** Epochs that make as many steps at the scale of the study. @param images of an epoch */
export function epochsOf(images: number, batch: number, scale: number): number {
  return Math.max(1, Math.round((STEPS * scale * batch) / images));
}

/** What all recipes of a study are told. */
export function recipeOptions({ encoder, test, textures, size, network }: DataOptions) {
  return { encoder, test, size, network, ...(textures !== undefined && { photos: textures }) };
}

/** A number of samples at the scale of the study, at least a batch. */
export function scaled(count: number, scale: number, batch: number): number {
  return Math.max(batch, Math.round(count * scale));
}
