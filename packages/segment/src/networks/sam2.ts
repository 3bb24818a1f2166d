/** SAM 2 and 2.1. */
import type { Network } from "@tessera-ml/kit/networks";
import { Sam2, type Sam2Config, sam2Configs, sam2Lite } from "../models/sam2/sam2.ts";
import { SECOND_GAUSSIAN } from "../naming/sam.ts";
import { sam2FromHuggingFace } from "../naming/sam2.ts";

/** What may differ from the published network: the side of its input. */
export type Sam2Options = Pick<Sam2Config, "image">;

/** `sam2.1_hiera_tiny` is `facebook/sam2.1-hiera-tiny` there. */
const published = (name: string) => `facebook/${name.replaceAll("_", "-")}`;

export const sam2s: readonly Network<Sam2, Sam2Options>[] = Object.entries(sam2Configs).map(
  ([name, config]) => ({
    name,
    family: "Segment Anything",
    year: 2024,
    paper: "SAM 2: Segment Anything in Images and Videos",
    input: [3, 1024, 1024],
    create: (options: Sam2Options = {}) => new Sam2({ ...config, ...options }),
    trainingOnly: new RegExp(`^${RegExp.escape(SECOND_GAUSSIAN)}$`),
    sources: {
      hf: {
        name: published(name),
        ...sam2FromHuggingFace,
        create: (options: Sam2Options = {}) => new Sam2({ ...config, ...options, pointTable: true }),
      },
    },
  }),
);

/** Our own small network. */
export const sam2Lites: readonly Network<Sam2, Sam2Options>[] = [
  {
    name: "sam2_lite",
    family: "Segment Anything",
    year: 2026,
    paper: "SAM 2: Segment Anything in Images and Videos",
    input: [3, sam2Lite.image, sam2Lite.image],
    create: (options: Sam2Options = {}) => new Sam2({ ...sam2Lite, ...options }),
    sources: {},
  },
];
