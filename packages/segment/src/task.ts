/** Promptable segmentation as a task. Light: what it needs is loaded when it is asked for. */
import { defineTask, type Runtime, type Task } from "@tessera-ml/kit/task";
import type { ImageSource } from "@tessera-ml/media";
import { ENDINGS } from "./outputs/endings.ts";
import type { SegmentRecord } from "./records.ts";
import type { Segmentation, SegmentOptions } from "./result.ts";
import { info } from "./title.ts";

// Declarations of lists of tasks name them.
export type { Segmentation, SegmentOptions };

export const maskGeneration: Task<"mask-generation", ImageSource, SegmentOptions, Segmentation> = defineTask({
  name: "mask-generation",
  command: "segment",
  title: "Segmentation",
  summary: "Cut out what you point at in an image, or everything.",
  accepts: ["image"],
  saves: [...ENDINGS],
  examples: [
    ["tessera segment photo.jpg --point 320,240 --out mask.png", "what is at a point, white on black"],
    [
      "tessera segment photo.jpg --box 100,80,420,360 --out cut.png --style cutout",
      "what is in a box, alone",
    ],
    ["tessera segment photo.jpg --point 320,240 --not 300,400", "but not what is at another point"],
    [
      "tessera segment photo.jpg --point dog=90,200 --point cat=400,210 --out pets.jpg",
      "two objects in colours",
    ],
    ["tessera segment photo.jpg --everything --out all.json", "everything, as run lengths of COCO"],
    ["tessera segment photo.jpg --point 320,240 -m sam2.1-tiny --side 512", "with a smaller input: faster"],
    ["tessera segment photo.jpg --point 320,240 -m own.pt", "a checkpoint file of your own"],
  ],
  metrics: {
    miou1: { label: "mIoU, 1 click", better: "more", digits: 3 },
    miou3: { label: "mIoU, 3 clicks", better: "more", digits: 3 },
    miou5: { label: "mIoU, 5 clicks", better: "more", digits: 3 },
  },
  errors: {
    "bad-prompt": "bad-request",
    "bad-frame": "bad-input",
    "unknown-object": "not-found",
    "no-prompt": "bad-request",
    "bad-data": "bad-input",
  },
  describeRecord: (record) => {
    const size = (record as SegmentRecord).segment?.size;
    return size === undefined ? [] : [["input", `${size} × ${size}`]];
  },
  info,
  catalogue: () => import("./catalogue.ts"),
  schemas: () => import("./schemas.ts"),
  load: (): Promise<Runtime<ImageSource, SegmentOptions, Segmentation>> => import("./runtime.ts"),
  workshop: () => import("#workshop"),
});
