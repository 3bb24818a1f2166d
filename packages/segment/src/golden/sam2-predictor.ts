/** Cases `sam2…/predictor-…`: from the picture to masks in its size, for every kind of prompt. */
import { type Check, type Json, together } from "@tessera-ml/kit/golden";
import { type Checked, numbers, record } from "@tessera-ml/nn/golden";
import { compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import { stability } from "../models/sam2/sam2.ts";
import type { ImagePrompt, Prediction } from "../predict/prompt.ts";
import { preprocessSam2 } from "../predict/sam2-image.ts";
import { type Sam2Image, Sam2Predictor } from "../predict/sam2-predictor.ts";
import { casePicture, checkNumbers, checkProbe, checkTensor, TOLERANCE } from "./case.ts";
import { readPrompt } from "./sam1.ts";
import { filledSam2 } from "./sam2-models.ts";

export const check: Check = async ({ name, golden, path }) => {
  const model = filledSam2(golden.model, golden.rules, name);
  const picture = await casePicture(golden.input, `${name}.input`, path);
  const predictor = new Sam2Predictor(model);
  const checks: Checked[] = [
    checkProbe("pixels", picture.data, [picture.height, picture.width, 3], golden.pixels, 1e-6),
  ];
  const { data, shape } = preprocessSam2(picture, model.image);
  checks.push(checkProbe("preprocessed", data, shape, golden.preprocessed, TOLERANCE.tensor));
  const encode = compile(
    (x: Tensor) => {
      const { map, finer } = model.encode(x);
      return { map: model.withoutMemory(map), finer };
    },
    { freeze: true, name },
  );
  const features = encode(fromArray(data as Float32Array<ArrayBuffer>, [1, ...shape]));
  encode.release();
  checks.push(await checkTensor("imageEmbed", features.map, golden.imageEmbed));
  const image = predictor.encoded(features, picture);
  const decode = compile(
    (points: Parameters<typeof model.decode>[2]) => {
      const encoded = model.sam_prompt_encoder.forward(points);
      const decoded = model.decodeEncoded(features.map, features.finer, encoded);
      return { ...encoded, ...decoded, stability: stability(decoded.masks) };
    },
    { freeze: true, name: "decoder" },
  );

  /** Everything that the decoder says, before a mask is chosen. */
  const checkTokens = async (what: string, prompts: readonly ImagePrompt[], json: Json) => {
    const { sparse, dense, masks, iou, tokens, objectScore, stability } = decode(image.prompts(prompts));
    const none = fromArray(new Float32Array(0), [1, 0, model.dim]);
    checks.push(
      await checkTensor(`${what}.sparse`, sparse ?? none, json.sparse),
      await checkTensor(`${what}.allLowRes`, masks, json.allLowRes),
      await checkTensor(`${what}.tokens`, tokens, json.tokens),
      await checkRows(`${what}.allIou`, iou, json.allIou, TOLERANCE.score),
      await checkRows(`${what}.objectScore`, objectScore as Tensor, json.objectScore, TOLERANCE.score),
      // A stable mask may lose a pixel or two of the 4096.
      await checkRows(`${what}.stability`, stability, json.stability, 1e-2),
    );
    if (json.dense !== undefined) checks.push(await checkTensor(`${what}.dense`, dense, json.dense));
  };

  try {
    for (const [what, json] of Object.entries(record(golden.prompts, `${name}.prompts`))) {
      const given = record(json, `${name}.prompts.${what}`);
      const prompts = readPrompts(record(given.prompt, `${what}.prompt`), what, model.image / 4);
      await checkTokens(what, prompts, given);
      checks.push(...(await checkMasks(image, what, prompts, given)));
    }
    return { ...together(checks), note: `${checks.length} checks` };
  } finally {
    decode.release();
    predictor.release();
  }
};

async function checkMasks(
  image: Sam2Image,
  what: string,
  prompts: readonly ImagePrompt[],
  json: Json,
): Promise<Checked[]> {
  const found = await image.predictAll(prompts, { multimask: json.multimask === true });
  const area = (mask: Float32Array) => mask.reduce((sum, logit) => sum + (logit > 0 ? 1 : 0), 0);
  const areas = found.flatMap(({ logits }) => {
    const pixels = logits.height * logits.width;
    return Array.from({ length: logits.channels }, (_, i) =>
      area(logits.data.subarray(i * pixels, (i + 1) * pixels) as Float32Array),
    );
  });
  const counted = checkNumbers(`${what}.maskArea`, areas, flat(json.maskArea), TOLERANCE.area);
  const lowRes = joined(found, "lowRes");
  const logits = joined(found, "logits");
  return [
    checkProbe(`${what}.lowRes`, lowRes.data, lowRes.shape, json.lowRes, TOLERANCE.tensor),
    checkProbe(`${what}.logits`, logits.data, logits.shape, json.logits, TOLERANCE.logits),
    checkNumbers(
      `${what}.iou`,
      found.flatMap(({ iou }) => iou),
      flat(json.iou),
      TOLERANCE.score,
    ),
    { deviation: 0, problems: counted.problems },
  ];
}

/** Several predictions are [B, M, H, W], one is [M, H, W]. */
function joined(found: readonly Prediction[], which: "lowRes" | "logits") {
  const planes = found.map((prediction) => prediction[which]);
  const shape = planes[0]?.shape ?? [];
  const data = new Float32Array(planes.reduce((sum, plane) => sum + plane.data.length, 0));
  planes.forEach((plane, i) => {
    data.set(plane.data, i * plane.data.length);
  });
  return {
    data,
    shape: planes.length === 1 ? shape : [planes.length, ...shape],
  };
}

async function checkRows(what: string, got: Tensor, json: unknown, tolerance: number): Promise<Checked> {
  const checked = checkNumbers(what, (await got.data()) as Float32Array, flat(json), tolerance);
  // Scores are compared absolutely.
  return { deviation: 0, problems: checked.problems };
}

function flat(json: unknown): number[] {
  return numbers((json as unknown[]).flat(), "scores");
}

/** One prompt, or lists of boxes or of points of as many. */
function readPrompts(json: Json, where: string, side: number): ImagePrompt[] {
  const { points, labels, box } = json;
  const many = Array.isArray((box as unknown[] | undefined)?.[0])
    ? (box as unknown[]).map((each) => ({ box: each }))
    : Array.isArray((labels as unknown[] | undefined)?.[0])
      ? (labels as unknown[]).map((each, i) => ({ points: (points as unknown[])[i], labels: each }))
      : [json];
  return many.map((each) => readPrompt(each, where, side));
}
