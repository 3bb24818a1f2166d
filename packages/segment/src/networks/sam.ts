/** SAM and MobileSAM. */
import type { Network } from "@tessera-ml/kit/networks";
import { Sam, type SamConfig, samConfigs } from "../models/sam1/sam.ts";
import { SECOND_GAUSSIAN, samFromHuggingFace } from "../naming/sam.ts";

function sam(name: "sam_vit_b" | "sam_vit_l" | "sam_vit_h", published: string): Network {
  const config: SamConfig = samConfigs[name];
  return {
    name,
    family: "Segment Anything",
    year: 2023,
    paper: "Segment Anything",
    input: [3, 1024, 1024],
    create: () => new Sam(config),
    trainingOnly: new RegExp(`^${RegExp.escape(SECOND_GAUSSIAN)}$`),
    sources: {
      hf: {
        name: published,
        ...samFromHuggingFace,
        // The decoder's norms have another epsilon there.
        create: () => new Sam({ ...config, decoderEps: 1e-6 }),
      },
    },
  };
}

export const sams: readonly Network[] = [
  sam("sam_vit_b", "facebook/sam-vit-base"),
  sam("sam_vit_l", "facebook/sam-vit-large"),
  sam("sam_vit_h", "facebook/sam-vit-huge"),
  {
    name: "mobile_sam",
    family: "Segment Anything",
    year: 2023,
    paper: "Faster Segment Anything: Towards Lightweight SAM for Mobile Applications",
    input: [3, 1024, 1024],
    create: () => new Sam(samConfigs.mobile_sam),
    sources: {},
  },
];
