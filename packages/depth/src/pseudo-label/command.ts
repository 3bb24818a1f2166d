/** `tessera depth pseudo-label`. */
import { join } from "node:path";
import { defineCommand, type TaskCommand } from "@tessera-ml/kit";
import { pathOption } from "@tessera-ml/kit/training";
import * as z from "zod";
import { DepthEstimator } from "../estimator.ts";
import { defaultCheckpoint } from "../opener.ts";
import { request } from "../schemas.ts";
import { LABELS } from "./format.ts";
import { pseudoLabel } from "./label.ts";

/** Skipped photographs that are named on the terminal. */
const NAMED = 20;

export const pseudoLabelCommand: TaskCommand = defineCommand({
  arguments: [{ name: "folder", description: "of photographs; folders below it count" }],
  options: z.strictObject({
    out: pathOption("folder").meta({ short: "o", description: "for the labels" }),
    model: z.string().min(1).optional().meta({
      value: "name",
      short: "m",
      description: "the teacher: a checkpoint, network or checkpoint file",
    }),
    network: z
      .string()
      .min(1)
      .optional()
      .meta({ value: "name", short: "n", description: "network of a checkpoint file" }),
    size: request.shape.size,
    preset: request.shape.preset,
    shorterSide: z
      .int()
      .min(14)
      .default(768)
      .meta({ description: "pixels that larger photographs and their maps are shrunk to" }),
    format: z
      .enum(["png", "npy"])
      .default("png")
      .meta({ description: "of the maps: 16 bits between the smallest and the largest value, or float32" }),
    shardSize: z
      .int()
      .min(1)
      .default(32)
      .meta({ description: "photographs per shard, the unit of resuming and of sharing" }),
    queue: z.string().min(1).optional().meta({
      value: "url",
      description: "postgres://…: share the work with all that run this command on it",
    }),
  }),
  examples: [
    ["tessera depth pseudo-label photos/ --out labels", "with the best checkpoint on this machine"],
    ["tessera depth pseudo-label photos/ -o labels -m depth-anything-v2-large", "with another teacher"],
    [
      "tessera depth pseudo-label photos/ -o labels --queue postgres://me:secret@host/jobs",
      "on every machine that shares labels/",
    ],
    ["tessera train depth-student --labels labels", "what the labels are for"],
  ],
  details: [
    "Ctrl-C stops; the same command goes on where it was. A photograph that cannot be read is skipped and",
    "listed in labels.json with the reason, and the exit code is 1.",
  ].join("\n"),
  async run([folder = ""], { out, model, network, ...options }, { signal, progress, hubProgress, note }) {
    const estimator = await DepthEstimator.load(model ?? (await defaultCheckpoint()), {
      ...{ network, signal, progress: hubProgress },
    });
    note(`Labelling ${folder} with ${estimator.record.name}, into ${out}`);
    const { files, skipped, teacher } = await pseudoLabel({
      ...{ ...options, images: folder, out, estimator, signal },
      progress: ({ done, total }) => progress(done, total, `${done} of ${total} photographs`),
    });
    estimator.release();
    for (const { image, reason } of skipped.slice(0, NAMED)) note(`skipped ${image}: ${reason}`);
    if (skipped.length > NAMED) note(`and ${skipped.length - NAMED} more`);
    const list = join(out, LABELS);
    return {
      text: `${files.length} photographs labelled, ${skipped.length} skipped: ${list}`,
      json: { labels: list, teacher, labelled: files.length, skipped },
      failed: skipped.length > 0,
    };
  },
});
