/** The image classification task. Lightweight: heavy modules load on first use. */
import { defineTask, type Task } from "@tessera-ml/kit/task";
import type { ImageSource } from "@tessera-ml/media";
import { describeRecord, info, inputOf, recordJson } from "./describe-record.ts";
import type { Classification, ClassifyOptions } from "./pipeline/types.ts";
import type { ClassifierRecord } from "./records/record.ts";

// Declarations of lists of tasks name them.
export type { Classification, ClassifyOptions };

export const imageClassification: Task<"image-classification", ImageSource, ClassifyOptions, Classification> =
  defineTask({
    name: "image-classification",
    command: "classify",
    title: "Image classification",
    summary: "Say what pictures show.",
    accepts: ["image"],
    examples: [
      ["tessera classify photo.jpg", "with the best network on this machine"],
      ["tessera classify photo.jpg -m resnet18 -m mobilenet_v2", "two networks compared"],
      ["tessera classify holiday/ --top 1", "every picture of a folder"],
      ["curl -s https://example.org/a.jpg | tessera classify -", "a picture from a pipe"],
      ["tessera classify digit.png -m lenet5", "a handwritten digit"],
      ["tessera classify *.jpg | jq -r .predictions[0].label", "a pipe gets JSON lines"],
      ["tessera classify a.png -m model.pth -n resnet18", "your own checkpoint file"],
      ["tessera classify a.png -m pets.pth --labels pets.txt", "with your own classes"],
    ],
    metrics: {
      top1: { label: "top-1", unit: "%", better: "more" },
      top5: { label: "top-5", unit: "%", better: "more" },
    },
    errors: { "no-digit": "unsuitable", "no-attention": "unsuitable", "no-places": "unsuitable" },
    describeRecord,
    recordJson,
    info,
    inputShape: inputOf,
    build: async (network, record) => {
      const classes = (record as ClassifierRecord | undefined)?.classes.count;
      return network.create(classes === undefined ? {} : { classes });
    },
    catalogue: () => import("./catalogue.ts"),
    schemas: () => import("./schemas.ts"),
    load: () => import("./runtime.ts"),
    workshop: () => import("#workshop"),
  });
