/** DINOv2 with and without registers. */
import type { Network } from "@tessera-ml/kit/networks";
import { DinoV2, type DinoV2Config, dinov2Configs } from "../models/dinov2.ts";
import { dinov2FromHuggingFace } from "../naming.ts";

type Name = keyof typeof dinov2Configs;

function dinov2(name: Name, published: string): Network {
  const config: DinoV2Config = dinov2Configs[name];
  const registers = name.endsWith("_reg");
  return {
    name,
    family: "DINOv2",
    year: 2023,
    paper: registers
      ? "Vision Transformers Need Registers"
      : "DINOv2: Learning Robust Visual Features without Supervision",
    input: [3, 518, 518],
    create: () => new DinoV2(config),
    sources: {
      hf: {
        name: published,
        ...dinov2FromHuggingFace,
        // transformers resizes positions by the size.
        create: () => new DinoV2({ ...config, interpolateOffset: 0 }),
      },
    },
  };
}

export const dinov2s: readonly Network[] = [
  dinov2("dinov2_vits14", "facebook/dinov2-small"),
  dinov2("dinov2_vitb14", "facebook/dinov2-base"),
  dinov2("dinov2_vitl14", "facebook/dinov2-large"),
  dinov2("dinov2_vitg14", "facebook/dinov2-giant"),
  dinov2("dinov2_vits14_reg", "facebook/dinov2-with-registers-small"),
  dinov2("dinov2_vitb14_reg", "facebook/dinov2-with-registers-base"),
  dinov2("dinov2_vitl14_reg", "facebook/dinov2-with-registers-large"),
  dinov2("dinov2_vitg14_reg", "facebook/dinov2-with-registers-giant"),
];
