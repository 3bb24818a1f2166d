/** Published checkpoints, with what they say and how their images are prepared. */
import { type CheckpointRecord, parseRecordAs, recordSchema } from "@tessera-ml/hub/records";
import * as z from "zod";
import { type DepthAnythingConfig, depthAnythingConfigs } from "./models/depth-anything.ts";
import { depthPresets } from "./preprocess.ts";

/** The task of every record here. */
export const TASK = "depth-estimation";

export type PresetName = keyof typeof depthPresets;

/**
 * What the maps of a checkpoint say.
 * - `disparity`: inverse depth up to an unknown scale and shift; larger is nearer
 * - `metric`: depth in metres
 */
export type DepthKind = "disparity" | "metric";

export interface DepthFields {
  readonly kind: DepthKind;
  /** Metric checkpoints: the largest depth in metres, which no file states. */
  readonly maxDepth?: number | undefined;
  /**
   * What the network gives, where that is neither disparity nor metres up to `maxDepth`:
   * - `depth`: relative depth, whose inverse is the disparity (DA3Mono)
   * - `focal`: metres = output · focal length in pixels / 300 (DA3Metric)
   * - `metres`: metres without a bound (Video Depth Anything's metric models)
   */
  readonly output?: "depth" | "focal" | "metres" | undefined;
  /** How images are prepared and maps resized. */
  readonly preset: PresetName;
  /** Side of the network's input in pixels; default: the preset's. */
  readonly size?: number | undefined;
}

export interface DepthRecord extends CheckpointRecord {
  readonly depth: DepthFields;
}

const presetNames = Object.keys(depthPresets) as [PresetName, ...PresetName[]];
const maxDepth = z.number().positive();

export const depthSchema: z.ZodType<DepthRecord> = recordSchema({
  task: z.literal(TASK),
  depth: z
    .strictObject({
      kind: z.enum(["disparity", "metric"]),
      maxDepth: maxDepth.optional(),
      output: z.enum(["depth", "focal", "metres"]).optional(),
      preset: z.enum(presetNames),
      size: z.int().positive().optional(),
    })
    .refine(
      ({ kind, maxDepth, output }) =>
        (kind === "metric" && output === undefined) === (maxDepth !== undefined),
      { path: ["maxDepth"], message: "expected for metric checkpoints, and only for them" },
    )
    .refine(({ kind, output }) => output === undefined || (output === "depth") === (kind === "disparity"), {
      path: ["output"],
      message: "expected depth for disparity, focal or metres for metric checkpoints",
    }),
});

/** @throws HubError `bad-data` naming the file `where` and the field */
export function checkDepthRecord(record: CheckpointRecord, where: string): DepthRecord {
  return parseRecordAs(depthSchema, record, where);
}

const MIDAS_PRESETS: Readonly<Record<string, PresetName>> = {
  midas_v21_384: "midas_v21",
  midas_v21_small_256: "midas_v21_small",
  dpt_large_384: "midas_dpt_384",
  dpt_hybrid_384: "midas_dpt_384",
  dpt_beit_large_512: "midas_dpt_512",
  dpt_beit_large_384: "midas_dpt_384",
  dpt_beit_base_384: "midas_dpt_384",
  dpt_swin2_large_384: "midas_dpt_square_384",
  dpt_swin2_base_384: "midas_dpt_square_384",
  dpt_swin2_tiny_256: "midas_dpt_square_256",
};

/** The fields of a network's checkpoints under its authors' names; undefined for networks that are no estimators. */
export function usualFields(network: string): DepthFields | undefined {
  if (network === "depth_lite0") return { kind: "disparity", preset: "tessera" };
  const midas = MIDAS_PRESETS[network];
  if (midas) return { kind: "disparity", preset: midas };
  if (network === "da3mono_large") return { kind: "disparity", output: "depth", preset: "depth_anything_3" };
  if (network === "da3metric_large") return { kind: "metric", output: "focal", preset: "depth_anything_3" };
  if (network.startsWith("video_")) return { kind: "disparity", preset: "depth_anything_v2" };
  if (network.startsWith("metric_video_"))
    return { kind: "metric", output: "metres", preset: "depth_anything_v2" };
  const config: DepthAnythingConfig | undefined =
    depthAnythingConfigs[network as keyof typeof depthAnythingConfigs];
  if (!config) return undefined;
  const preset = network.startsWith("depth_anything_v2") ? "depth_anything_v2" : "depth_anything";
  return { ...kindOf(config), preset };
}

function kindOf({ maxDepth }: DepthAnythingConfig): Pick<DepthFields, "kind" | "maxDepth"> {
  return maxDepth === undefined ? { kind: "disparity" } : { kind: "metric", maxDepth };
}

interface Size {
  readonly letter: "s" | "b" | "l";
  readonly word: "small" | "base" | "large";
  readonly params: number;
  /** Of a file, as Hugging Face lists it. */
  readonly sizeMiB: number;
}

const SIZES: readonly Size[] = [
  { letter: "s", word: "small", params: 24_785_089, sizeMiB: 94.6 },
  { letter: "b", word: "base", params: 97_470_785, sizeMiB: 372 },
  { letter: "l", word: "large", params: 335_315_649, sizeMiB: 1278 },
];
const V1 = "https://arxiv.org/abs/2401.10891";
const V2 = "https://arxiv.org/abs/2406.09414";

const page = (repository: string, file: string) =>
  `https://huggingface.co/${repository}/resolve/main/${file}`;
const title = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** The file of the authors and its conversion for transformers, which have different preprocessing. */
function pair(
  network: keyof typeof depthAnythingConfigs,
  { word, params, sizeMiB }: Size,
  about: {
    readonly alias: string;
    readonly repository: string;
    readonly file: string;
    readonly converted: string;
    readonly licence: string;
    readonly reference: string;
  },
): DepthRecord[] {
  const { alias, repository, file, converted, licence, reference } = about;
  const fields = usualFields(network) as DepthFields;
  const common = { task: TASK, licence, params, reference };
  const name = `${alias}_${word}`;
  return [
    {
      ...common,
      name: `${network}.original`,
      aliases: [name],
      network,
      source: "depth-anything",
      files: [{ file, url: page(repository, file), sizeMiB }],
      depth: fields,
    },
    {
      ...common,
      name: `${network}.hf`,
      aliases: [`${name}_hf`],
      network: converted,
      source: "hf",
      files: [{ file: "model.safetensors", url: page(converted, "model.safetensors"), sizeMiB }],
      depth: { ...fields, preset: "transformers" },
      note: "Converted for transformers; preprocessing and the resizing of positions are those of transformers.",
    },
  ];
}

/** Only the small model is free for any use. */
const licenceOfV2 = ({ letter }: Size) => (letter === "s" ? "Apache-2.0" : "CC-BY-NC-4.0");

const v2 = SIZES.flatMap((size) =>
  pair(`depth_anything_v2_vit${size.letter}`, size, {
    alias: "depth_anything_v2",
    repository: `depth-anything/Depth-Anything-V2-${title(size.word)}`,
    file: `depth_anything_v2_vit${size.letter}.pth`,
    converted: `depth-anything/Depth-Anything-V2-${title(size.word)}-hf`,
    licence: licenceOfV2(size),
    reference: V2,
  }),
);

const metric = (["hypersim", "vkitti"] as const).flatMap((data) =>
  SIZES.flatMap((size) => {
    const place = data === "hypersim" ? "Indoor" : "Outdoor";
    return pair(`depth_anything_v2_metric_${data}_vit${size.letter}`, size, {
      alias: `depth_anything_v2_metric_${place.toLowerCase()}`,
      repository: `depth-anything/Depth-Anything-V2-Metric-${data === "hypersim" ? "Hypersim" : "VKITTI"}-${title(size.word)}`,
      file: `depth_anything_v2_metric_${data}_vit${size.letter}.pth`,
      converted: `depth-anything/Depth-Anything-V2-Metric-${place}-${title(size.word)}-hf`,
      licence: licenceOfV2(size),
      reference: V2,
    });
  }),
);

const v1 = SIZES.flatMap((size) =>
  pair(`depth_anything_vit${size.letter}14`, size, {
    alias: "depth_anything",
    repository: `LiheYoung/depth_anything_vit${size.letter}14`,
    file: "pytorch_model.bin",
    converted: `LiheYoung/depth-anything-${size.word}-hf`,
    licence: "Apache-2.0",
    reference: V1,
  }),
);

/** The release a file of MiDaS belongs to, and its paper. */
function midasRelease(network: string): readonly [release: string, reference: string] {
  if (network.startsWith("midas_v21")) return ["v2_1", "https://arxiv.org/abs/1907.01341"];
  if (/^dpt_(large|hybrid)/.test(network)) return ["v3", "https://arxiv.org/abs/2103.13413"];
  return ["v3_1", "https://arxiv.org/abs/2307.14460"];
}

const MIDAS_PARAMS: Readonly<Record<string, number>> = {
  midas_v21_384: 105_362_945,
  midas_v21_small_256: 21_320_545,
  dpt_large_384: 344_055_465,
  dpt_hybrid_384: 123_146_985,
  dpt_beit_large_512: 345_014_441,
  dpt_beit_large_384: 344_338_601,
  dpt_beit_base_384: 111_531_689,
  dpt_swin2_large_384: 213_411_869,
  dpt_swin2_base_384: 102_378_913,
  dpt_swin2_tiny_256: 41_701_331,
};

const midas = Object.keys(MIDAS_PRESETS).map((network): DepthRecord => {
  const [release, reference] = midasRelease(network);
  const file = `${network}.pt`;
  return {
    name: `${network}.original`,
    task: TASK,
    network,
    source: "midas",
    files: [{ file, url: `https://github.com/isl-org/MiDaS/releases/download/${release}/${file}` }],
    licence: "MIT",
    params: MIDAS_PARAMS[network] as number,
    reference,
    depth: usualFields(network) as DepthFields,
  };
});

const dptLarge: DepthRecord = {
  name: "dpt_large_384.hf",
  aliases: ["dpt_large_hf"],
  task: TASK,
  network: "Intel/dpt-large",
  source: "hf",
  files: [{ file: "model.safetensors", url: page("Intel/dpt-large", "model.safetensors") }],
  licence: "Apache-2.0",
  params: MIDAS_PARAMS.dpt_large_384 as number,
  reference: "https://arxiv.org/abs/2103.13413",
  depth: { kind: "disparity", preset: "midas_dpt_384" },
  note: "The weights of dpt_large_384, converted for transformers; images are prepared as MiDaS does it.",
};

const VIDEO_PARAMS = { s: 29_035_137, b: 114_441_409, l: 384_390_337 };

const video = SIZES.flatMap((size) =>
  (["", "metric_"] as const).map((metric): DepthRecord => {
    const network = `${metric}video_depth_anything_vit${size.letter}`;
    const repository = `depth-anything/${metric ? "Metric-" : ""}Video-Depth-Anything-${title(size.word)}`;
    return {
      name: `${network}.original`,
      aliases: [`${metric}video_depth_anything_${size.word}`],
      task: TASK,
      network,
      source: "depth-anything",
      files: [{ file: `${network}.pth`, url: page(repository, `${network}.pth`) }],
      licence: licenceOfV2(size),
      params: VIDEO_PARAMS[size.letter],
      reference: "https://arxiv.org/abs/2501.12375",
      depth: usualFields(network) as DepthFields,
      note: "For videos: it sees 32 frames at once.",
    };
  }),
);

const v3 = (["mono", "metric"] as const).map((kind): DepthRecord => {
  const network = `da3${kind}_large`;
  const converted = `depth-anything/DA3${kind.toUpperCase()}-LARGE`;
  return {
    name: `${network}.hf`,
    aliases: [network, `depth_anything_3_${kind}_large`],
    task: TASK,
    network: converted,
    source: "hf",
    files: [{ file: "model.safetensors", url: page(converted, "model.safetensors") }],
    licence: "Apache-2.0",
    params: 334_171_394,
    reference: "https://arxiv.org/abs/2511.10647",
    depth: usualFields(network) as DepthFields,
  };
});

/** Best first: V2 before V1, and the free small models before the large ones. */
export const records: readonly DepthRecord[] = [...v2, ...metric, ...v1, ...v3, ...video, ...midas, dptLarge];
