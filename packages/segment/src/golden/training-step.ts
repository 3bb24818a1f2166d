/** Cases `training/step-…`: one step of training on a clip: masks, clicks, losses, gradients. */
import { type Check, close, type Json, together } from "@tessera-ml/kit/golden";
import { gradientNorm } from "@tessera-ml/nn";
import { type Checked, number, numbers, record } from "@tessera-ml/nn/golden";
import { compile, fromArray, type Gradients, type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { clipLoss } from "../losses/index.ts";
import type { Mask } from "../mask.ts";
import { LABEL, type Points } from "../models/prompt-encoder.ts";
import type { Sam2 } from "../models/sam2/sam2.ts";
import { boxPoints, centreClick } from "../training/clicks.ts";
import { type ClipFrame, type TrackedFrame, trackClip, trackWith } from "../training/track.ts";
import { caseTensor, checkNumbers, checkTensor, TOLERANCE } from "./case.ts";
import { filledSam2 } from "./sam2-models.ts";
import { checkLosses, GRADIENT, LOSS, truthOf } from "./training.ts";

/** Of the probes of the trunk's gradients, which only their root mean square is held to. */
const TRUNK = 3e-3;

export const check: Check = async ({ name, golden }) => {
  const model = filledSam2(golden.model, golden.rules, name).train();
  const clip = caseTensor(
    { name: "clip", ...record(record(golden.input, name).clip, name) },
    `${name}.input.clip`,
  );
  const images = clip.squeeze(1); // [T, 3, side, side]
  const side = model.image;
  const truths = (golden.truth as unknown[]).map((objects, t) =>
    truthOf({ width: side, height: side }, objects, `${name}.truth[${t}]`),
  );
  const given = (golden.frames as unknown[][]).map((steps, t) =>
    steps.map((step, s) => record(step, `${name}.frames[${t}][${s}]`)),
  );
  const prompt = await promptOf(golden, truths, given);
  const framesOf = (x: Tensor): ClipFrame[] => {
    const { map, finer } = model.encode(x);
    return truths.map((truth, t): ClipFrame => {
      const at = (y: Tensor) => y.narrow(0, t, 1);
      return {
        features: { map: at(map), finer: [at(finer[0]), at(finer[1])] },
        truth,
        ...(prompt[t] && { prompt: prompt[t] }),
        corrections: (given[t]?.length ?? 1) - 1,
      };
    });
  };
  const clicks = await centreClicks(model, framesOf, images);

  const asked = Object.keys(record(golden.gradients, `${name}.gradients`));
  const step = compile((x: Tensor) => {
    const { value, grads } = valueAndGrad(model, () => {
      const corrections = clicks.values();
      const tracked = trackWith(model, framesOf(x), () => corrections.next().value as Points);
      const losses = clipLoss(tracked);
      return [losses.loss, { losses, tracked }] as const;
    });
    const { losses, tracked } = value[1];
    return {
      losses: { ...losses },
      tracked: tracked.map(({ answers }) => answers.map((answer) => ({ ...answer }))),
      norms: normsOf(grads, Object.keys(record(golden.groupNorms, `${name}.groupNorms`))),
      largest: [...grads].map(([path, gradient]) => [path, gradient.abs().max()] as const),
      gradients: new Map(asked.map((path) => [path, grads.get(path) ?? missing(path)])),
    };
  });
  try {
    const { losses, tracked, norms, largest, gradients } = step(images);
    const checks = await checkFrames(tracked, given);
    checks.push(...(await checkLosses(losses, golden.losses, `${name}.losses`)));
    const wanted: Json = { all: golden.gradientNorm, ...record(golden.groupNorms, name) };
    for (const [group, norm] of norms)
      checks.push(
        close(`norm of ${group}`, Number(await norm.item()), number(wanted, group, name), GRADIENT),
      );
    for (const [path, gradient] of gradients) {
      const tolerance = path.includes(".trunk.") ? TRUNK : GRADIENT;
      const json = record(golden.gradients, name)[path];
      checks.push(await checkTensor(`gradients.${path}`, gradient, json, tolerance));
    }
    const still: string[] = [];
    for (const [path, most] of largest) if (Number(await most.item()) === 0) still.push(path);
    const quiet = new Set(golden.withoutGradient as string[]);
    const moved = [...quiet].filter((path) => !still.includes(path));
    checks.push({
      deviation: 0,
      problems: moved.map((path) => `gradients.${path}: expected none, got one`),
    });
    return { ...together(checks), note: `${checks.length} checks` };
  } finally {
    step.release();
  }
};

function missing(path: string): never {
  throw new Error(`gradients: the network has no parameter ${path}`);
}

/** The norms of all gradients and of groups of them by the starts of their paths. */
function normsOf(grads: Gradients, groups: readonly string[]): [string, Tensor][] {
  const within = (group: string) =>
    new Map([...grads].filter(([path]) => path === group || path.startsWith(`${group}.`)));
  return [
    ["all", gradientNorm(grads)],
    ...groups.map((group) => [group, gradientNorm(within(group))] as [string, Tensor]),
  ];
}

/** What is said about the objects on each frame: on the first, and on others that the file gives points for at once. */
async function promptOf(
  golden: Json,
  truths: readonly Tensor[],
  given: readonly (readonly Json[])[],
): Promise<(ClipFrame["prompt"] | undefined)[]> {
  const kind = golden.prompt;
  const prompted = (golden.promptedFrames as number[] | undefined) ?? [0];
  const prompts = truths.map(async (truth, t): Promise<ClipFrame["prompt"] | undefined> => {
    if (!prompted.includes(t)) return undefined;
    if (kind === "mask") return "mask";
    const masks = await masksOf(truth);
    if (kind === "click") return pointsOf(masks.map((mask) => [centreClick(mask)]));
    if (kind !== "box") throw new Error(`prompt: expected click, box or mask, got ${String(kind)}`);
    const drawn = given[t]?.[0]?.points;
    return pointsOf(
      masks.map((mask, i) => {
        const [left, top, right, bottom] = drawn ? drawnBox(drawn, i, mask) : boxPoints(mask);
        return [
          { x: left, y: top, label: LABEL.topLeft },
          { x: right, y: bottom, label: LABEL.bottomRight },
        ];
      }),
    );
  });
  return await Promise.all(prompts);
}

/** The corners that the file's noise gave, which must lie where noise can bring them. */
function drawnBox(drawn: unknown, object: number, mask: Mask): readonly [number, number, number, number] {
  const corners = numbers(((drawn as unknown[])[object] as unknown[]).flat(), "points");
  const [least, most] = [boxPoints(mask, () => 0), boxPoints(mask, () => 1)];
  for (const [i, corner] of corners.entries())
    if (!(corner >= least[i]! - 1e-3 && corner <= most[i]! + 1e-3))
      throw new Error(`points: expected a box around object ${object} with noise, got ${corners.join(", ")}`);
  return corners as [number, number, number, number];
}

interface LabelledClick {
  readonly x: number;
  readonly y: number;
  readonly label: number;
}

function pointsOf(lists: readonly (readonly LabelledClick[])[]): Points {
  const [batch, count] = [lists.length, lists[0]?.length ?? 0];
  const flat = lists.flat();
  return {
    coords: fromArray(Float32Array.from(flat.flatMap(({ x, y }) => [x, y])), [batch, count, 2]),
    labels: fromArray(
      Int32Array.from(flat, ({ label }) => label),
      [batch, count],
    ),
  };
}

/** [B, 1, H, W] → B masks of what is positive */
async function masksOf(logits: Tensor): Promise<Mask[]> {
  const [batch, , height, width] = logits.shape as [number, number, number, number];
  const data = (await logits.data()) as Float32Array;
  return Array.from({ length: batch }, (_, i) => {
    const plane = data.subarray(i * height * width, (i + 1) * height * width);
    return { width, height, data: Uint8Array.from(plane, (logit) => (logit > 0 ? 1 : 0)) };
  });
}

/** The clicks of a run without gradients, in the order of their requests. */
async function centreClicks(
  model: Sam2,
  framesOf: (x: Tensor) => ClipFrame[],
  images: Tensor,
): Promise<Points[]> {
  const clicks: Points[] = [];
  const run = trackClip(model, framesOf(images));
  for (let step = run.next(); !step.done; ) {
    const { truth, prediction } = step.value;
    const [wanted, found] = [await masksOf(truth), await masksOf(prediction)];
    const click = pointsOf(wanted.map((mask, i) => [centreClick(mask, found[i])]));
    clicks.push(click);
    step = run.next(click);
  }
  return clicks;
}

async function checkFrames(
  tracked: readonly TrackedFrame["answers"][],
  given: readonly (readonly Json[])[],
): Promise<Checked[]> {
  const checks: Checked[] = [];
  for (const [t, steps] of given.entries())
    for (const [s, json] of steps.entries()) {
      const where = `frames[${t}][${s}]`;
      const answer = tracked[t]?.[s];
      if (!answer)
        throw new Error(`${where}: expected as many answers as the file, got ${tracked[t]?.length}`);
      const flat = (value: unknown) => (value as unknown[]).flat(2);
      const list = async (what: string, got: Tensor, tolerance: number) =>
        checkNumbers(`${where}.${what}`, (await got.data()) as Float32Array, flat(json[what]), tolerance);
      checks.push(
        await checkTensor(`${where}.masks`, answer.masks, json.masks, TOLERANCE.logits),
        { ...(await list("ious", answer.iou, TOLERANCE.score)), deviation: 0 },
        { ...(await list("scores", answer.objectScore, TOLERANCE.score)), deviation: 0 },
      );
      if (!json.points || !answer.points) continue;
      checks.push(
        await list("points", answer.points.coords, LOSS),
        await list("labels", answer.points.labels, 0),
      );
    }
  return checks;
}
