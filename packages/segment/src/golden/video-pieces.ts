/** Cases `video/…`: what surrounds the network when it follows objects. */
import { type Check, type Json, sharedFile, together } from "@tessera-ml/kit/golden";
import { interpolate, Planes, readImage, resizePil, toPlanes, toRgb } from "@tessera-ml/media";
import { type Checked, number, record } from "@tessera-ml/nn/golden";
import { fromArray, resize } from "@tessera-ml/tensor";
import { CERTAIN } from "../models/sam2/sam2.ts";
import { preprocessFrame, preprocessMask } from "../predict/sam2-image.ts";
import { withoutOverlap } from "../track/non-overlap.ts";
import { caseTensor, checkProbe, checkTensor, same, TOLERANCE } from "./case.ts";
import { readMask } from "./video.ts";

export const check: Check = async (golden) => {
  const family = golden.name.replace(/^video\//, "");
  const run = FAMILIES[family];
  if (!run) throw new Error(`${golden.name}: expected video/ and one of ${Object.keys(FAMILIES).join(", ")}`);
  const checks = await run(golden.golden, golden.name, golden.path);
  return { ...together(checks), note: `${checks.length} checks` };
};

const FAMILIES: Readonly<Record<string, (json: Json, where: string, path: string) => Promise<Checked[]>>> = {
  preprocessing,
  "non-overlap": nonOverlap,
};

async function preprocessing({ frames, masks }: Json, where: string, path: string): Promise<Checked[]> {
  const checks: Checked[] = [];
  for (const [i, each] of ((frames ?? []) as unknown[]).entries()) {
    const what = `${where}.frames[${i}]`;
    const json = record(each, what);
    const side = number(json, "size", what);
    const image = await readImage(await sharedFile(String(json.file), path), { orient: false });
    checks.push(same(`${what}: size`, [image.width, image.height], [json.width, json.height]));
    const bytes = toPlanes(resizePil(toRgb(image), { width: side, height: side }, "bicubic"));
    const { data, shape } = preprocessFrame(image, side);
    checks.push(
      checkProbe(
        `${what}.bytes`,
        bytes.data.map((x) => Math.round(255 * x)),
        shape,
        json.bytes,
        1e-6,
      ),
      checkProbe(`${what}.normalised`, data, shape, json.normalised, TOLERANCE.tensor),
    );
  }
  for (const [i, each] of ((masks ?? []) as unknown[]).entries()) {
    const what = `${where}.masks[${i}]`;
    const json = record(each, what);
    const side = number(json, "size", what);
    const { width, height, data } = await readMask(record(json.mask, what), what, path);
    const mask = new Planes(1, height, width, Float32Array.from(data));
    const floats = interpolate(mask, { width: side, height: side }, { mode: "bilinear", antialias: true });
    checks.push(
      checkProbe(`${what}.resized`, floats.data, [1, ...floats.shape], json.resized, TOLERANCE.tensor),
    );
    const resized = preprocessMask(mask, side);
    const area = resized.data.reduce((sum, value) => sum + value, 0);
    checks.push(same(`${what}.area`, area, json.area));
    const logits = fromArray(resized.data as Float32Array<ArrayBuffer>, [1, 1, side, side]);
    const lowRes = resize(logits.mul(2 * CERTAIN).sub(CERTAIN), {
      size: side / 4,
      mode: "bilinear",
      antialias: true,
    });
    checks.push(await checkTensor(`${what}.lowRes`, lowRes, json.lowRes));
  }
  return checks;
}

async function nonOverlap({ input, output }: Json, where: string): Promise<Checked[]> {
  const given = caseTensor(input, `${where}.input`);
  const [count, , height, width] = given.shape as [number, number, number, number];
  const logits = (await given.data()) as Float32Array;
  const size = height * width;
  const objects = Array.from({ length: count }, (_, i) => logits.slice(i * size, (i + 1) * size));
  const apart = Float32Array.from(withoutOverlap(objects).flatMap((each) => [...each]));
  return [checkProbe(`${where}.output`, apart, given.shape, output, 1e-6)];
}
