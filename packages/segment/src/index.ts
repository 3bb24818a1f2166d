/**
 * Promptable segmentation on images and videos.
 *
 * @packageDocumentation
 */

export { type DecodedMasks, MaskDecoder, type MaskDecoderConfig } from "./models/mask-decoder.ts";
export {
  type EncodedPrompt,
  LABEL,
  type Points,
  type Prompt,
  PromptEncoder,
  type PromptEncoderConfig,
} from "./models/prompt-encoder.ts";
export { type TwoWayConfig, TwoWayTransformer } from "./models/two-way-transformer.ts";
