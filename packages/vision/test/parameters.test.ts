/** Exact parameter counts of every registered network. */
import { expect, test } from "vitest";
import { createNetwork, networks } from "../src/index.ts";

const COUNTS: Readonly<Record<string, number>> = {
  lecun1989: 9_760,
  lenet5: 60_000,
  lenet5_softmax: 60_850,
  digitnet: 215_418,
  alexnet: 61_100_840,
  alexnet_two_tower: 60_965_224,
  vgg11: 132_863_336,
  vgg13: 133_047_848,
  vgg16: 138_357_544,
  vgg19: 143_667_240,
  vgg11_bn: 132_868_840,
  vgg13_bn: 133_053_736,
  vgg16_bn: 138_365_992,
  vgg19_bn: 143_678_248,
  googlenet: 6_624_904,
  googlenet_paper: 6_998_552,
  resnet18: 11_689_512,
  resnet34: 21_797_672,
  resnet50: 25_557_032,
  resnet101: 44_549_160,
  resnet152: 60_192_808,
  resnext50_32x4d: 25_028_904,
  resnext101_32x8d: 88_791_336,
  seresnet50: 28_088_024,
  senet154: 115_088_984,
  densenet121: 7_978_856,
  densenet169: 14_149_480,
  densenet201: 20_013_928,
  densenet161: 28_681_000,
  mobilenetv1_100: 4_231_976,
  mobilenet_v2: 3_504_872,
  mobilenet_v2_035: 1_677_128,
  mobilenet_v2_050: 1_968_680,
  mobilenet_v2_075: 2_636_424,
  mobilenet_v2_140: 6_108_776,
  tf_efficientnet_lite0: 4_652_008,
  tf_efficientnet_lite1: 5_416_680,
  tf_efficientnet_lite2: 6_092_072,
  tf_efficientnet_lite3: 8_197_096,
  tf_efficientnet_lite4: 13_006_568,
  vit_tiny_patch16_224: 5_717_416,
  vit_small_patch16_224: 22_050_664,
  vit_base_patch16_224: 86_567_656,
  vit_base_patch32_224: 88_224_232,
  vit_large_patch16_224: 304_326_632,
  convnext_tiny: 28_589_128,
  convnext_small: 50_223_688,
  convnext_base: 88_591_464,
  convnext_large: 197_767_336,
  convnextv2_atto: 3_708_400,
  convnextv2_femto: 5_233_240,
  convnextv2_pico: 9_066_280,
  convnextv2_nano: 15_623_800,
  convnextv2_tiny: 28_635_496,
  convnextv2_base: 88_717_800,
  convnextv2_large: 197_956_840,
  convnextv2_huge: 660_289_640,
  swin_t: 28_288_354,
  swin_s: 49_606_258,
  swin_b: 87_768_224,
  // The paper's table 6 has these in millions: 0.27, 0.46, 0.66, 0.85, 1.7.
  cifar_resnet20: 269_722,
  cifar_resnet32: 464_154,
  cifar_resnet44: 658_586,
  cifar_resnet56: 853_018,
  cifar_resnet110: 1_727_962,
};

/** No published count at hand: SE-ResNets beside 50, ViT-L/32, and the folded MobileNetV2. Our own networks for CIFAR-10 are counted in `cifar.test.ts`. */
const WITHOUT = new Set([
  "seresnet18",
  "seresnet34",
  "seresnet101",
  "seresnet152",
  "vit_large_patch32_224",
  "mobilenet_v2_tf",
]);

test.each(Object.entries(COUNTS))("%s", (name, count) => {
  expect(createNetwork(name).parameterCount()).toBe(count);
});

test("every registered network has an expected count", () => {
  const names = networks
    .list()
    .map(({ name }) => name)
    .filter((name) => !WITHOUT.has(name) && (name in COUNTS || !name.startsWith("cifar_")));
  expect(names.sort()).toEqual(Object.keys(COUNTS).sort());
});

test("GoogLeNet's auxiliary heads", () => {
  expect(createNetwork("torchvision/googlenet").parameterCount()).toBe(13_004_888);
});

test("the RBF output of LeNet-5 is a buffer", () => {
  const model = createNetwork("lenet5");
  expect([...model.buffers()].map(([name, { shape }]) => [name, shape])).toEqual([
    ["output.codes", [10, 84]],
  ]);
  expect([...model.parameters()].filter(([name]) => name.startsWith("c3."))[0]?.[1].shape).toEqual([
    60, 5, 5,
  ]);
});
