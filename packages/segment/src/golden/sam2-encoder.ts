/** Cases `sam2…/encoder-…`: the image encoder, stage by stage. */
import { type Check, together } from "@tessera-ml/kit/golden";
import { record } from "@tessera-ml/nn/golden";
import { moduleOutputs } from "@tessera-ml/nn/inspect";
import { compile, type Tensor } from "@tessera-ml/tensor";
import type { Hiera } from "../models/sam2/hiera.ts";
import { sinePositions } from "../models/sam2/positions.ts";
import type { Sam2 } from "../models/sam2/sam2.ts";
import { caseTensor, checkCounts, checkTensor } from "./case.ts";
import { filledSam2 } from "./sam2-models.ts";

export const check: Check = async ({ name, golden }) => {
  const model = filledSam2(golden.model, golden.rules, name);
  const stages = Object.entries(record(golden.stages, `${name}.stages`));
  const run = compile(
    (x: Tensor) => {
      const traced = trace(model, x);
      return stages.map(([stage]) => {
        const output = traced.get(stage);
        if (!output) throw new Error(`${name}.stages.${stage}: no such output`);
        return output;
      });
    },
    { freeze: true, name },
  );
  try {
    const outputs = run(caseTensor(golden.input, `${name}.input`));
    // The file counts the Gaussian matrix too, which is a buffer.
    const parameters = Number(golden.parameters) - model.dim;
    const checks = [checkCounts(model, { ...golden, parameters }, name)];
    for (const [i, [stage, probe]] of stages.entries())
      checks.push(await checkTensor(stage, outputs[i] as Tensor, probe));
    return { ...together(checks), note: `${checks.length} checks` };
  } finally {
    run.release();
  }
};

function trace(model: Sam2, x: Tensor): Map<string, Tensor> {
  const { trunk, neck } = model.image_encoder;
  const stages = new Map<string, Tensor>();
  for (const [path, output] of moduleOutputs(trunk, () => {
    const maps = trunk.forward(x);
    for (const [i, map] of maps.entries()) stages.set(`stage${i}`, map);
  }))
    if (path === "patch_embed") stages.set("patches", output);
    else if (/^blocks\.\d+$/.test(path)) stages.set(path.replace("s.", ""), output);
  stages.set("positioned", (trunk as Hiera).embed(x));
  const maps = [0, 1, 2, 3].map((i) => stages.get(`stage${i}`) as Tensor);
  for (const [i, map] of neck.forward(maps).entries()) {
    const [, dim, rows, columns] = map.shape as [number, number, number, number];
    stages.set(`fpn${i}`, map).set(`position${i}`, sinePositions(dim, rows, columns));
  }
  const { map, finer } = model.encode(x);
  return stages.set("f16", map).set("decoder.s0", finer[0]).set("decoder.s1", finer[1]);
}
