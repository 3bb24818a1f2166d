import { HALF, IMAGENET_MEAN, IMAGENET_STD, type Preset, timmPreset, vitPreset } from "@tessera-ml/media";
import { papers } from "./papers.ts";
import { type ClassifierRecord, imagenet, TASK } from "./record.ts";

/** The `ConvNextImageProcessor` of transformers with its default `crop_pct` of 0.875. */
const convNextProcessor: Preset = { ...timmPreset(224, 0.875, "bicubic"), cropRounding: "down" };

/** Checkpoints with transformers' parameter names, from Hugging Face model pages. */
export const huggingFaceRecords: readonly ClassifierRecord[] = [
  {
    name: "vit_base_patch16_224.hf_google",
    task: TASK,
    network: "vit_base_patch16_224",
    source: "huggingface",
    files: [
      {
        file: "model.safetensors",
        url: "https://huggingface.co/google/vit-base-patch16-224/resolve/main/model.safetensors",
      },
    ],
    licence: "Apache-2.0",
    preprocessing: vitPreset(),
    classes: imagenet,
    params: 86_567_656,
    reference: papers.vit,
    note: "LayerNorm epsilon is 1e-12; timm and torchvision use 1e-6.",
  },
  {
    name: "convnext_tiny.hf_facebook",
    task: TASK,
    network: "convnext_tiny",
    source: "huggingface",
    files: [
      {
        file: "model.safetensors",
        url: "https://huggingface.co/facebook/convnext-tiny-224/resolve/main/model.safetensors",
      },
    ],
    licence: "Apache-2.0",
    preprocessing: convNextProcessor,
    classes: imagenet,
    params: 28_589_128,
    reference: papers.convnext,
    note: "The last LayerNorm has epsilon 1e-12, all others 1e-6.",
  },
  {
    name: "resnet50.hf_microsoft",
    task: TASK,
    network: "resnet50",
    source: "huggingface",
    files: [
      {
        file: "pytorch_model.bin",
        url: "https://huggingface.co/microsoft/resnet-50/resolve/main/pytorch_model.bin",
      },
    ],
    licence: "Apache-2.0",
    preprocessing: convNextProcessor,
    classes: imagenet,
    params: 25_557_032,
    reference: papers.resnet,
    note: "Converted from timm's resnet50 of 2022.",
  },
];

function cifarResNet(
  depth: number,
  params: number,
  top1: number,
  size: number,
  sha256: string,
): ClassifierRecord {
  const file = `resnet${depth}-${sha256.slice(0, 8)}.th`;
  return {
    name: `cifar_resnet${depth}.akamaster`,
    task: TASK,
    network: `cifar_resnet${depth}`,
    source: "akamaster",
    files: [
      {
        file,
        url: `https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/${file}`,
        shared: `weights/resnet-cifar/${file}`,
        size,
        sha256,
      },
    ],
    licence: "BSD-2-Clause",
    preprocessing: {
      library: "pil",
      interpolation: "bilinear",
      resize: [32, 32],
      mean: IMAGENET_MEAN,
      std: IMAGENET_STD,
    },
    classes: { count: 10, labels: "cifar10" },
    evaluation: { dataset: "cifar10", metrics: { top1 } },
    params,
    reference:
      "Idelbayev, Proper ResNet implementation for CIFAR10/CIFAR100 in PyTorch (github.com/akamaster)",
    note: 'Saved in PyTorch\'s file format from before 1.6; parameters are under "state_dict" and prefixed with "module.".',
  };
}

/** ResNets for CIFAR-10 as in section 4.2 of the paper (option A). Sizes and hashes are those of the files. */
export const cifarRecords: readonly ClassifierRecord[] = [
  cifarResNet(
    20,
    269_722,
    91.78,
    1_099_231,
    "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8",
  ),
  cifarResNet(
    32,
    464_154,
    92.78,
    1_890_043,
    "d509ac1820d7f25398913559d7e81a13229b1e7adc5648e3bfa5e22dc137f850",
  ),
  cifarResNet(
    44,
    658_586,
    93.14,
    2_680_855,
    "014dd6541728a1c700b1642ab640e211dc6eb8ed507d70697458dc8f8a0ae2e4",
  ),
  cifarResNet(
    56,
    853_018,
    93.62,
    3_471_733,
    "4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367",
  ),
];

/** Google's quantised MobileNetV2, dequantised to float32; it is not published in this form. */
export const tensorflowRecords: readonly ClassifierRecord[] = [
  {
    name: "mobilenet_v2_tf.quant_in1k",
    task: TASK,
    network: "mobilenet_v2_tf",
    source: "tensorflow",
    files: [
      {
        file: "mobilenet_v2_1.0_224_quant.safetensors",
        shared: "weights/mobilenet-v2-imagenet/mobilenet_v2_1.0_224_quant.safetensors",
        size: 13_964_940,
        sha256: "8c50310885e7a199f70fc9ecfd56731368f8310a2691bf36c1bc837d3059d705",
      },
    ],
    licence: "Apache-2.0",
    preprocessing: {
      library: "pil",
      interpolation: "bilinear",
      centralFraction: 0.875,
      resize: [224, 224],
      mean: HALF,
      std: HALF,
    },
    classes: { count: 1001, labels: "imagenet-1k+background" },
    params: 3_489_097,
    reference: papers.mobilenetv2,
    note:
      "Batch norm is folded into the convolutions; TensorFlow's SAME padding. The 8-bit original, with this " +
      "preprocessing, has 84.9 % top-1 and 96.5 % top-5 on a sample of one photograph per class.",
  },
];
