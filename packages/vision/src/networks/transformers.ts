/** The Vision Transformer, and what followed it: ConvNeXt and Swin. */
import { same } from "@tessera-ml/kit/networks";
import { ConvNeXt, convnextConfigs } from "../models/convnext.ts";
import { SwinTransformer, swinConfigs } from "../models/swin.ts";
import { VisionTransformer, vitConfigs } from "../models/vit.ts";
import {
  convnextFromHuggingFace,
  convnextFromTimm,
  convnextFromTorchvision,
  convnextV2TimmShape,
  layerScaleShape,
  swinFromTimm,
  vitFromHuggingFace,
  vitFromOldTorchvision,
  vitFromTorchvision,
} from "../weights.ts";
import { type ClassifierNetwork, classifier, sameKeys } from "./define.ts";

/** torchvision's names of the same Vision Transformers. */
const TORCHVISION_VITS: Readonly<Record<string, string>> = {
  vit_base_patch16_224: "vit_b_16",
  vit_base_patch32_224: "vit_b_32",
  vit_large_patch16_224: "vit_l_16",
  vit_large_patch32_224: "vit_l_32",
};
const vits = Object.entries(vitConfigs).map(([name, config]) => {
  const torchvision = TORCHVISION_VITS[name];
  return classifier({
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
});

const convnexts = Object.entries(convnextConfigs).map(([name, config]) => {
  const second = "version" in config;
  return classifier({
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
});

const swins = Object.entries(swinConfigs).map(([name, config]) => {
  const size = { swin_t: "tiny", swin_s: "small", swin_b: "base" }[name];
  return classifier({
    name,
    family: "Swin",
    year: 2021,
    paper: "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
    create: (options) => new SwinTransformer({ ...config, ...options }),
    sources: {
      ...sameKeys(name, "torchvision"),
      timm: {
        name: `swin_${size}_patch4_window7_224`,
        keyOf: swinFromTimm,
        create: (options) => new SwinTransformer({ ...config, keepIndex: false, ...options }),
      },
    },
  });
});

export const transformers: readonly ClassifierNetwork[] = [...vits, ...convnexts, ...swins];
