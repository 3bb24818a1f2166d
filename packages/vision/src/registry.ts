/** Every network by name. */

import type { Classifier } from "./classifier.ts";
import { AlexNet, AlexNetTwoTower } from "./models/alexnet.ts";
import { ConvNeXt, convnextConfigs } from "./models/convnext.ts";
import { DenseNet, densenetConfigs } from "./models/densenet.ts";
import { GoogLeNet } from "./models/googlenet.ts";
import { MobileNetV1, MobileNetV2 } from "./models/mobilenet.ts";
import { ResNet, resnetConfigs } from "./models/resnet.ts";
import { SENet154 } from "./models/senet.ts";
import { VGG } from "./models/vgg.ts";
import { VisionTransformer, vitConfigs } from "./models/vit.ts";
import {
  convnextFromTimm,
  convnextFromTorchvision,
  type KeyOf,
  same,
  vitFromTorchvision,
} from "./weights.ts";

export interface CreateOptions {
  /** Default: ImageNet's 1000. */
  readonly classes?: number;
}

/** One network of the lineage. */
export interface ModelEntry {
  readonly name: string;
  readonly family: string;
  readonly year: number;
  readonly paper: string;
  /** Side of the square images it was made for. */
  readonly inputSize: number;
  readonly create: (options?: CreateOptions) => Classifier;
  /**
   * Where published weights come from, and under which names: `torchvision`, `timm`, … → the entry's
   * name there and the file's key for each of our paths.
   */
  readonly sources: Readonly<
    Record<
      string,
      {
        readonly name: string;
        readonly keyOf: KeyOf;
        readonly create?: (options?: CreateOptions) => Classifier;
      }
    >
  >;
}

const entries = new Map<string, ModelEntry>();

function define(entry: Omit<ModelEntry, "inputSize" | "sources"> & Partial<ModelEntry>): void {
  entries.set(entry.name, { inputSize: 224, sources: {}, ...entry });
}

/** A network whose paths are the keys of the source, under the same name. */
function plain(...names: readonly string[]): (name: string) => ModelEntry["sources"] {
  return (name) => Object.fromEntries(names.map((source) => [source, { name, keyOf: same }]));
}

const ALEXNET = {
  family: "AlexNet",
  year: 2012,
  paper: "ImageNet Classification with Deep Convolutional Neural Networks",
};
define({
  ...ALEXNET,
  name: "alexnet",
  create: (options) => new AlexNet(options),
  sources: plain("torchvision")("alexnet"),
});
define({
  ...ALEXNET,
  name: "alexnet_two_tower",
  inputSize: 227,
  create: (options) => new AlexNetTwoTower(options),
});

const VGGS = {
  family: "VGG",
  year: 2014,
  paper: "Very Deep Convolutional Networks for Large-Scale Image Recognition",
};
for (const depth of [11, 13, 16, 19] as const)
  for (const batchNorm of [false, true]) {
    const name = `vgg${depth}${batchNorm ? "_bn" : ""}`;
    define({
      ...VGGS,
      name,
      create: (options) => new VGG({ depth, batchNorm, ...options }),
      sources: plain("torchvision")(name),
    });
  }

const GOOGLENET = { family: "GoogLeNet", year: 2014, paper: "Going Deeper with Convolutions" };
define({
  ...GOOGLENET,
  name: "googlenet",
  create: (options) => new GoogLeNet({ transformInput: true, ...options }),
  sources: {
    // The published file has the auxiliary heads.
    torchvision: {
      name: "googlenet",
      keyOf: same,
      create: (options) => new GoogLeNet({ auxLogits: true, transformInput: true, ...options }),
    },
  },
});
define({
  ...GOOGLENET,
  name: "googlenet_paper",
  create: (options) => new GoogLeNet({ paper: true, ...options }),
});

for (const [name, config] of Object.entries(resnetConfigs)) {
  const squeezes = "reduction" in config;
  define({
    name,
    family: squeezes ? "SENet" : "ResNet",
    year: squeezes ? 2017 : 2015,
    paper: squeezes ? "Squeeze-and-Excitation Networks" : "Deep Residual Learning for Image Recognition",
    create: (options) => new ResNet({ ...config, ...options }),
    sources: squeezes ? plain("timm")(name) : plain("torchvision", "timm")(name),
  });
}
define({
  name: "senet154",
  family: "SENet",
  year: 2017,
  paper: "Squeeze-and-Excitation Networks",
  create: (options) => new SENet154(options),
  sources: { timm: { name: "legacy_senet154", keyOf: same } },
});

for (const [name, config] of Object.entries(densenetConfigs))
  define({
    name,
    family: "DenseNet",
    year: 2016,
    paper: "Densely Connected Convolutional Networks",
    create: (options) => new DenseNet({ ...config, ...options }),
    sources: plain("torchvision")(name),
  });

define({
  name: "mobilenetv1_100",
  family: "MobileNet",
  year: 2017,
  paper: "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
  create: (options) => new MobileNetV1(options),
  sources: plain("timm")("mobilenetv1_100"),
});
const MOBILENET_V2 = {
  family: "MobileNet",
  year: 2018,
  paper: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
};
define({
  ...MOBILENET_V2,
  name: "mobilenet_v2",
  create: (options) => new MobileNetV2(options),
  sources: plain("torchvision")("mobilenet_v2"),
});
for (const percent of [35, 50, 75, 140])
  define({
    ...MOBILENET_V2,
    name: `mobilenet_v2_${String(percent).padStart(3, "0")}`,
    create: (options) => new MobileNetV2({ width: percent / 100, ...options }),
  });

/** torchvision's names of the same Vision Transformers. */
const TORCHVISION_VITS: Readonly<Record<string, string>> = {
  vit_base_patch16_224: "vit_b_16",
  vit_base_patch32_224: "vit_b_32",
  vit_large_patch16_224: "vit_l_16",
  vit_large_patch32_224: "vit_l_32",
};
for (const [name, config] of Object.entries(vitConfigs)) {
  const torchvision = TORCHVISION_VITS[name];
  define({
    name,
    family: "ViT",
    year: 2020,
    paper: "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
    create: (options) => new VisionTransformer({ ...config, ...options }),
    sources: {
      timm: { name, keyOf: same },
      ...(torchvision && { torchvision: { name: torchvision, keyOf: vitFromTorchvision } }),
    },
  });
}

for (const [name, config] of Object.entries(convnextConfigs)) {
  const second = "version" in config;
  define({
    name,
    family: "ConvNeXt",
    year: second ? 2023 : 2022,
    paper: second
      ? "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders"
      : "A ConvNet for the 2020s",
    create: (options) => new ConvNeXt({ ...config, ...options }),
    sources: {
      facebook: { name, keyOf: same },
      timm: { name, keyOf: convnextFromTimm },
      ...(!second && { torchvision: { name, keyOf: convnextFromTorchvision } }),
    },
  });
}

/** All networks, oldest first. */
export function listModels(): ModelEntry[] {
  return [...entries.values()].sort((a, b) => a.year - b.year);
}

/** A network by our name, or by a source's (`torchvision/vit_b_16`). */
export interface FoundModel {
  readonly entry: ModelEntry;
  readonly create: (options?: CreateOptions) => Classifier;
  readonly keyOf: KeyOf;
}

/** Looks a network up; throws naming what there is. */
export function findModel(name: string): FoundModel {
  const own = entries.get(name);
  if (own) return { entry: own, create: own.create, keyOf: same };
  const [source, rest] = name.split("/", 2) as [string, string | undefined];
  for (const entry of entries.values()) {
    const published = entry.sources[source];
    if (rest !== undefined && published?.name === rest)
      return { entry, create: published.create ?? entry.create, keyOf: published.keyOf };
  }
  const close = [...entries.keys()].filter((known) => known.includes((rest ?? name).slice(0, 5)));
  throw new Error(
    `no network named "${name}"${close.length > 0 ? `; close to it: ${close.join(", ")}` : ""}. All: ${[...entries.keys()].join(", ")}`,
  );
}

/** Makes a network by name, with fresh parameters. */
export function createModel(name: string, options?: CreateOptions): Classifier {
  return findModel(name).create(options);
}
