/** A very small SAM 2 without training, and a video by formula. */
import { Image } from "@tessera-ml/media";
import { fillGolden, uniformByName } from "@tessera-ml/nn/golden";
import { Sam2, type Sam2Config, Sam2Predictor } from "../src/index.ts";

export const WIDTH = 80;
export const HEIGHT = 48;

export function tinyPredictor(config: Pick<Sam2Config, "version" | "image">): Sam2Predictor {
  const model = new Sam2({
    encoder: { dim: 16, heads: 1, depths: [1, 1, 1, 1], windows: [8, 4, 14, 7], global: [2], positions: 7 },
    dim: 32,
    memory: 16,
    hidden: 64,
    attentionLayers: 2,
    fuserLayers: 1,
    ...config,
  });
  const rules = [
    { match: /pred_obj_score_head\.layers\.2\.bias/, value: 0.5 },
    { match: /^memory_encoder\.out_proj\./, scale: 0.25 },
  ];
  fillGolden(model, { rules, everyRule: true });
  return new Sam2Predictor(model);
}

export const predictor = tinyPredictor({ version: "2.1", image: 64 });

export function picture(i: number): Image {
  const values = uniformByName(`frame ${i}`, WIDTH * HEIGHT * 3);
  return new Image(
    WIDTH,
    HEIGHT,
    3,
    Uint8Array.from(values, (u, at) => Math.floor((u + 1) * 40 + (at % (3 * WIDTH)) / 3 + 2 * i)),
  );
}
