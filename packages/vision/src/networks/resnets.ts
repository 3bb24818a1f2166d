/** Networks with skip connections: ResNet, ResNeXt, SENet and DenseNet. */
import { same } from "@tessera-ml/kit/networks";
import { DenseNet, densenetConfigs } from "../models/densenet.ts";
import { ResNet, resnetConfigs, resnextConfigs } from "../models/resnet.ts";
import { CIFAR_DEPTHS, CifarResNet } from "../models/resnet-cifar.ts";
import { SENet154 } from "../models/senet.ts";
import {
  densenetFromOldTorchvision,
  resnetFromHuggingFace,
  senet154FromGluon,
  seresnetFromLegacyTimm,
} from "../weights.ts";
import { type ClassifierNetwork, classifier, sameKeys } from "./define.ts";

const RESNET = { family: "ResNet", year: 2015, paper: "Deep Residual Learning for Image Recognition" };
const SENET = { family: "SENet", year: 2017, paper: "Squeeze-and-Excitation Networks" };

const imagenetResnets = Object.entries(resnetConfigs).map(([name, config]) =>
  "reduction" in config
    ? classifier({
        ...SENET,
        name,
        create: (options) => new ResNet({ ...config, ...options }),
        sources: {
          ...sameKeys(name, "timm"),
          ...(config.block === "bottleneck" && {
            "timm-legacy": {
              name: `legacy_${name}`,
              keyOf: seresnetFromLegacyTimm,
              create: (options) => new ResNet({ ...config, caffe: true, ...options }),
            },
          }),
        },
      })
    : classifier({
        ...RESNET,
        name,
        create: (options) => new ResNet({ ...config, ...options }),
        sources: {
          ...sameKeys(name, "torchvision", "timm"),
          hf: { name: name.replace("resnet", "microsoft/resnet-"), keyOf: resnetFromHuggingFace },
        },
      }),
);

const resnexts = Object.entries(resnextConfigs).map(([name, config]) =>
  classifier({
    name,
    family: "ResNeXt",
    year: 2016,
    paper: "Aggregated Residual Transformations for Deep Neural Networks",
    create: (options) => new ResNet({ ...config, ...options }),
    sources: sameKeys(name, "torchvision", "timm"),
  }),
);

const cifarResnets = CIFAR_DEPTHS.map((depth) =>
  classifier({
    ...RESNET,
    name: `cifar_resnet${depth}`,
    inputSize: 32,
    classes: 10,
    create: (options) => new CifarResNet({ depth, ...options }),
    sources: sameKeys(`cifar_resnet${depth}`, "akamaster"),
  }),
);

const senet154 = classifier({
  ...SENET,
  name: "senet154",
  create: (options) => new SENet154(options),
  sources: {
    timm: { name: "legacy_senet154", keyOf: same },
    "timm-gluon": {
      name: "senet154",
      keyOf: senet154FromGluon,
      create: (options) => new SENet154({ padPool: true, ...options }),
    },
  },
});

const densenets = Object.entries(densenetConfigs).map(([name, config]) =>
  classifier({
    name,
    family: "DenseNet",
    year: 2016,
    paper: "Densely Connected Convolutional Networks",
    create: (options) => new DenseNet({ ...config, ...options }),
    sources: {
      ...sameKeys(name, "torchvision", "timm"),
      "torchvision-old": { name, keyOf: densenetFromOldTorchvision },
    },
  }),
);

export const resnets: readonly ClassifierNetwork[] = [
  ...imagenetResnets,
  ...resnexts,
  ...cifarResnets,
  senet154,
  ...densenets,
];
