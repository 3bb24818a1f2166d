/** Labels a folder of photographs with a teacher's maps. Node only. */
import { mkdir } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { sha256File } from "@tessera-ml/hub";
import { askAll, messageOf } from "@tessera-ml/kit";
import { mediaFiles } from "@tessera-ml/kit/files";
import { type RunJobOptions, runJob } from "@tessera-ml/kit/jobs";
import { encodePng16, finiteRange, readImage } from "@tessera-ml/media";
import { atomicWrite, encodeNpy } from "@tessera-ml/nn";
import type { DepthEstimator } from "../estimator.ts";
import { toSteps } from "../outputs/steps.ts";
import type { DepthOptions, DepthResult } from "../result.ts";
import { LABELS, type Label, type LabelList, type MapFormat, photographAt } from "./format.ts";

export interface PseudoLabelOptions
  extends Pick<DepthOptions, "preset" | "size">,
    Pick<RunJobOptions, "queue" | "signal" | "progress" | "silence"> {
  /** The folder of photographs; folders below it count. */
  readonly images: string;
  /** For the labels. With `queue`, all workers must share it. */
  readonly out: string;
  /** The teacher. */
  readonly estimator: DepthEstimator;
  /** Larger photographs are shrunk to this shorter side, which is that of their maps; default 768. */
  readonly shorterSide?: number | undefined;
  /** `png` (default): steps of 16 bits between the smallest and the largest value; `npy`: float32. */
  readonly format?: MapFormat | undefined;
  /** Photographs per shard, the unit of resuming and of sharing; default 32. */
  readonly shardSize?: number | undefined;
  /** Photographs per forward pass; default 4. */
  readonly batchSize?: number | undefined;
}

type Skipped = LabelList["skipped"][number];

interface ShardLabels {
  readonly files: readonly Label[];
  readonly skipped: readonly Skipped[];
}

/**
 * Writes `labels.json` and one map for each photograph; `openPseudoLabels` reads them. A photograph that cannot be read
 * is skipped and listed with its reason. A stopped run goes on where it was, and a completed one is only read.
 *
 * @throws Error if there are no photographs, or `out` holds labels made in another way
 * @throws RangeError for a size that does not suit the teacher
 * @throws JobError, QueueError like {@link runJob}
 */
export async function pseudoLabel(options: PseudoLabelOptions): Promise<LabelList> {
  const { estimator, queue, signal, progress, silence } = options;
  const { shorterSide = 768, format = "png", shardSize = 32 } = options;
  const [images, out] = [resolve(options.images), resolve(options.out)];
  if (!Number.isInteger(shorterSide) || shorterSide < 1)
    throw new RangeError(`shorterSide: expected a whole number of pixels, got ${shorterSide}`);
  const { size } = estimator.preset(options);
  const { record, paths } = estimator;
  const [{ file, sha256 = await sha256File(paths[0] ?? file) }] = record.files;
  const preset = options.preset ?? record.depth.preset;
  const settings = { teacher: record.name, sha256, preset, size, "shorter side": shorterSide, format };
  const shards = await runJob<ShardLabels>(
    {
      ...{ name: "pseudo-label", folder: out, settings, shardSize },
      items: await photographs(images, out),
      work: (shard, context) =>
        labelShard(shard.items, { ...options, images, out, shorterSide, format }, context),
    },
    { queue, signal, progress, silence },
  );
  const list: LabelList = {
    teacher: { name: record.name, sha256, kind: record.depth.kind, preset, size },
    ...{ images, shorterSide, format },
    files: shards.flatMap(({ files }) => files),
    skipped: shards.flatMap(({ skipped }) => skipped),
  };
  await atomicWrite(join(out, LABELS), `${JSON.stringify(list, null, 1)}\n`);
  return list;
}

/** Relative to their folder, with `/`; without the maps if they are written below it. */
async function photographs(images: string, out: string): Promise<string[]> {
  const own = `${relative(images, out)}${sep}`;
  const files = (await mediaFiles(images, ["image"])).filter((file) => !file.startsWith(own));
  if (files.length === 0) throw new Error(`${images}: no photographs in this folder or below it`);
  return files.map((file) => file.split(sep).join("/"));
}

async function labelShard(
  names: readonly string[],
  options: PseudoLabelOptions & Required<Pick<PseudoLabelOptions, "shorterSide" | "format">>,
  { signal, finished }: { readonly signal: AbortSignal; finished(count: number): void },
): Promise<ShardLabels> {
  const { estimator, images, out, preset, size, shorterSide, format, batchSize = 4 } = options;
  const asked = askAll(
    [estimator],
    names,
    { preset, size },
    {
      decode: async (name: string) =>
        photographAt(await readImage(join(images, name), { mode: "file" }), shorterSide),
      ...{ batchSize, signal },
    },
  );
  const files: Label[] = [];
  const skipped: Skipped[] = [];
  for await (const { source: image, answers, errors } of asked) {
    const [result] = answers;
    if (result) files.push(await writeMap(result, image, `maps/${image}.${format}`, out));
    else skipped.push({ image, reason: reasonOf(errors[0], join(images, image)) });
    finished(files.length + skipped.length);
  }
  return { files, skipped };
}

async function writeMap(result: DepthResult, image: string, map: string, out: string): Promise<Label> {
  const { width, height } = result;
  const disparity = disparityOf(result);
  const [min, max] = finiteRange(disparity);
  const path = join(out, map);
  await mkdir(dirname(path), { recursive: true });
  const bytes = map.endsWith(".npy")
    ? await encodeNpy({
        ...{ name: "disparity", dtype: "float32", shape: [height, width] },
        data: Float32Array.from(disparity),
      })
    : await encodePng16({ width, height }, toSteps(disparity, min, max));
  await atomicWrite(path, bytes);
  return { image, map, width, height, min, max };
}

/** NaN where there is no depth. */
function disparityOf(result: DepthResult): Float32Array {
  if (result.kind === "disparity") return result.disparity;
  return result.metres.map((metres) => (metres > 0 ? 1 / metres : Number.NaN));
}

function reasonOf(error: unknown, path: string): string {
  const message = messageOf(error);
  return message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message;
}
