/** Depth Anything V1, V2 and 3, and Video Depth Anything. */
import type { Network } from "@tessera-ml/kit/networks";
import {
  asInTransformers,
  DepthAnything,
  type DepthAnythingConfig,
  depthAnythingConfigs,
} from "../models/depth-anything.ts";
import { DepthAnything3Mono, depthAnything3Configs } from "../models/depth-anything-3.ts";
import { VideoDepthAnything, videoDepthAnythingConfigs } from "../models/video-depth-anything.ts";
import { depthAnything3FromHuggingFace, depthAnythingFromHuggingFace } from "../naming.ts";

/** @param published the name on Hugging Face, if there are weights for transformers */
function image(name: keyof typeof depthAnythingConfigs, published?: string): Network {
  const config: DepthAnythingConfig = depthAnythingConfigs[name];
  const create = (options?: object) => new DepthAnything({ ...asInTransformers(config), ...options });
  return {
    name,
    family: "Depth Anything",
    year: 2024,
    paper: name.startsWith("depth_anything_v2")
      ? "Depth Anything V2"
      : "Depth Anything: Unleashing the Power of Large-Scale Unlabeled Data",
    input: [3, 518, 518],
    create: (options?: object) => new DepthAnything({ ...config, ...options }),
    sources: published ? { hf: { name: published, ...depthAnythingFromHuggingFace, create } } : {},
  };
}

function video(name: keyof typeof videoDepthAnythingConfigs): Network {
  return {
    name,
    family: "Video Depth Anything",
    year: 2025,
    paper: "Video Depth Anything: Consistent Depth Estimation for Super-Long Videos",
    input: [32, 3, 518, 518],
    create: () => new VideoDepthAnything(videoDepthAnythingConfigs[name]),
    sources: {},
  };
}

function single(name: keyof typeof depthAnything3Configs, published: string): Network {
  return {
    name,
    family: "Depth Anything 3",
    year: 2025,
    paper: "Depth Anything 3: Recovering the Visual Space from Any Views",
    input: [3, 504, 504],
    create: () => new DepthAnything3Mono(depthAnything3Configs[name]),
    sources: { hf: { name: published, ...depthAnything3FromHuggingFace } },
  };
}

export const depthAnythings: readonly Network[] = [
  image("depth_anything_vits14", "LiheYoung/depth-anything-small-hf"),
  image("depth_anything_vitb14", "LiheYoung/depth-anything-base-hf"),
  image("depth_anything_vitl14", "LiheYoung/depth-anything-large-hf"),
  image("depth_anything_v2_vits", "depth-anything/Depth-Anything-V2-Small-hf"),
  image("depth_anything_v2_vitb", "depth-anything/Depth-Anything-V2-Base-hf"),
  image("depth_anything_v2_vitl", "depth-anything/Depth-Anything-V2-Large-hf"),
  image("depth_anything_v2_vitg"),
  image("depth_anything_v2_metric_hypersim_vits", "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf"),
  image("depth_anything_v2_metric_hypersim_vitb", "depth-anything/Depth-Anything-V2-Metric-Indoor-Base-hf"),
  image("depth_anything_v2_metric_hypersim_vitl", "depth-anything/Depth-Anything-V2-Metric-Indoor-Large-hf"),
  image("depth_anything_v2_metric_vkitti_vits", "depth-anything/Depth-Anything-V2-Metric-Outdoor-Small-hf"),
  image("depth_anything_v2_metric_vkitti_vitb", "depth-anything/Depth-Anything-V2-Metric-Outdoor-Base-hf"),
  image("depth_anything_v2_metric_vkitti_vitl", "depth-anything/Depth-Anything-V2-Metric-Outdoor-Large-hf"),
  video("video_depth_anything_vits"),
  video("video_depth_anything_vitb"),
  video("video_depth_anything_vitl"),
  video("metric_video_depth_anything_vits"),
  video("metric_video_depth_anything_vitb"),
  video("metric_video_depth_anything_vitl"),
  single("da3mono_large", "depth-anything/DA3MONO-LARGE"),
  single("da3metric_large", "depth-anything/DA3METRIC-LARGE"),
];
