import { HALF, IMAGENET_MEAN, IMAGENET_STD, timmPreset, torchvisionPreset } from "@tessera-ml/media";
import { papers } from "./papers.ts";
import { type ClassifierRecord, imagenet, imagenetAccuracy, TASK } from "./record.ts";

/** [name, parameters, crop_pct, interpolation, top-1, top-5], all at 224 pixels */
type Row = readonly [string, number, number, "bilinear" | "bicubic", number, number];

interface Group {
  licence: string;
  reference: string;
  /** mean and deviation 0.5 instead of ImageNet's */
  half?: boolean;
  rows: readonly Row[];
}

const groups: readonly Group[] = [
  {
    licence: "Apache-2.0",
    reference: papers.resnetStrikesBack,
    rows: [
      ["resnet18.a1_in1k", 11_689_512, 0.95, "bicubic", 71.504, 90.086],
      ["resnet34.a1_in1k", 21_797_672, 0.95, "bicubic", 76.42, 92.896],
      ["resnet50.a1_in1k", 25_557_032, 0.95, "bicubic", 80.382, 94.598],
      ["resnet101.a1_in1k", 44_549_160, 0.95, "bicubic", 81.494, 95.164],
      ["resnet152.a1_in1k", 60_192_808, 0.95, "bicubic", 81.998, 95.294],
    ],
  },
  {
    licence: "BSD-3-Clause",
    reference: papers.resnet,
    rows: [
      ["resnet18.tv_in1k", 11_689_512, 0.875, "bilinear", 69.752, 89.082],
      ["resnet34.tv_in1k", 21_797_672, 0.875, "bilinear", 73.298, 91.422],
      ["resnet50.tv_in1k", 25_557_032, 0.875, "bilinear", 76.156, 92.866],
      ["resnet101.tv_in1k", 44_549_160, 0.875, "bilinear", 77.404, 93.552],
      ["resnet152.tv_in1k", 60_192_808, 0.875, "bilinear", 78.33, 94.046],
      ["resnet50.tv2_in1k", 25_557_032, 0.965, "bilinear", 80.846, 95.43],
      ["resnet101.tv2_in1k", 44_549_160, 0.965, "bilinear", 81.906, 95.768],
      ["resnet152.tv2_in1k", 60_192_808, 0.965, "bilinear", 82.294, 96.0],
    ],
  },
  {
    licence: "BSD-3-Clause",
    reference: papers.vgg,
    rows: [
      ["vgg11.tv_in1k", 132_863_336, 0.875, "bilinear", 69.05, 88.63],
      ["vgg13.tv_in1k", 133_047_848, 0.875, "bilinear", 69.95, 89.262],
      ["vgg16.tv_in1k", 138_357_544, 0.875, "bilinear", 71.594, 90.398],
      ["vgg19.tv_in1k", 143_667_240, 0.875, "bilinear", 72.4, 90.878],
      ["vgg11_bn.tv_in1k", 132_868_840, 0.875, "bilinear", 70.374, 89.802],
      ["vgg13_bn.tv_in1k", 133_053_736, 0.875, "bilinear", 71.56, 90.372],
      ["vgg16_bn.tv_in1k", 138_365_992, 0.875, "bilinear", 73.354, 91.49],
      ["vgg19_bn.tv_in1k", 143_678_248, 0.875, "bilinear", 74.23, 91.848],
    ],
  },
  {
    licence: "Apache-2.0",
    reference: papers.densenet,
    rows: [
      ["densenet121.ra_in1k", 7_978_856, 0.875, "bicubic", 75.574, 92.648],
      ["densenet121.tv_in1k", 7_978_856, 0.875, "bicubic", 74.75, 92.158],
      ["densenet169.tv_in1k", 14_149_480, 0.875, "bicubic", 75.922, 92.976],
      ["densenet201.tv_in1k", 20_013_928, 0.875, "bicubic", 77.284, 93.48],
      ["densenet161.tv_in1k", 28_681_000, 0.875, "bicubic", 77.384, 93.656],
    ],
  },
  {
    licence: "Apache-2.0",
    reference: papers.senet,
    rows: [
      ["seresnet50.ra2_in1k", 28_088_024, 0.875, "bicubic", 80.26, 95.068],
      ["senet154.gluon_in1k", 115_088_984, 0.875, "bicubic", 81.258, 95.358],
    ],
  },
  {
    licence: "Apache-2.0",
    reference: papers.mobilenetv1,
    half: true,
    rows: [["mobilenetv1_100.ra4_e3600_r224_in1k", 4_231_976, 0.875, "bicubic", 75.388, 92.31]],
  },
  {
    licence: "Apache-2.0",
    reference: papers.mobilenetv2,
    rows: [
      ["mobilenetv2_050.lamb_in1k", 1_968_680, 0.875, "bicubic", 65.928, 86.114],
      ["mobilenetv2_100.ra_in1k", 3_504_872, 0.875, "bicubic", 72.91, 91.0],
      ["mobilenetv2_140.ra_in1k", 6_108_776, 0.875, "bicubic", 76.528, 93.008],
    ],
  },
  {
    licence: "Apache-2.0",
    reference: papers.augreg,
    half: true,
    rows: [
      ["vit_tiny_patch16_224.augreg_in21k_ft_in1k", 5_717_416, 0.9, "bicubic", 75.452, 92.858],
      ["vit_small_patch16_224.augreg_in21k_ft_in1k", 22_050_664, 0.9, "bicubic", 81.402, 96.15],
      ["vit_base_patch16_224.augreg_in21k_ft_in1k", 86_567_656, 0.9, "bicubic", 84.534, 97.3],
      ["vit_large_patch16_224.augreg_in21k_ft_in1k", 304_326_632, 0.9, "bicubic", 85.856, 97.822],
    ],
  },
  {
    licence: "Apache-2.0",
    reference: papers.deit,
    rows: [
      ["deit_tiny_patch16_224.fb_in1k", 5_717_416, 0.9, "bicubic", 72.19, 91.1],
      ["deit_small_patch16_224.fb_in1k", 22_050_664, 0.9, "bicubic", 79.856, 95.056],
      ["deit_base_patch16_224.fb_in1k", 86_567_656, 0.9, "bicubic", 81.98, 95.74],
    ],
  },
  {
    licence: "Apache-2.0",
    reference: papers.convnext,
    rows: [
      ["convnext_tiny.fb_in1k", 28_589_128, 0.875, "bicubic", 82.066, 95.854],
      ["convnext_small.fb_in1k", 50_223_688, 0.875, "bicubic", 83.144, 96.432],
      ["convnext_base.fb_in1k", 88_591_464, 0.875, "bicubic", 83.838, 96.746],
      ["convnext_large.fb_in1k", 197_767_336, 0.875, "bicubic", 84.304, 96.892],
    ],
  },
  {
    licence: "CC-BY-NC-4.0",
    reference: papers.convnextv2,
    rows: [
      ["convnextv2_atto.fcmae_ft_in1k", 3_708_400, 0.875, "bicubic", 76.644, 93.042],
      ["convnextv2_femto.fcmae_ft_in1k", 5_233_240, 0.875, "bicubic", 78.476, 93.984],
      ["convnextv2_pico.fcmae_ft_in1k", 9_066_280, 0.875, "bicubic", 80.304, 95.082],
      ["convnextv2_nano.fcmae_ft_in1k", 15_623_800, 0.875, "bicubic", 81.856, 95.74],
      ["convnextv2_tiny.fcmae_ft_in1k", 28_635_496, 0.875, "bicubic", 82.948, 96.286],
      ["convnextv2_base.fcmae_ft_in1k", 88_717_800, 0.875, "bicubic", 84.89, 97.088],
      ["convnextv2_large.fcmae_ft_in1k", 197_956_840, 0.875, "bicubic", 85.762, 97.574],
      ["convnextv2_huge.fcmae_ft_in1k", 660_289_640, 0.875, "bicubic", 86.26, 97.752],
    ],
  },
  {
    licence: "MIT",
    reference: papers.swin,
    rows: [
      ["swin_tiny_patch4_window7_224.ms_in1k", 28_288_354, 0.9, "bicubic", 81.388, 95.54],
      ["swin_small_patch4_window7_224.ms_in1k", 49_606_258, 0.9, "bicubic", 83.228, 96.326],
      ["swin_base_patch4_window7_224.ms_in1k", 87_768_224, 0.9, "bicubic", 83.604, 96.45],
    ],
  },
];

function networkOf(name: string): string {
  return name.slice(0, name.indexOf("."));
}

function record(group: Group, [name, params, cropPct, interpolation, top1, top5]: Row): ClassifierRecord {
  const mean = group.half ? HALF : IMAGENET_MEAN;
  const std = group.half ? HALF : IMAGENET_STD;
  return {
    name,
    task: TASK,
    network: networkOf(name),
    source: "timm",
    files: [
      {
        file: "model.safetensors",
        url: `https://huggingface.co/timm/${name}/resolve/main/model.safetensors`,
      },
    ],
    licence: group.licence,
    preprocessing: timmPreset(224, cropPct, interpolation, mean, std),
    classes: imagenet,
    evaluation: imagenetAccuracy(top1, top5),
    params,
    reference: group.reference,
  };
}

/** SENets converted from Caffe, which timm hosts as release files of its repository. */
function legacy(name: string, release: string, stem: string, shaPrefix: string): ClassifierRecord {
  const releases = "https://github.com/rwightman/pytorch-image-models/releases/download";
  const file = `${stem}-${shaPrefix}.pth`;
  return {
    name,
    task: TASK,
    network: networkOf(name),
    source: "timm",
    files: [{ file, url: `${releases}/${release}/${file}`, shaPrefix }],
    licence: "Apache-2.0",
    preprocessing: torchvisionPreset(),
    classes: imagenet,
    reference: papers.senet,
  };
}

/** timm's checkpoints. Names, licences, preprocessing: its model files. Accuracies: its results-imagenet.csv. */
export const timmRecords: readonly ClassifierRecord[] = [
  ...groups.flatMap((group) => group.rows.map((row) => record(group, row))),
  {
    ...legacy("legacy_senet154.in1k", "v0.1-weights", "legacy_senet154", "e9eb9fe6"),
    params: 115_088_984,
    evaluation: imagenetAccuracy(81.32, 95.502),
  },
  {
    ...legacy("legacy_seresnet50.in1k", "v0.1-cadene", "se_resnet50", "ce0d4300"),
    evaluation: imagenetAccuracy(77.65, 93.732),
  },
];
