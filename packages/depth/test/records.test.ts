import { findRecord } from "@tessera-ml/kit";
import { encodeSafetensors, openCheckpoint } from "@tessera-ml/nn";
import { expect, test } from "vitest";
import { type DepthAnything, type DepthRecord, depthSchema, networks, records } from "../src/index.ts";
import { opener } from "../src/opener.ts";
import { titleOf } from "../src/title.ts";

test("records are valid, and their networks are what they say", () => {
  for (const record of records) {
    expect(depthSchema.safeParse(record).error, record.name).toBeUndefined();
    const { create, network } = networks.ofRecord(record);
    expect(record.name.split(".")[0], record.name).toBe(network.name);
    if (record.source === "midas") continue;
    const { config } = create() as DepthAnything;
    expect(config.maxDepth).toBe(record.depth.maxDepth);
    if (network.family !== "Depth Anything") continue;
    expect(config.encoder.interpolateOffset, record.name).toBe(record.source === "hf" ? 0 : undefined);
  }
  const names = records.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  [{ kind: "metric", output: "metres", preset: "depth_anything_v2" }, undefined],
  [{ kind: "metric", output: "focal", preset: "depth_anything_3" }, undefined],
  [{ kind: "disparity", output: "depth", preset: "depth_anything_3" }, undefined],
  [{ kind: "metric", preset: "depth_anything_v2" }, "expected for metric checkpoints, and only for them"],
  [{ kind: "metric", output: "depth", maxDepth: 20, preset: "depth_anything_v2" }, "expected for metric"],
  [{ kind: "disparity", output: "metres", preset: "depth_anything_v2" }, "expected depth for disparity"],
])("fields %j", (depth, message) => {
  const { error } = depthSchema.safeParse({ ...(records[0] as DepthRecord), depth });
  if (message === undefined) expect(error).toBeUndefined();
  else expect(error?.message).toContain(message);
});

test.each([
  ["depth-anything-v2-small", "depth_anything_v2_vits.original"],
  ["Depth-Anything-V2-Large-hf", "depth_anything_v2_vitl.hf"],
  ["depth_anything_v2_vitb", "depth_anything_v2_vitb.original"],
  ["depth-anything/Depth-Anything-V2-Small", "depth_anything_v2_vits.original"],
  ["depth-anything/Depth-Anything-V2-Metric-Outdoor-Base-hf", "depth_anything_v2_metric_vkitti_vitb.hf"],
  ["LiheYoung/depth_anything_vits14", "depth_anything_vits14.original"],
  ["depth-anything-base", "depth_anything_vitb14.original"],
  ["dpt-beit-large-512", "dpt_beit_large_512.original"],
  ["dpt-large-384", "dpt_large_384.original"],
  ["Intel/dpt-large", "dpt_large_384.hf"],
  ["video-depth-anything-small", "video_depth_anything_vits.original"],
  ["metric-video-depth-anything-large", "metric_video_depth_anything_vitl.original"],
  ["depth-anything/DA3MONO-LARGE", "da3mono_large.hf"],
  ["da3metric-large", "da3metric_large.hf"],
])("%s is %s", (name, found) => {
  expect(findRecord(records, name).name).toBe(found);
});

test.each([
  ["depth_lite0.tessera", "Depth Lite0"],
  ["depth_anything_v2_vits.original", "Depth Anything V2 S"],
  ["depth_anything_vitl14.hf", "Depth Anything L (transformers)"],
  ["depth_anything_v2_metric_hypersim_vitb.original", "Depth Anything V2 B, metric, indoor"],
  ["midas_v21_384.original", "MiDaS v2.1"],
  ["dpt_swin2_tiny_256.original", "DPT Swin2-T 256"],
  ["dpt_large_384.hf", "DPT-Large (transformers)"],
  ["video_depth_anything_vitb.original", "Video Depth Anything B"],
  ["metric_video_depth_anything_vits.original", "Video Depth Anything S, metric"],
  ["da3mono_large.hf", "Depth Anything 3 L"],
  ["da3metric_large.hf", "Depth Anything 3 L, metric"],
  ["someones_own.file", "someones_own"],
])("%s is called %s", (name, title) => {
  expect(titleOf(name)).toBe(title);
});

test("only the small models of V2 are free for any use", () => {
  for (const { name, licence } of records)
    if (/_v2_/.test(name)) expect(licence, name).toBe(/vits\./.test(name) ? "Apache-2.0" : "CC-BY-NC-4.0");
});

test.each([
  ["pretrained.cls_token", "depth_anything_v2"],
  ["backbone.embeddings.cls_token", "transformers"],
])("a file with %s is prepared for as in %s", async (name, preset) => {
  const tensor = { name, dtype: "float32" as const, shape: [1], data: Float32Array.of(1) };
  await using checkpoint = await openCheckpoint(await encodeSafetensors([tensor]));
  const { network } = networks.find("depth_anything_v2_vits");
  expect(await opener.bareRecord!(network, "a.pth", checkpoint)).toMatchObject({
    depth: { kind: "disparity", preset },
  });
});
