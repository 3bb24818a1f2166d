/** Following objects through videos as a task. Light: what it needs is loaded when it is asked for. */
import { defineTask, type Runtime, type Task } from "@tessera-ml/kit/task";
import type { Clip } from "@tessera-ml/media";
import { TRACK_ENDINGS } from "./outputs/endings.ts";
import { maskGeneration } from "./task.ts";
import type { TrackedVideo, TrackOptions } from "./tracked-video.ts";

// Declarations of lists of tasks name them.
export type { TrackedVideo, TrackOptions };

export const videoSegmentation: Task<"video-segmentation", Clip, TrackOptions, TrackedVideo> = defineTask({
  name: "video-segmentation",
  command: "track",
  title: "Tracking",
  summary: "Follow what you point at through a video.",
  accepts: ["video"],
  saves: [...TRACK_ENDINGS],
  examples: [
    ["tessera track clip.mp4 --point 320,240@0 --out tracked.mp4", "what is at a point of the first frame"],
    ["tessera track clip.mp4 --box 100,80,420,360@12 --out tracked.mp4", "what is in a box of frame 12"],
    [
      "tessera track clip.mp4 --point dog=90,200@0 --point cat=400,210@30 --out pets.json",
      "two objects, as run lengths of COCO for each frame",
    ],
    ["tessera track clip.mp4 --point 320,240@0 --not 300,400@40", "corrected on frame 40"],
    ["tessera track clip.mp4 --point 320,240@0 -m sam2.1-tiny --side 512 --pooled", "faster and less exact"],
  ],
  errors: maskGeneration.errors,
  checkpoints: maskGeneration.name,
  catalogue: maskGeneration.catalogue,
  schemas: () => import("./track-schemas.ts"),
  load: (): Promise<Runtime<Clip, TrackOptions, TrackedVideo>> => import("./track-runtime.ts"),
});
