/** Networks for phones: MobileNet and EfficientNet-Lite. */
import { blockCounts, EfficientNetLite, efficientnetLiteConfigs } from "../models/efficientnet-lite.ts";
import { MobileNetV1, MobileNetV2 } from "../models/mobilenet.ts";
import { MobileNetV2TF } from "../models/mobilenet-tf.ts";
import { efficientnetLiteFromPyTorch, mobilenetV2FromTimm } from "../weights.ts";
import { type ClassifierNetwork, classifier, sameKeys } from "./define.ts";

const V2 = {
  family: "MobileNet",
  year: 2018,
  paper: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
};

/** Side of the images of Lite0 to Lite4. */
const LITE_SIDES = [224, 240, 260, 300, 380] as const;

const efficientnetLites = Object.entries(efficientnetLiteConfigs).map(([name, config], i) =>
  classifier({
    name,
    family: "EfficientNet",
    year: 2019,
    paper: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    inputSize: LITE_SIDES[i] as number,
    create: (options) => new EfficientNetLite({ ...config, ...options }),
    sources: {
      ...sameKeys(name, "timm"),
      efficientnet_lite_pytorch: {
        name: name.replace("tf_efficientnet_", "efficientnet-"),
        keyOf: efficientnetLiteFromPyTorch(blockCounts(config)),
      },
    },
  }),
);

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
  ...efficientnetLites,
];
