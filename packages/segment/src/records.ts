/** Published checkpoints. */
import { type CheckpointRecord, parseRecordAs, recordSchema } from "@tessera-ml/hub/records";
import * as z from "zod";
import type { samConfigs } from "./models/sam1/sam.ts";
import { sam2Configs } from "./models/sam2/sam2.ts";

/** The task of every record here. */
export const TASK = "mask-generation";

export interface SegmentRecord extends CheckpointRecord {
  readonly segment?: {
    /** Side of the square input in pixels; default: the network's. */
    readonly size?: number | undefined;
  };
}

export const segmentSchema: z.ZodType<SegmentRecord> = recordSchema({
  task: z.literal(TASK),
  segment: z.strictObject({ size: z.int().positive().multipleOf(32).optional() }).optional(),
});

/** @throws HubError `bad-data` naming the file `where` and the field */
export function checkSegmentRecord(record: CheckpointRecord, where: string): SegmentRecord {
  return parseRecordAs(segmentSchema, record, where);
}

const common = { task: TASK, licence: "Apache-2.0" } as const;
const SAM = "https://arxiv.org/abs/2304.02643";
const SAM2 = "https://arxiv.org/abs/2408.00714";

const mobileSam: SegmentRecord = {
  ...common,
  name: "mobile_sam.original",
  network: "mobile_sam",
  source: "mobile-sam",
  files: [
    {
      file: "mobile_sam.pt",
      url: "https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/mobile_sam.pt",
    },
  ],
  reference: "https://arxiv.org/abs/2306.14289",
};

/** The end of a file's name is the start of its checksum. */
const SAM_FILES: Readonly<Record<Exclude<keyof typeof samConfigs, "mobile_sam">, readonly [string, string]>> =
  {
    sam_vit_b: ["01ec64", "base"],
    sam_vit_l: ["0b3195", "large"],
    sam_vit_h: ["4b8939", "huge"],
  };

const sams = Object.entries(SAM_FILES).flatMap(([network, [sum, word]]): SegmentRecord[] => {
  const file = `${network}_${sum}.pth`;
  return [
    {
      ...common,
      name: `${network}.original`,
      network,
      source: "segment-anything",
      files: [{ file, url: `https://dl.fbaipublicfiles.com/segment_anything/${file}` }],
      reference: SAM,
    },
    converted(`${network}.hf`, `facebook/sam-vit-${word}`, SAM),
  ];
});

const sam2s = Object.keys(sam2Configs).flatMap((network): SegmentRecord[] => {
  const release = network.startsWith("sam2.1") ? "092824" : "072824";
  const size = network.replace(/^sam2(\.1)?_hiera_/, "");
  const file = `${network}.pt`;
  return [
    {
      ...common,
      name: `${network}.original`,
      aliases: [`${network.startsWith("sam2.1") ? "sam2.1" : "sam2"}_${size}`],
      network,
      source: "segment-anything-2",
      files: [{ file, url: `https://dl.fbaipublicfiles.com/segment_anything_2/${release}/${file}` }],
      reference: SAM2,
    },
    converted(`${network}.hf`, `facebook/${network.replaceAll("_", "-")}`, SAM2),
  ];
});

/** A conversion for transformers. */
function converted(name: string, network: string, reference: string): SegmentRecord {
  const file = "model.safetensors";
  return {
    ...common,
    ...{ name, network, reference },
    source: "hf",
    files: [{ file, url: `https://huggingface.co/${network}/resolve/main/${file}` }],
  };
}

const rank = ({ name }: SegmentRecord) => (name.startsWith("sam2.1") ? 0 : 1);

/** Best first: SAM 2.1, of which the smallest is the usual choice without a GPU, then SAM 2, MobileSAM and SAM. */
export const records: readonly SegmentRecord[] = [
  ...sam2s.toSorted((a, b) => rank(a) - rank(b)),
  mobileSam,
  ...sams,
];
