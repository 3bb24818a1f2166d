/** Cases `sam1-…/…` and `mobilesam/…`: from the picture to masks in its size, for every kind of prompt. */
import { type Check, type Json, together } from "@tessera-ml/kit/golden";
import { Planes } from "@tessera-ml/media";
import { type Checked, numbers, record, uniformByName } from "@tessera-ml/nn/golden";
import { moduleOutputs } from "@tessera-ml/nn/inspect";
import { compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import { Sam, type SamConfig, samConfigs } from "../models/sam1/sam.ts";
import type { Box, ImagePrompt, Point } from "../predict/prompt.ts";
import { preprocessSam } from "../predict/sam-image.ts";
import { type SamImage, SamPredictor } from "../predict/sam-predictor.ts";
import { casePicture, checkCounts, checkNumbers, checkProbe, checkTensor, fill, TOLERANCE } from "./case.ts";

/** The networks by the first part of a case's name; the small one exists only to be checked. */
export const CONFIGS: Readonly<Record<string, SamConfig>> = {
  "sam1-mini": { encoder: { dim: 96, depth: 4, heads: 3, global: [1, 3], image: 256 } },
  "sam1-vit-b": samConfigs.sam_vit_b,
  "sam1-vit-l": samConfigs.sam_vit_l,
  "sam1-vit-h": samConfigs.sam_vit_h,
  mobilesam: samConfigs.mobile_sam,
};

export const check: Check = async ({ name, golden, path }) => {
  const config = CONFIGS[name.split("/")[0] as string];
  if (!config) throw new Error(`${name}: expected a case of ${Object.keys(CONFIGS).join(", ")}`);
  const model = fill(new Sam(config), golden.rules, name);
  const checks: Checked[] = [checkCounts(model, golden, name)];

  const picture = await casePicture(golden.input, `${name}.input`, path);
  const { data, shape } = preprocessSam(picture, model.image);
  const input = fromArray(data as Float32Array<ArrayBuffer>, [1, ...shape]);
  const stages = record(golden.stages, `${name}.stages`);
  let names: string[] = [];
  const run = compile(
    (x: Tensor) => {
      const traced = trace(model, x);
      names = Object.keys(stages).filter((stage) => traced.has(stage));
      return [...names, "embedding"].map((stage) => traced.get(stage) as Tensor);
    },
    { freeze: true, name },
  );
  const predictor = new SamPredictor(model);
  try {
    const outputs = run(input);
    for (const [stage, probe] of Object.entries(stages)) {
      const output = outputs[names.indexOf(stage)];
      checks.push(
        output
          ? await checkTensor(stage, output, probe)
          : { deviation: Number.NaN, problems: [`${stage}: no such output`] },
      );
    }
    const image = predictor.encoded(outputs.at(-1) as Tensor, picture);
    for (const [prompt, json] of Object.entries(record(golden.prompts, `${name}.prompts`)))
      checks.push(...(await checkPrompt(model, image, prompt, record(json, `${name}.prompts.${prompt}`))));
    return { ...together(checks), note: `${checks.length} checks` };
  } finally {
    run.release();
    predictor.release();
  }
};

/** What the file calls the stages of both encoders. */
function trace(model: Sam, x: Tensor): Map<string, Tensor> {
  const outputs = new Map<string, Tensor>([["preprocessed", x]]);
  const tokens = (map: Tensor) => map.flatten(2).transpose(1, 2);
  for (const [path, output] of moduleOutputs(model, () => model.encode(x))) {
    const stage = path.replace(/^image_encoder\.?/, "");
    // The reference keeps the maps of TinyViT's stages as rows of tokens.
    const layer = /^layers\.(\d)(?:\.blocks\.(\d))?$/.exec(stage);
    if (stage === "") outputs.set("embedding", output);
    else if (stage === "patch_embed") outputs.set("patches", output);
    else if (layer)
      outputs.set(
        `layer${layer[1]}${layer[2] === undefined ? "" : `.block${layer[2]}`}`,
        layer[1] === "0" && layer[2] !== undefined ? output : tokens(output),
      );
    else if (/^blocks\.\d+$/.test(stage)) outputs.set(stage.replace("s.", ""), output);
  }
  return outputs;
}

async function checkPrompt(model: Sam, image: SamImage, name: string, json: Json): Promise<Checked[]> {
  const prompt = readPrompt(record(json.prompt, `${name}.prompt`), name, model.image / 4);
  const { sparse, dense } = model.prompt_encoder.forward(image.prompt(prompt));
  const none = fromArray(new Float32Array(0), [1, 0, model.prompt_encoder.dim]);
  const checks = [await checkTensor(`${name}.sparse`, sparse ?? none, json.sparse)];
  if (json.dense !== undefined) checks.push(await checkTensor(`${name}.dense`, dense, json.dense));

  const { logits, lowRes, iou } = await image.predict(prompt, { multimask: json.multimask === true });
  const area = logits.height * logits.width;
  const areas = iou.map((_, i) => logits.data.subarray(i * area, (i + 1) * area).filter((x) => x > 0).length);
  checks.push(
    checkProbe(`${name}.lowRes`, lowRes.data, lowRes.shape, json.lowRes, TOLERANCE.tensor),
    checkProbe(`${name}.logits`, logits.data, logits.shape, json.logits, TOLERANCE.logits),
    checkNumbers(`${name}.iou`, iou, json.iou, TOLERANCE.score),
  );
  // Areas count pixels, not deviations.
  const counted = checkNumbers(`${name}.maskArea`, areas, json.maskArea, TOLERANCE.area);
  return [...checks, { deviation: 0, problems: counted.problems }];
}

/** A mask prompt is `8 u(name, i)`. */
export function readPrompt({ points, labels, box, mask }: Json, where: string, side: number): ImagePrompt {
  return {
    ...(points === undefined
      ? {}
      : {
          points: (points as unknown[]).map(
            (point, i) => numbers(point, `${where}.points[${i}]`) as unknown as Point,
          ),
          labels: numbers(labels, `${where}.labels`) as (0 | 1)[],
        }),
    ...(box === undefined ? {} : { box: numbers(box, `${where}.box`) as unknown as Box }),
    ...(mask === undefined
      ? {}
      : {
          mask: new Planes(
            1,
            side,
            side,
            uniformByName(String(mask), side ** 2).map((u) => 8 * u),
          ),
        }),
  };
}
