/** Configurations of the big networks for CIFAR-10: images of 32x32 and fewer than a million parameters. */
import type { ConvNeXtConfig } from "../convnext.ts";
import type { DenseNetConfig } from "../densenet.ts";
import type { MobileNetV2Config } from "../mobilenet.ts";
import type { ViTConfig } from "../vit.ts";

/** Blocks at 32x32, 16x16, 8x8 and 4x4. */
export const cifarDenseNet = {
  stem: "small",
  growth: 12,
  initial: 20,
  blocks: [1, 4, 6, 4],
} as const satisfies DenseNetConfig;

/** After the stem at 16x16: fewer strides of 2 than in the paper's table, so the last stages are at 4x4. */
export const cifarMobileNet = {
  last: 256,
  stages: [
    [1, 16, 1, 1],
    [4, 24, 2, 1],
    [4, 32, 2, 2],
    [4, 64, 2, 2],
  ],
} as const satisfies MobileNetV2Config;

/** 64 patches of 4x4. */
export const cifarViT = {
  imageSize: 32,
  patchSize: 4,
  dim: 64,
  depth: 6,
  heads: 4,
  mlpRatio: 2,
} as const satisfies ViTConfig;

/** A 2x2 stem: stages at 16x16, 8x8, 4x4 and 2x2. */
export const cifarConvNeXt = {
  patch: 2,
  depths: [1, 1, 3, 1],
  dims: [32, 64, 96, 128],
} as const satisfies ConvNeXtConfig;
