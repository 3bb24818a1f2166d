/** The same network for pictures of another size. */
import { Sam2, type Sam2Config } from "../models/sam2/sam2.ts";

/**
 * A network with the parameters of another one, not copies of them, for square inputs of another side. Only positions are
 * computed anew: both learn together.
 *
 * @param config that of `model`
 */
export function resized(model: Sam2, config: Sam2Config, image: number): Sam2 {
  const other = new Sam2({ ...config, image });
  const { sam_prompt_encoder: prompts } = other;
  const { side } = prompts;
  Object.assign(other, model, { image, sam_prompt_encoder: prompts });
  Object.assign(prompts, model.sam_prompt_encoder, { image, side });
  return other.train(model.training);
}
