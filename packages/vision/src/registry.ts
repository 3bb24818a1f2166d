/** Every network by name. */

import { type Found, type Network, Networks, same } from "@tessera-ml/kit/networks";
import type { Classifier } from "./classifier.ts";
import { AlexNet, AlexNetTwoTower } from "./models/alexnet.ts";
import { CifarAlexNet } from "./models/cifar/alexnet.ts";
import { cifarConvNeXt, cifarDenseNet, cifarMobileNet, cifarViT } from "./models/cifar/configs.ts";
import { CifarGoogLeNet } from "./models/cifar/googlenet.ts";
import { CifarLeNet } from "./models/cifar/lenet.ts";
import { CifarSpeedrun } from "./models/cifar/speedrun.ts";
import { CifarVGG } from "./models/cifar/vgg.ts";
import { ConvNeXt, convnextConfigs } from "./models/convnext.ts";
import { DenseNet, densenetConfigs } from "./models/densenet.ts";
import { DigitNet } from "./models/digitnet.ts";
import { GoogLeNet } from "./models/googlenet.ts";
import { LeCun1989 } from "./models/lecun1989.ts";
import { LeNet5 } from "./models/lenet5.ts";
import { MobileNetV1, MobileNetV2 } from "./models/mobilenet.ts";
import { MobileNetV2TF } from "./models/mobilenet-tf.ts";
import { ResNet, resnetConfigs } from "./models/resnet.ts";
import { CIFAR_DEPTHS, CifarResNet } from "./models/resnet-cifar.ts";
import { SENet154 } from "./models/senet.ts";
import { SwinTransformer, swinConfigs } from "./models/swin.ts";
import { VGG } from "./models/vgg.ts";
import { VisionTransformer, vitConfigs } from "./models/vit.ts";
import {
  convnextFromHuggingFace,
  convnextFromTimm,
  convnextFromTorchvision,
  convnextV2TimmShape,
  densenetFromOldTorchvision,
  layerScaleShape,
  mobilenetV2FromTimm,
  resnetFromHuggingFace,
  senet154FromGluon,
  seresnetFromLegacyTimm,
  swinFromTimm,
  vggFromTimm,
  vitFromHuggingFace,
  vitFromOldTorchvision,
  vitFromTorchvision,
} from "./weights.ts";

export interface CreateOptions {
  /** Default: ImageNet's 1000. */
  readonly classes?: number;
}

/** One network of the lineage. */
export interface ClassifierNetwork extends Network<Classifier, CreateOptions> {
  /** Side of the square images it was made for. */
  readonly inputSize: number;
  /** Channels of an image: 1 or 3. */
  readonly channels: number;
  readonly classes: number;
}

/** Every classification network by name. */
export const networks = new Networks<ClassifierNetwork>();

const DEFAULTS = { inputSize: 224, channels: 3, classes: 1000, sources: {} };

function define(
  network: Omit<ClassifierNetwork, keyof typeof DEFAULTS | "input"> & Partial<ClassifierNetwork>,
): void {
  const whole = { ...DEFAULTS, ...network };
  const { channels, inputSize } = whole;
  networks.add({ ...whole, input: [channels, inputSize, inputSize] });
}

/** A network whose paths are the keys of the source, under the same name. */
function plain(...names: readonly string[]): (name: string) => ClassifierNetwork["sources"] {
  return (name) => Object.fromEntries(names.map((source) => [source, { name, keyOf: same }]));
}

define({
  name: "lecun1989",
  family: "LeNet",
  year: 1989,
  paper: "Backpropagation Applied to Handwritten Zip Code Recognition",
  inputSize: 16,
  channels: 1,
  classes: 10,
  create: (options) => new LeCun1989(options),
});
const LENET5 = {
  family: "LeNet",
  year: 1998,
  paper: "Gradient-Based Learning Applied to Document Recognition",
  inputSize: 32,
  channels: 1,
  classes: 10,
};
define({ ...LENET5, name: "lenet5", create: (options) => new LeNet5(options) });
define({
  ...LENET5,
  name: "lenet5_softmax",
  create: (options) => new LeNet5({ output: "softmax", ...options }),
});
define({
  name: "digitnet",
  family: "LeNet",
  year: 2015,
  paper: "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
  inputSize: 28,
  channels: 1,
  classes: 10,
  create: (options) => new DigitNet(options),
});

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
      sources: { ...plain("torchvision")(name), timm: { name, ...vggFromTimm } },
    });
  }

const GOOGLENET = { family: "GoogLeNet", year: 2014, paper: "Going Deeper with Convolutions" };
define({
  ...GOOGLENET,
  name: "googlenet",
  trainingOnly: /^aux[12]\./,
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
    sources: squeezes
      ? {
          ...plain("timm")(name),
          ...(config.block === "bottleneck" && {
            "timm-legacy": {
              name: `legacy_${name}`,
              keyOf: seresnetFromLegacyTimm,
              create: (options) => new ResNet({ ...config, caffe: true, ...options }),
            },
          }),
        }
      : {
          ...plain("torchvision", "timm")(name),
          hf: { name: name.replace("resnet", "microsoft/resnet-"), keyOf: resnetFromHuggingFace },
        },
  });
}
for (const depth of CIFAR_DEPTHS)
  define({
    name: `cifar_resnet${depth}`,
    family: "ResNet",
    year: 2015,
    paper: "Deep Residual Learning for Image Recognition",
    inputSize: 32,
    classes: 10,
    create: (options) => new CifarResNet({ depth, ...options }),
    sources: plain("akamaster")(`cifar_resnet${depth}`),
  });
define({
  name: "senet154",
  family: "SENet",
  year: 2017,
  paper: "Squeeze-and-Excitation Networks",
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

for (const [name, config] of Object.entries(densenetConfigs))
  define({
    name,
    family: "DenseNet",
    year: 2016,
    paper: "Densely Connected Convolutional Networks",
    create: (options) => new DenseNet({ ...config, ...options }),
    sources: {
      ...plain("torchvision", "timm")(name),
      "torchvision-old": { name, keyOf: densenetFromOldTorchvision },
    },
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
  sources: {
    ...plain("torchvision")("mobilenet_v2"),
    timm: { name: "mobilenetv2_100", keyOf: mobilenetV2FromTimm },
  },
});
for (const percent of ["035", "050", "075", "140"])
  define({
    ...MOBILENET_V2,
    name: `mobilenet_v2_${percent}`,
    create: (options) => new MobileNetV2({ width: Number(percent) / 100, ...options }),
    sources: { timm: { name: `mobilenetv2_${percent}`, keyOf: mobilenetV2FromTimm } },
  });
define({
  ...MOBILENET_V2,
  name: "mobilenet_v2_tf",
  classes: 1001,
  create: (options) => new MobileNetV2TF(options),
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
      timm: { name, also: [name.replace("vit", "deit")], keyOf: same },
      ...(torchvision && {
        torchvision: { name: torchvision, keyOf: vitFromTorchvision },
        "torchvision-old": { name: torchvision, keyOf: vitFromOldTorchvision },
      }),
      hf: {
        name: `google/${name.replace(/_/g, "-")}`,
        ...vitFromHuggingFace,
        create: (options) => new VisionTransformer({ ...config, eps: 1e-12, ...options }),
      },
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
      timm: {
        name,
        keyOf: convnextFromTimm,
        ...(second && { shapeOf: convnextV2TimmShape(/atto|femto|pico|nano/.test(name)) }),
      },
      ...(!second && {
        torchvision: { name, keyOf: convnextFromTorchvision, shapeOf: layerScaleShape },
      }),
      hf: {
        name: `facebook/${name.replace(/_/g, "-")}-${second ? "1k-" : ""}224`,
        keyOf: convnextFromHuggingFace(second ? "convnextv2" : "convnext"),
      },
    },
  });
}

for (const [name, config] of Object.entries(swinConfigs)) {
  const size = { swin_t: "tiny", swin_s: "small", swin_b: "base" }[name];
  define({
    name,
    family: "Swin",
    year: 2021,
    paper: "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
    create: (options) => new SwinTransformer({ ...config, ...options }),
    sources: {
      ...plain("torchvision")(name),
      timm: {
        name: `swin_${size}_patch4_window7_224`,
        keyOf: swinFromTimm,
        create: (options) => new SwinTransformer({ ...config, keepIndex: false, ...options }),
      },
    },
  });
}

/** The lineage at the size of CIFAR-10, beside its ResNets: generations to compare on the same pictures. */
const CIFAR: Readonly<Record<string, readonly [like: string, create: ClassifierNetwork["create"]]>> = {
  cifar_lenet: ["lenet5", (options) => new CifarLeNet(options)],
  cifar_alexnet: ["alexnet", (options) => new CifarAlexNet(options)],
  cifar_vgg: ["vgg16", (options) => new CifarVGG(options)],
  cifar_googlenet: ["googlenet", (options) => new CifarGoogLeNet(options)],
  cifar_densenet: ["densenet121", (options) => new DenseNet({ classes: 10, ...cifarDenseNet, ...options })],
  cifar_seresnet20: ["seresnet18", (options) => new CifarResNet({ depth: 20, reduction: 8, ...options })],
  cifar_mobilenet: [
    "mobilenet_v2",
    (options) => new MobileNetV2({ classes: 10, ...cifarMobileNet, ...options }),
  ],
  cifar_vit: [
    "vit_tiny_patch16_224",
    (options) => new VisionTransformer({ classes: 10, ...cifarViT, ...options }),
  ],
  cifar_convnext: ["convnext_tiny", (options) => new ConvNeXt({ classes: 10, ...cifarConvNeXt, ...options })],
};
for (const [name, [like, create]] of Object.entries(CIFAR)) {
  const { family, year, paper } = networks.find(like).network;
  define({ name, family, year, paper, inputSize: 32, classes: 10, create });
}
define({
  name: "cifar_speedrun",
  family: "Airbench",
  year: 2024,
  paper: "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
  inputSize: 32,
  classes: 10,
  create: (options) => new CifarSpeedrun(options),
});

/** Builds a network by name, with fresh parameters. */
export function createNetwork(name: string, options?: CreateOptions): Classifier {
  return networks.find(name).create(options);
}

/** A classification network found by one of its names. */
export type FoundClassifier = Found<ClassifierNetwork>;
