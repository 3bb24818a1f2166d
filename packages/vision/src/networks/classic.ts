/** From LeCun 1989 to GoogLeNet: LeNet, AlexNet, VGG and Inception. */
import { same } from "@tessera-ml/kit/networks";
import { AlexNet, AlexNetTwoTower } from "../models/alexnet.ts";
import { DigitNet } from "../models/digitnet.ts";
import { GoogLeNet } from "../models/googlenet.ts";
import { LeCun1989 } from "../models/lecun1989.ts";
import { LeNet5 } from "../models/lenet5.ts";
import { VGG } from "../models/vgg.ts";
import { vggFromTimm } from "../weights.ts";
import { type ClassifierNetwork, classifier, sameKeys } from "./define.ts";

const LENET5 = {
  family: "LeNet",
  year: 1998,
  paper: "Gradient-Based Learning Applied to Document Recognition",
  inputSize: 32,
  channels: 1,
  classes: 10,
};
const lenets = [
  classifier({
    name: "lecun1989",
    family: "LeNet",
    year: 1989,
    paper: "Backpropagation Applied to Handwritten Zip Code Recognition",
    inputSize: 16,
    channels: 1,
    classes: 10,
    create: (options) => new LeCun1989(options),
  }),
  classifier({ ...LENET5, name: "lenet5", create: (options) => new LeNet5(options) }),
  classifier({
    ...LENET5,
    name: "lenet5_softmax",
    create: (options) => new LeNet5({ output: "softmax", ...options }),
  }),
  classifier({
    name: "digitnet",
    family: "LeNet",
    year: 2015,
    paper: "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
    inputSize: 28,
    channels: 1,
    classes: 10,
    create: (options) => new DigitNet(options),
  }),
];

const ALEXNET = {
  family: "AlexNet",
  year: 2012,
  paper: "ImageNet Classification with Deep Convolutional Neural Networks",
};
const alexnets = [
  classifier({
    ...ALEXNET,
    name: "alexnet",
    create: (options) => new AlexNet(options),
    sources: sameKeys("alexnet", "torchvision"),
  }),
  classifier({
    ...ALEXNET,
    name: "alexnet_two_tower",
    inputSize: 227,
    create: (options) => new AlexNetTwoTower(options),
  }),
];

const vggs = ([11, 13, 16, 19] as const).flatMap((depth) =>
  [false, true].map((batchNorm) => {
    const name = `vgg${depth}${batchNorm ? "_bn" : ""}`;
    return classifier({
      name,
      family: "VGG",
      year: 2014,
      paper: "Very Deep Convolutional Networks for Large-Scale Image Recognition",
      create: (options) => new VGG({ depth, batchNorm, ...options }),
      sources: { ...sameKeys(name, "torchvision"), timm: { name, ...vggFromTimm } },
    });
  }),
);

const GOOGLENET = { family: "GoogLeNet", year: 2014, paper: "Going Deeper with Convolutions" };
const googlenets = [
  classifier({
    ...GOOGLENET,
    name: "googlenet",
    trainingOnly: /^aux[12]\./,
    create: (options) => new GoogLeNet({ transformInput: true, ...options }),
    sources: {
      // The published file includes the auxiliary heads.
      torchvision: {
        name: "googlenet",
        keyOf: same,
        create: (options) => new GoogLeNet({ auxLogits: true, transformInput: true, ...options }),
      },
    },
  }),
  classifier({
    ...GOOGLENET,
    name: "googlenet_paper",
    create: (options) => new GoogLeNet({ paper: true, ...options }),
  }),
];

export const classics: readonly ClassifierNetwork[] = [...lenets, ...alexnets, ...vggs, ...googlenets];
