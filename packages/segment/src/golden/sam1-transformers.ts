/** Cases `hf/sam1-…`: the names of transformers. What it computes differently is in the networks' tests. */
import type { Check } from "@tessera-ml/kit/golden";
import { Sam } from "../models/sam1/sam.ts";
import { SECOND_GAUSSIAN, samFromHuggingFace } from "../naming/sam.ts";
import { checkKeys } from "./keys.ts";
import { CONFIGS } from "./sam1.ts";

export const check: Check = async ({ name, golden }) => {
  const config = CONFIGS[name.replace("hf/", "")];
  if (!config) throw new Error(`${name}: expected hf/ and one of ${Object.keys(CONFIGS).join(", ")}`);
  return checkKeys(name, golden, new Sam(config), samFromHuggingFace, {
    "shared_image_embedding.positional_embedding": SECOND_GAUSSIAN,
  });
};
