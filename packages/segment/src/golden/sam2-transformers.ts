/** Cases `hf/sam2…`: the names of transformers. What it computes differently is no business of ours. */
import { type Check, close, together } from "@tessera-ml/kit/golden";
import { number } from "@tessera-ml/nn/golden";
import { Sam2 } from "../models/sam2/sam2.ts";
import { SECOND_GAUSSIAN } from "../naming/sam.ts";
import { sam2FromHuggingFace } from "../naming/sam2.ts";
import { checkKeys } from "./keys.ts";
import { sam2Config } from "./sam2-models.ts";

/** Parameters that images do not use. */
const VIDEO = /^(memory_|maskmem_|no_mem_pos_|no_obj_|obj_ptr_|mask_downsample)/;

export const check: Check = async ({ name, golden }) => {
  const [, version, size] = /^hf\/sam(2(?:\.1)?)-(.*)-(?:image|video)$/.exec(name) ?? [];
  const config = sam2Config(
    { size: size ?? "", version: version === "2" ? "2.0" : version, imageSize: 1024 },
    name,
  );
  const model = new Sam2({ ...config, pointTable: true });
  if (golden.keysHash === undefined) {
    // Of images the file says only how many keys are for videos.
    const got = [...model.stateDict().keys()].filter((path) => VIDEO.test(path)).length;
    return together([close("unusedKeys", got, number(golden, "unusedKeys", name), 0)]);
  }
  return checkKeys(name, golden, model, sam2FromHuggingFace, {
    "shared_image_embedding.positional_embedding": SECOND_GAUSSIAN,
  });
};
