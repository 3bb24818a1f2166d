/** Cases `training/…`: losses, simulated clicks, and the rates of parameters. */
import { type Case, type Check, close, together } from "@tessera-ml/kit/golden";
import { type Checked, number, numbers, record, uniformByName, uniformTensor } from "@tessera-ml/nn/golden";
import { compile, fromArray, scalar, type Tensor, Variable, valueAndGrad } from "@tessera-ml/tensor";
import { type Answer, clipLoss, iouLoss, maskDice, maskFocal, objectScoreLoss } from "../losses/index.ts";
import type { Mask } from "../mask.ts";
import { Sam2, sam2Configs } from "../models/sam2/sam2.ts";
import { boxPoints, centreClick, randomClicks } from "../training/clicks.ts";
import { squaredDistances } from "../training/distance.ts";
import { parameterRules, sam2Schedule } from "../training/optimizer.ts";
import { caseTensor, checkNumbers, checkProbe, checkTensor, same } from "./case.ts";
import { drawShapes } from "./shapes.ts";

/** Relative, of losses and of their gradients. */
export const LOSS = 1e-5;
export const GRADIENT = 1e-3;
/** Of learning rates, relative. */
const RATE = 1e-6;
/** Of a box's corners, in pixels. */
const CORNER = 1e-4;

export const check: Check = async (golden) => {
  const kind = golden.name.replace(/^training\//, "");
  const found = Object.entries(FAMILIES).find(([name]) => kind === name || kind.startsWith(`${name}-`));
  if (!found)
    throw new Error(`${golden.name}: expected training/ and one of ${Object.keys(FAMILIES).join(", ")}`);
  const checks = await found[1](golden);
  return { ...together(checks), note: `${checks.length} checks` };
};

const FAMILIES: Readonly<Record<string, (golden: Case) => Promise<Checked[]>>> = {
  pieces,
  losses,
  clicks,
  parameters,
};

/** The truth of a frame: a mask for each object's shapes, [objects, 1, H, W]. */
export function truthOf(size: { width: number; height: number }, objects: unknown, where: string): Tensor {
  if (!Array.isArray(objects)) throw new TypeError(`${where}: expected a list of objects`);
  const masks = objects.map((shapes, i) => drawShapes(size, shapes, `${where}[${i}]`).data);
  const all = Float32Array.from(masks.flatMap((data) => [...data]));
  return fromArray(all, [masks.length, 1, size.height, size.width]);
}

/** A scalar and its gradients with respect to the inputs, as training computes them: in one graph. */
async function differentiate(
  inputs: ReadonlyMap<string, Tensor>,
  loss: (inputs: ReadonlyMap<string, Tensor>) => readonly [Tensor, Readonly<Record<string, Tensor>>],
): Promise<{ values: Record<string, Tensor>; gradients: ReadonlyMap<string, Tensor> }> {
  const variables = new Map([...inputs].map(([name, value]) => [name, new Variable(value.mul(1))]));
  const step = compile(() => {
    const { value, grads } = valueAndGrad(Object.fromEntries(variables), () => loss(variables));
    return { values: { ...value[1] }, gradients: [...grads] };
  });
  try {
    const { values, gradients } = step();
    return { values, gradients: new Map(gradients) };
  } finally {
    step.release();
  }
}

async function checkValue(what: string, got: Tensor, json: unknown): Promise<Checked> {
  return close(what, Number(await got.item()), Number(json), LOSS);
}

/** Lists, nested or not, compared absolutely in units of their largest entry. */
async function checkList(what: string, got: Tensor, json: unknown, tolerance: number): Promise<Checked> {
  const wanted = numbers((json as unknown[]).flat(3), what);
  const unit = Math.max(...wanted.map(Math.abs)) || 1;
  const { deviation, problems } = checkNumbers(
    what,
    (await got.data()) as Float32Array,
    wanted,
    tolerance * unit,
  );
  return { deviation: deviation / unit, problems };
}

async function checkGradient(what: string, got: Tensor, json: unknown): Promise<Checked> {
  return Array.isArray(json) ? checkList(what, got, json, GRADIENT) : checkTensor(what, got, json, GRADIENT);
}

async function pieces({ name, golden }: Case): Promise<Checked[]> {
  const inputs = record(golden.inputs, `${name}.inputs`);
  const input = (key: string) =>
    caseTensor({ name: key, ...record(inputs[key], key) }, `${name}.inputs.${key}`);
  const logits = input("logits");
  const ious = input("ious").mul(0.5).add(0.5);
  const [count, , height, width] = logits.shape as [number, number, number, number];
  // The first frame of `training/losses`.
  const truth = truthOf({ height, width }, FIRST_FRAME, name);
  const outputs = record(golden.outputs, `${name}.outputs`);
  const mean = (losses: Tensor) => losses.div(count);
  const run: Readonly<Record<string, readonly [Tensor, (x: Tensor) => Tensor]>> = {
    focal: [logits, (x) => mean(maskFocal(x, truth))],
    dice: [logits, (x) => mean(maskDice(x, truth))],
    iouL1: [ious, (x) => mean(iouLoss(x, logits, truth, "l1"))],
    iouMse: [ious, (x) => mean(iouLoss(x, logits, truth, "mse"))],
  };
  const checks: Checked[] = [];
  for (const [key, json] of Object.entries(outputs)) {
    const given = record(json, `${name}.outputs.${key}`);
    if (key === "objectScore") {
      const list = (field: string) => numbers((given[field] as unknown[]).flat(), `${key}.${field}`);
      const [scores, targets] = [list("logits"), list("targets")].map((values) => Float32Array.from(values));
      const x = fromArray(scores as Float32Array<ArrayBuffer>, [scores!.length, 1]);
      const present = fromArray(targets as Float32Array<ArrayBuffer>, [targets!.length, 1, 1, 1]);
      const { values, gradients } = await differentiate(new Map([["x", x]]), (inputs) => {
        const loss = objectScoreLoss(inputs.get("x") as Tensor, present);
        return [loss, { loss }];
      });
      checks.push(
        await checkValue(key, values.loss as Tensor, given.value),
        await checkGradient(`${key}.gradient`, gradients.get("x") as Tensor, given.gradient),
      );
      continue;
    }
    const [x, loss] = run[key] ?? unknownPiece(`${name}.outputs.${key}`);
    const { values, gradients } = await differentiate(new Map([["x", x]]), (inputs) => {
      const each = loss(inputs.get("x") as Tensor);
      return [each.sum(), { each }];
    });
    checks.push(
      await checkList(key, values.each as Tensor, given.values, LOSS),
      await checkGradient(`${key}.gradient`, gradients.get("x") as Tensor, given.gradient),
    );
  }
  return checks;
}

const FIRST_FRAME = [[[1, 10, 10, 6]], [[1, 4, 6, 20, 18]], [[1, 22, 12, 8]]];

function unknownPiece(where: string): never {
  throw new Error(`${where}: no such loss`);
}

/** Our names of the weights and losses. */
const NAMES = { focal: "loss_mask", dice: "loss_dice", iou: "loss_iou", score: "loss_class" } as const;

export async function checkLosses(
  losses: Readonly<Record<string, Tensor>>,
  json: unknown,
  where: string,
): Promise<Checked[]> {
  const wanted = record(json, where);
  const named = { ...NAMES, loss: "core_loss" };
  return await Promise.all(
    Object.entries(named).map(([ours, theirs]) => checkValue(theirs, losses[ours] as Tensor, wanted[theirs])),
  );
}

async function losses({ name, golden }: Case): Promise<Checked[]> {
  const size = { height: number(golden, "height", name), width: number(golden, "width", name) };
  if (!Array.isArray(golden.truth)) throw new TypeError(`${name}.truth: expected a list of frames`);
  const truths = golden.truth.map((objects, t) => truthOf(size, objects, `${name}.truth[${t}]`));
  const gradients = record(golden.gradients, `${name}.gradients`);
  const weights = record(golden.weights, `${name}.weights`);
  const shapeOf = (json: unknown): number[] =>
    Array.isArray(json)
      ? [json.length, (json[0] as unknown[]).length]
      : numbers(record(json, name).shape, name);
  const inputs = new Map<string, Tensor>();
  for (const [key, json] of Object.entries(gradients)) {
    const u = uniformTensor(key, shapeOf(json));
    inputs.set(
      key,
      key.startsWith("masks") ? u.mul(4) : key.startsWith("ious") ? u.mul(0.5).add(0.5) : u.mul(2),
    );
  }
  const found = await differentiate(inputs, (given) => {
    const frames = truths.map((truth, t) => {
      const answers: Answer[] = [];
      for (let s = 0; given.has(`masks${t}.${s}`); s++)
        answers.push({
          masks: given.get(`masks${t}.${s}`) as Tensor,
          iou: given.get(`ious${t}.${s}`) as Tensor,
          objectScore: given.get(`scores${t}.${s}`) as Tensor,
        });
      return { truth, answers };
    });
    const all = clipLoss(frames, {
      focal: number(weights, NAMES.focal, `${name}.weights`),
      dice: number(weights, NAMES.dice, `${name}.weights`),
      iou: number(weights, NAMES.iou, `${name}.weights`),
      score: number(weights, NAMES.score, `${name}.weights`),
    });
    return [all.loss, { ...all }];
  });
  const checks = await checkLosses(found.values, golden.losses, `${name}.losses`);
  for (const [key, json] of Object.entries(gradients))
    checks.push(await checkGradient(`gradients.${key}`, found.gradients.get(key) as Tensor, json));
  return checks;
}

async function clicks({ name, golden }: Case): Promise<Checked[]> {
  const size = { height: number(golden, "height", name), width: number(golden, "width", name) };
  const cases = (golden.cases as unknown[]).map((json, i) => {
    const where = `${name}.cases[${i}]`;
    const given = record(json, where);
    const draw = (field: string): Mask => drawShapes(size, given[field], `${where}.${field}`);
    return { truth: draw("truth"), prediction: draw("prediction") };
  });
  const checks: Checked[] = [];
  for (const [kind, json] of Object.entries(record(golden.centre, `${name}.centre`))) {
    const given = record(json, `${name}.centre.${kind}`);
    const found = cases.map(({ truth, prediction }) =>
      centreClick(truth, prediction, { padded: kind === "padded" }),
    );
    const points = found.map(({ x, y }) => [x, y]);
    const labels = found.map(({ label }) => label);
    checks.push(
      same(`centre.${kind}.points`, points, given.points),
      same(`centre.${kind}.labels`, labels, given.labels),
    );
  }
  checks.push(...(await checkRandom(cases, size, record(golden.random, `${name}.random`))));

  const boxes = record(golden.boxes, `${name}.boxes`);
  const of = numbers(boxes.of, `${name}.boxes.of`);
  const noise = uniformByName("noise", 4 * of.length);
  let next = 0;
  const corners = of.flatMap((i) => [
    ...boxPoints(cases[i]!.truth, () => Math.fround(Math.fround(noise[next++]! + 1) / 2)),
  ]);
  checks.push(
    checkNumbers("boxes.points", corners, (boxes.points as unknown[]).flat(2), CORNER),
    same(
      "boxes.labels",
      of.map(() => [2, 3]),
      boxes.labels,
    ),
  );

  const distance = record(golden.distance, `${name}.distance`);
  const { truth, prediction } = cases[number(distance, "of", `${name}.distance`)]!;
  const missed = truth.data.map((value, i) => (value && !prediction.data[i] ? 1 : 0));
  const distances = squaredDistances({ ...size, data: missed }).map(Math.sqrt);
  checks.push(checkProbe("distance", distances, [size.height, size.width], distance, 1e-6));
  return checks;
}

async function checkRandom(
  cases: readonly { truth: Mask; prediction: Mask }[],
  { width, height }: { width: number; height: number },
  json: Readonly<Record<string, unknown>>,
): Promise<Checked[]> {
  const each = (json.points as unknown[][])[0]?.length ?? 0;
  const stack = (masks: readonly Mask[]) =>
    fromArray(Float32Array.from(masks.flatMap(({ data }) => [...data])), [masks.length, 1, height, width]);
  const noise = uniformTensor("noise", [cases.length, each, height, width, 2]).add(1).div(2);
  const { coords, labels } = randomClicks(
    stack(cases.map(({ truth }) => truth)),
    stack(cases.map(({ prediction }) => prediction)).greater(0),
    noise,
  );
  return [
    checkNumbers(
      "random.points",
      (await coords.data()) as Float32Array,
      (json.points as unknown[]).flat(2),
      0,
    ),
    checkNumbers("random.labels", (await labels.data()) as Int32Array, (json.labels as unknown[]).flat(), 0),
  ];
}

/** Rates at the start, in the middle and after three quarters of the published fine-tuning. */
const PROGRESS = [0, 0.5, 0.75];

async function parameters({ name, golden }: Case): Promise<Checked[]> {
  const rules = parameterRules(new Sam2({ ...sam2Configs["sam2.1_hiera_tiny"], image: 256 }));
  const steps = 4096;
  const schedule = sam2Schedule({ steps });
  const rates = await Promise.all(
    PROGRESS.map(async (at) => Number(await schedule(scalar(at * steps)).item())),
  );
  return Object.entries(record(golden.parameters, `${name}.parameters`)).flatMap(([path, json]) => {
    const given = record(json, path);
    const rule = rules.get(path);
    if (!rule) throw new Error(`${name}.parameters: the network has no parameter ${path}`);
    const wanted = numbers(given.lr, `${path}.lr`);
    return [
      ...wanted.map((lr, i) => close(`${path}.lr[${i}]`, rule.lrScale * (rates[i] ?? Number.NaN), lr, RATE)),
      close(`${path}.weightDecay`, rule.weightDecay, number(given, "weightDecay", path), RATE),
    ];
  });
}
