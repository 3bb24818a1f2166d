/** Each generation at the size of CIFAR-10, to be compared on the same images. Its ResNets are in `resnets.ts`. */
import { CifarAlexNet } from "../models/cifar/alexnet.ts";
import { cifarConvNeXt, cifarDenseNet, cifarMobileNet, cifarViT } from "../models/cifar/configs.ts";
import { CifarGoogLeNet } from "../models/cifar/googlenet.ts";
import { CifarLeNet } from "../models/cifar/lenet.ts";
import { CifarSpeedrun } from "../models/cifar/speedrun.ts";
import { CifarVGG } from "../models/cifar/vgg.ts";
import { ConvNeXt } from "../models/convnext.ts";
import { DenseNet } from "../models/densenet.ts";
import { MobileNetV2 } from "../models/mobilenet.ts";
import { CifarResNet } from "../models/resnet-cifar.ts";
import { VisionTransformer } from "../models/vit.ts";
import { type ClassifierNetwork, classifier } from "./define.ts";

/** By name: the network it is a small version of, which gives it family, year and paper. */
const SMALL: Readonly<Record<string, readonly [original: string, create: ClassifierNetwork["create"]]>> = {
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

/** @param original finds the full-size network of that name */
export function cifarNetworks(original: (name: string) => ClassifierNetwork): ClassifierNetwork[] {
  const small = Object.entries(SMALL).map(([name, [like, create]]) => {
    const { family, year, paper } = original(like);
    return classifier({ name, family, year, paper, inputSize: 32, classes: 10, create });
  });
  const speedrun = classifier({
    name: "cifar_speedrun",
    family: "Airbench",
    year: 2024,
    paper: "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
    inputSize: 32,
    classes: 10,
    create: (options) => new CifarSpeedrun(options),
  });
  return [...small, speedrun];
}
