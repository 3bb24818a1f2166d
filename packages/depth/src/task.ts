/** Depth estimation as a task. Light: what it needs is loaded when it is asked for. */
import { defineTask, type Runtime, type Task } from "@tessera-ml/kit/task";
import type { ImageSource } from "@tessera-ml/media";
import { ENDINGS, VIDEO_ENDINGS } from "./outputs/endings.ts";
import type { DepthRecord } from "./records.ts";
import type { DepthOptions, DepthResult } from "./result.ts";
import { info } from "./title.ts";

// Declarations of lists of tasks name them.
export type { DepthOptions, DepthResult };

export const depthEstimation: Task<"depth-estimation", ImageSource, DepthOptions, DepthResult> = defineTask({
  name: "depth-estimation",
  command: "depth",
  title: "Depth estimation",
  summary: "Estimate how far away everything in an image or a video is.",
  accepts: ["image", "video"],
  saves: [...ENDINGS, ...VIDEO_ENDINGS],
  examples: [
    ["tessera depth photo.jpg --out depth.png", "a map with 16 bits"],
    ["tessera depth photo.jpg --out depth.jpg --style side-by-side", "a picture to look at"],
    ["tessera depth photo.jpg --out scene.glb", "a surface in space; .ply for points"],
    ["tessera depth photos/ --out 'maps/*.npy'", "the values of every image of a folder"],
    ["tessera depth clip.mp4 --out depth.mp4", "a video, its frames brought to one scale"],
    ["tessera depth frames/ --fps 24 --out depth.webm", "a folder of frames as a video"],
    ["tessera depth photo.jpg -m depth-anything-v2-metric-indoor-small", "in metres"],
    ["tessera depth photo.jpg --known 120,80=1.5 --known 400,300=4", "metres from two known distances"],
    ["tessera depth photo.jpg -m own.pth -n depth_anything_v2_vits", "a checkpoint file of your own"],
  ],
  commands: { "pseudo-label": "Label a folder of photographs with a teacher's maps, to train a student on." },
  metrics: {
    absRel: { label: "AbsRel", better: "less", digits: 3 },
    delta1: { label: "δ1", better: "more", digits: 3 },
    delta2: { label: "δ2", better: "more", digits: 3 },
    delta3: { label: "δ3", better: "more", digits: 3 },
    rmse: { label: "RMSE", unit: "m", better: "less", digits: 3 },
    rmseLog: { label: "RMSE log", better: "less", digits: 3 },
    log10: { label: "log10", better: "less", digits: 3 },
    silog: { label: "SILog", better: "less", digits: 3 },
    accuracy: { label: "DA-2K", unit: "%", better: "more", digits: 1 },
  },
  errors: { "no-attention": "unsuitable", "no-fusion": "unsuitable" },
  describeRecord: (record) => {
    const { kind, maxDepth, preset } = (record as DepthRecord).depth;
    const bound = maxDepth === undefined ? "" : `, up to ${maxDepth} m`;
    const says = kind === "metric" ? `depth in metres${bound}` : "inverse depth up to scale and shift";
    return [
      ["says", says],
      ["preprocessing", preset],
    ];
  },
  info,
  recordJson: (_, record) => ({ depth: (record as DepthRecord | undefined)?.depth }),
  catalogue: () => import("./catalogue.ts"),
  schemas: () => import("./schemas.ts"),
  // It also shows, saves and converts the answers of `DepthEstimator.video`.
  load: (): Promise<Runtime<ImageSource, DepthOptions, DepthResult>> => import("./runtime.ts"),
  workshop: () => import("#workshop"),
});
