import * as z from "zod";

const shape = z.array(z.int().positive()).meta({ example: [1, 64, 56, 56] });

/** The classes that a network's outputs stand for. */
export const classes = z.object({
  count: z.int().positive(),
  kind: z.enum(["imagenet-1k", "imagenet-1k+background", "cifar10", "digits"]),
});

/** Accuracy on the test set in per cent, with the checkpoint's own preprocessing. */
export const accuracy = z.object({
  dataset: z.string(),
  top1: z.number(),
  top5: z.number().optional(),
});

/** A checkpoint, on this machine or not. */
export const modelInfo = z
  .object({
    name: z.string().meta({ description: "The name of the checkpoint: network.tag" }),
    task: z.string().meta({ description: "The name of its task" }),
    network: z.string().meta({ description: "The name of its network" }),
    title: z.string(),
    family: z.string(),
    year: z.int(),
    paper: z.string(),
    params: z.int().meta({ description: "Learned parameters, without those used only in training" }),
    macs: z
      .int()
      .optional()
      .meta({ description: "Multiply-accumulates for one input; absent until counted" }),
    evaluation: z
      .object({ dataset: z.string(), metrics: z.record(z.string(), z.number()) })
      .optional()
      .meta({ description: "Figures by name, as published or measured" }),
    inputSize: z
      .int()
      .optional()
      .meta({ description: "Classifiers only: side of the square input in pixels" }),
    channels: z.int().optional().meta({ description: "Classifiers only: 1 for grey, 3 for colour" }),
    classes: classes.optional(),
    accuracy: accuracy.optional(),
    place: z.enum(["shipped", "cache", "shared", "trained", "absent"]).meta({
      description:
        "Where its files are. `trained`: trained by this server; `absent`: `tessera pull NAME` downloads it",
    }),
    sizeBytes: z.int().optional(),
    note: z.string().optional(),
  })
  .meta({
    id: "ModelInfo",
    example: {
      name: "cifar_resnet20.tessera",
      task: "image-classification",
      network: "cifar_resnet20",
      title: "ResNet-20",
      family: "ResNet",
      year: 2015,
      paper: "Deep Residual Learning for Image Recognition",
      params: 269722,
      macs: 40813184,
      inputSize: 32,
      channels: 3,
      classes: { count: 10, kind: "cifar10" },
      place: "shipped",
    },
  });

/** The size and cost of a network: learned parameters, and multiply-accumulates for one input. */
export interface Cost {
  readonly params: number;
  readonly macs?: number;
}

export const modelsAnswer = z.object({ models: z.array(modelInfo) });

/** A layer, in execution order. */
export const layerProfile = z
  .object({
    path: z.string().meta({ description: "Its path in the network, as in the checkpoint's keys" }),
    type: z.string(),
    inputShape: shape,
    outputShape: shape,
    params: z.int(),
    macs: z.int(),
    receptiveField: z
      .number()
      .nullable()
      .meta({ description: "Side of the receptive field in pixels; null if it covers the whole input" }),
  })
  .meta({
    id: "LayerProfile",
    example: {
      path: "conv1",
      type: "Conv2d",
      inputShape: [1, 3, 32, 32],
      outputShape: [1, 16, 32, 32],
      params: 432,
      macs: 442368,
      receptiveField: 3,
    },
  });

/** One of the consecutive parts of a network. */
export const partShape = z.object({ name: z.string(), shape });

export const modelAnswer = z.object({
  model: modelInfo,
  layers: z.array(layerProfile),
  parts: z.array(partShape),
});

/** A checkpoint in the history of networks. */
export const lineageEntry = z
  .object({
    name: z.string(),
    title: z.string(),
    family: z.string(),
    year: z.int(),
    paper: z.string(),
    dataset: z.string().meta({ description: "The data set of the accuracy" }),
    params: z.int(),
    macs: z.int(),
    top1: z.number().meta({ description: "Per cent" }),
    place: modelInfo.shape.place,
  })
  .meta({ id: "LineageEntry" });

/** By year. Entries are comparable if they share a `dataset`. */
export const lineageAnswer = z.object({ lineage: z.array(lineageEntry) });

export type Classes = z.infer<typeof classes>;
export type ModelInfo = z.infer<typeof modelInfo>;
export type ModelsAnswer = z.infer<typeof modelsAnswer>;
export type LayerProfile = z.infer<typeof layerProfile>;
export type PartShape = z.infer<typeof partShape>;
export type ModelAnswer = z.infer<typeof modelAnswer>;
export type LineageEntry = z.infer<typeof lineageEntry>;
export type LineageAnswer = z.infer<typeof lineageAnswer>;
