/** MiDaS v2.1, DPT and MiDaS v3.1. */
import type { Network } from "@tessera-ml/kit/networks";
import { DPT, type DPTConfig, dptConfigs } from "../models/midas/dpt.ts";
import { MidasNet, midasConfigs } from "../models/midas/midas-net.ts";
import { dptFromHuggingFace } from "../naming.ts";

function convolutional(name: keyof typeof midasConfigs, side: number): Network {
  return {
    name,
    family: "MiDaS",
    year: 2020,
    paper: "Towards Robust Monocular Depth Estimation: Mixing Datasets for Zero-shot Cross-dataset Transfer",
    input: [3, side, side],
    create: () => new MidasNet(midasConfigs[name]),
    sources: {},
  };
}

function transformer(name: keyof typeof dptConfigs, year: 2021 | 2023, published?: string): Network {
  const config: DPTConfig = dptConfigs[name];
  const { encoder } = config;
  return {
    name,
    family: year === 2021 ? "DPT" : "MiDaS",
    year,
    paper:
      year === 2021
        ? "Vision Transformers for Dense Prediction"
        : "MiDaS v3.1 - A Model Zoo for Robust Monocular Relative Depth Estimation",
    input: [3, encoder.image, encoder.image],
    create: () => new DPT(config),
    // Tables computed from the sizes, which some files hold.
    trainingOnly: /\.(relative_position_index|relative_coords_table)$/,
    sources:
      published && encoder.kind === "vit"
        ? {
            hf: {
              name: published,
              ...dptFromHuggingFace,
              create: () => new DPT({ ...config, encoder: { ...encoder, eps: 1e-12, classes: 0 } }),
            },
          }
        : {},
  };
}

export const midas: readonly Network[] = [
  convolutional("midas_v21_384", 384),
  convolutional("midas_v21_small_256", 256),
  transformer("dpt_large_384", 2021, "Intel/dpt-large"),
  transformer("dpt_hybrid_384", 2021),
  transformer("dpt_beit_large_512", 2023),
  transformer("dpt_beit_large_384", 2023),
  transformer("dpt_beit_base_384", 2023),
  transformer("dpt_swin2_large_384", 2023),
  transformer("dpt_swin2_base_384", 2023),
  transformer("dpt_swin2_tiny_256", 2023),
];
