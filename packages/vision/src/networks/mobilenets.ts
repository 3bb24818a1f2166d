import { MobileNetV1, MobileNetV2 } from "../models/mobilenet.ts";
import { MobileNetV2TF } from "../models/mobilenet-tf.ts";
import { mobilenetV2FromTimm } from "../weights.ts";
import { type ClassifierNetwork, classifier, sameKeys } from "./define.ts";

const V2 = {
  family: "MobileNet",
  year: 2018,
  paper: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
};

export const mobilenets: readonly ClassifierNetwork[] = [
  classifier({
    name: "mobilenetv1_100",
    family: "MobileNet",
    year: 2017,
    paper: "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    create: (options) => new MobileNetV1(options),
    sources: sameKeys("mobilenetv1_100", "timm"),
  }),
  classifier({
    ...V2,
    name: "mobilenet_v2",
    create: (options) => new MobileNetV2(options),
    sources: {
      ...sameKeys("mobilenet_v2", "torchvision"),
      timm: { name: "mobilenetv2_100", keyOf: mobilenetV2FromTimm },
    },
  }),
  ...["035", "050", "075", "140"].map((percent) =>
    classifier({
      ...V2,
      name: `mobilenet_v2_${percent}`,
      create: (options) => new MobileNetV2({ width: Number(percent) / 100, ...options }),
      sources: { timm: { name: `mobilenetv2_${percent}`, keyOf: mobilenetV2FromTimm } },
    }),
  ),
  classifier({
    ...V2,
    name: "mobilenet_v2_tf",
    classes: 1001,
    create: (options) => new MobileNetV2TF(options),
  }),
];
