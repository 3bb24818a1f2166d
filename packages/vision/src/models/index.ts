/**
 * Networks as modules, for systems that build on them. By name: `createNetwork`.
 *
 * @packageDocumentation
 */
export {
  EfficientNetLite,
  type EfficientNetLiteConfig,
  efficientnetLiteConfigs,
} from "./efficientnet-lite.ts";
export { LiteEncoder } from "./lite-encoder.ts";
export { ResNet, type ResNetConfig, resnetConfigs, resnextConfigs } from "./resnet.ts";
export { SameConv2d, samePadding } from "./same-conv.ts";
