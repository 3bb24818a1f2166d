import * as z from "zod";

const shape = z.array(z.int().positive()).meta({ example: [1, 64, 56, 56] });

/** What the outputs of a network mean. */
export const classes = z.object({
  count: z.int().positive(),
  kind: z.enum(["imagenet-1k", "imagenet-1k+background", "cifar10", "digits"]),
});

/** Per cent of the test set that are right, with the model's own preprocessing. */
export const accuracy = z.object({
  dataset: z.string(),
  top1: z.number(),
  top5: z.number().optional(),
});

/** One checkpoint, whether it is on this machine or not. */
export const modelInfo = z
  .object({
    name: z.string().meta({ description: "The name of the checkpoint: network.tag" }),
    task: z.string().meta({ description: "What it does: the name of a task" }),
    network: z.string().meta({ description: "The network in the registry" }),
    title: z.string(),
    family: z.string(),
    year: z.int(),
    paper: z.string(),
    params: z.int().meta({ description: "Learned parameters, without those that only training needs" }),
    macs: z
      .int()
      .optional()
      .meta({ description: "Multiply-accumulates for one input; absent until they are counted" }),
    evaluation: z
      .object({ dataset: z.string(), metrics: z.record(z.string(), z.number()) })
      .optional()
      .meta({ description: "Figures by name, as published or measured" }),
    inputSize: z
      .int()
      .optional()
      .meta({ description: "Of a classifier: side of the square the network reads, in pixels" }),
    channels: z.int().optional().meta({ description: "Of a classifier: 1 for grey, 3 for colour" }),
    classes: classes.optional(),
    accuracy: accuracy.optional(),
    place: z.enum(["shipped", "cache", "shared", "trained", "absent"]).meta({
      description:
        "Where its file lies; `trained`: here, since the server started; `absent`: `tessera pull NAME` brings it",
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

/** What a network costs: multiply-accumulates for one input. */
export interface Cost {
  readonly params: number;
  readonly macs?: number;
}

export const modelsAnswer = z.object({ models: z.array(modelInfo) });

/** One layer that computes, in the order of use. */
export const layerProfile = z
  .object({
    path: z.string().meta({ description: "Where it stands in the network, as in the checkpoint's keys" }),
    type: z.string(),
    inputShape: shape,
    outputShape: shape,
    params: z.int(),
    macs: z.int(),
    receptiveField: z
      .number()
      .nullable()
      .meta({ description: "Side in pixels of what one output sees; null where that is everything" }),
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

/** One link of the chain that a network is. */
export const partShape = z.object({ name: z.string(), shape });

export const modelAnswer = z.object({
  model: modelInfo,
  layers: z.array(layerProfile),
  parts: z.array(partShape),
});

/** One checkpoint in the history of networks, beside others of the same data. */
export const lineageEntry = z
  .object({
    name: z.string(),
    title: z.string(),
    family: z.string(),
    year: z.int(),
    paper: z.string(),
    dataset: z.string().meta({ description: "What the accuracy was measured on" }),
    params: z.int(),
    macs: z.int(),
    top1: z.number().meta({ description: "Per cent" }),
    place: modelInfo.shape.place,
  })
  .meta({ id: "LineageEntry" });

/** In order of years; entries are comparable where `dataset` is the same. */
export const lineageAnswer = z.object({ lineage: z.array(lineageEntry) });

export type Classes = z.infer<typeof classes>;
export type ModelInfo = z.infer<typeof modelInfo>;
export type ModelsAnswer = z.infer<typeof modelsAnswer>;
export type LayerProfile = z.infer<typeof layerProfile>;
export type PartShape = z.infer<typeof partShape>;
export type ModelAnswer = z.infer<typeof modelAnswer>;
export type LineageEntry = z.infer<typeof lineageEntry>;
export type LineageAnswer = z.infer<typeof lineageAnswer>;
