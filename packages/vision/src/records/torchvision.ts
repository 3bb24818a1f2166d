import { torchvisionPreset } from "@tessera-ml/media";
import { papers } from "./papers.ts";
import { type ClassifierRecord, imagenet, imagenetAccuracy, TASK } from "./record.ts";

/** [network, parameters, hash prefix in the file's name, size in MiB, top-1, top-5, resize (default 256)] */
type Row = readonly [
  network: string,
  params: number,
  shaPrefix: string,
  sizeMiB: number | undefined,
  top1: number,
  top5: number | undefined,
  resize?: number,
];

// Newer weights come first: a bare network name refers to its first record.
const second: readonly Row[] = [
  ["resnet50", 25_557_032, "11ad3fa6", undefined, 80.858, 95.434, 232],
  ["resnet101", 44_549_160, "cd907fc2", undefined, 81.886, 95.78, 232],
  ["resnet152", 60_192_808, "f82ba261", undefined, 82.284, 96.002, 232],
  ["mobilenet_v2", 3_504_872, "7ebf99e0", undefined, 72.154, 90.822, 232],
];

const first: readonly Row[] = [
  ["alexnet", 61_100_840, "7be5be79", 233.1, 56.522, 79.066],
  ["vgg11", 132_863_336, "8a719046", 506.8, 69.02, 88.628],
  ["vgg13", 133_047_848, "19584684", 507.5, 69.928, 89.246],
  ["vgg16", 138_357_544, "397923af", 527.8, 71.592, 90.382],
  ["vgg19", 143_667_240, "dcbb9e9d", 548.1, 72.376, 90.876],
  ["vgg11_bn", 132_868_840, "6002323d", 506.9, 70.37, 89.81],
  ["vgg13_bn", 133_053_736, "abd245e5", 507.6, 71.586, 90.374],
  ["vgg16_bn", 138_365_992, "6c64b313", 527.9, 73.36, 91.516],
  ["vgg19_bn", 143_678_248, "c79401a0", 548.1, 74.218, 91.842],
  ["googlenet", 6_624_904, "1378be20", 49.7, 69.778, 89.53],
  ["resnet18", 11_689_512, "f37072fd", 44.7, 69.758, 89.078],
  ["resnet34", 21_797_672, "b627a593", 83.3, 73.314, 91.42],
  ["resnet50", 25_557_032, "0676ba61", 97.8, 76.13, 92.862],
  ["resnet101", 44_549_160, "63fe2227", 170.5, 77.374, 93.546],
  ["resnet152", 60_192_808, "394f9c45", 230.4, 78.312, 94.046],
  ["densenet121", 7_978_856, "a639ec97", 30.8, 74.434, 91.972],
  ["densenet169", 14_149_480, "b2777c0a", 54.7, 75.6, 92.806],
  ["densenet201", 20_013_928, "c1103571", 77.4, 76.896, 93.37],
  ["densenet161", 28_681_000, "8d451a50", 110.4, 77.138, 93.56],
  ["mobilenet_v2", 3_504_872, "b0353104", 13.6, 71.878, 90.286],
  ["vit_b_16", 86_567_656, "c867db91", 330.3, 81.072, 95.318],
  ["vit_b_32", 88_224_232, "d86f8d99", 336.6, 75.912, 92.466],
  ["vit_l_16", 304_326_632, "852ce7e3", 1161, 79.662, 94.638, 242],
  ["convnext_tiny", 28_589_128, "983f1562", 109.1, 82.52, 96.146, 236],
  ["convnext_small", 50_223_688, "0c510722", 191.7, 83.616, 96.65, 230],
  ["convnext_base", 88_591_464, "6075fbad", 338.1, 84.062, 96.87, 232],
  ["convnext_large", 197_767_336, "ea097f82", 754.5, 84.414, 96.976, 232],
  ["swin_t", 28_288_354, "704ceda3", undefined, 81.474, undefined, 232],
  ["swin_s", 49_606_258, "5e29d889", undefined, 83.196, undefined, 246],
  ["swin_b", 87_768_224, "68c6b09e", undefined, 83.582, undefined, 238],
];

const families = {
  alexnet: papers.alexnet,
  vgg: papers.vgg,
  googlenet: papers.googlenet,
  resnet: papers.resnet,
  densenet: papers.densenet,
  mobilenet: papers.mobilenetv2,
  vit: papers.vit,
  convnext: papers.convnext,
  swin: papers.swin,
};

const notes: Record<string, string> = {
  googlenet:
    "The file includes the auxiliary heads (13,004,888 parameters with them). The network normalises its input " +
    "again, to mean and standard deviation 0.5.",
};

function record(row: Row, tag: string): ClassifierRecord {
  const [network, params, shaPrefix, sizeMiB, top1, top5, resize = 256] = row;
  const family = Object.keys(families).find((name) => network.startsWith(name)) as keyof typeof families;
  const stem = network === "alexnet" ? "alexnet-owt" : network;
  const file = `${stem}-${shaPrefix}.pth`;
  return {
    name: `${network}.${tag}`,
    task: TASK,
    network,
    source: "torchvision",
    files: [{ file, url: `https://download.pytorch.org/models/${file}`, sizeMiB, shaPrefix }],
    // The library's licence; torchvision states no other for its weights.
    licence: "BSD-3-Clause",
    preprocessing: torchvisionPreset(224, resize, family === "swin" ? "bicubic" : "bilinear"),
    classes: imagenet,
    evaluation: imagenetAccuracy(top1, top5),
    params,
    reference: families[family],
    note: notes[network],
  };
}

/** torchvision's weights: `IMAGENET1K_V1` as `….tv_in1k_v1`, `IMAGENET1K_V2` as `….tv_in1k_v2`. Figures are its own. */
export const torchvisionRecords: readonly ClassifierRecord[] = [
  ...second.map((row) => record(row, "tv_in1k_v2")),
  ...first.map((row) => record(row, "tv_in1k_v1")),
];
