/** Published checkpoints. */
import { type CheckpointRecord, parseRecordAs, recordSchema } from "@tessera-ml/hub/records";
import * as z from "zod";

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
  params: 10_130_092,
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
const SAM_FILES = [
  { network: "sam_vit_b", sum: "01ec64", word: "base", params: 93_735_472 },
  { network: "sam_vit_l", sum: "0b3195", word: "large", params: 312_342_832 },
  { network: "sam_vit_h", sum: "4b8939", word: "huge", params: 641_090_608 },
];

const sams = SAM_FILES.flatMap(({ network, sum, word, params }): SegmentRecord[] => {
  const file = `${network}_${sum}.pth`;
  return [
    {
      ...common,
      ...{ network, params },
      name: `${network}.original`,
      source: "segment-anything",
      files: [{ file, url: `https://dl.fbaipublicfiles.com/segment_anything/${file}` }],
      reference: SAM,
    },
    converted({ ...common, network, params, reference: SAM }, `facebook/sam-vit-${word}`),
  ];
});

/** Of SAM 2; 2.1 has as many more for every size. */
const SAM2_PARAMS = { tiny: 38_945_986, small: 46_043_842, base_plus: 80_833_666, large: 224_430_130 };
const MORE = 16_512;

/** Of 2.1 first. */
const sam2s = (["2.1", "2"] as const).flatMap((version) =>
  Object.entries(SAM2_PARAMS).flatMap(([size, count]): SegmentRecord[] => {
    const network = `sam${version}_hiera_${size}`;
    const about = {
      ...{ ...common, network, reference: SAM2 },
      params: version === "2.1" ? count + MORE : count,
    };
    const file = `${network}.pt`;
    const folder = version === "2.1" ? "092824" : "072824";
    return [
      {
        ...about,
        name: `${network}.original`,
        aliases: [`sam${version}_${size}`],
        source: "segment-anything-2",
        files: [{ file, url: `https://dl.fbaipublicfiles.com/segment_anything_2/${folder}/${file}` }],
      },
      converted(about, `facebook/${network.replaceAll("_", "-")}`),
    ];
  }),
);

/** A conversion for transformers. */
function converted(
  about: Pick<SegmentRecord, "task" | "licence" | "network" | "params" | "reference">,
  repository: string,
): SegmentRecord {
  const file = "model.safetensors";
  return {
    ...about,
    name: `${about.network}.hf`,
    network: repository,
    source: "hf",
    files: [{ file, url: `https://huggingface.co/${repository}/resolve/main/${file}` }],
  };
}

/** Best first: SAM 2.1, of which the smallest is the usual choice without a GPU, then SAM 2, MobileSAM and SAM. */
export const records: readonly SegmentRecord[] = [...sam2s, mobileSam, ...sams];
