/** Cases `train/metric-…`: steps of fine-tuning to metres, on filled parameters. */

import { type Case, type Check, close, type Json, together } from "@tessera-ml/kit/golden";
import { gradientNorm } from "@tessera-ml/nn";
import {
  type Checked,
  compareAll,
  fillGolden,
  number,
  numbers,
  readProbes,
  readRules,
  record,
  uniformByName,
  uniformTensor,
} from "@tessera-ml/nn/golden";
import { compile, fromArray, Tensor, valueAndGrad } from "@tessera-ml/tensor";
import {
  DepthAnything,
  type DepthAnythingConfig,
  depthAnythingSizes,
  V2_TAPS,
} from "../models/depth-anything.ts";
import {
  type DepthRange,
  inRange,
  type MetricTraining,
  metricLoss,
  metricOptimizer,
} from "../training/metric.ts";

const ENCODER = /^pretrained\./;
/** Of losses, relative. */
const LOSS = 1e-4;
/** Of learning rates, relative. */
const RATE = 1e-6;
/** Of the norms of changes, relative: where a gradient is tiny, Adam divides noise by noise. */
const CHANGE = 2e-2;

export const check: Check = async ({ name, golden }) => {
  if (!name.startsWith("train/metric")) throw new Error(`nothing here checks cases like ${name}`);
  const config = record(golden.config, `${name}.config`);
  const range = {
    minDepth: number(config, "min_depth", `${name}.config`),
    maxDepth: number(config, "max_depth", `${name}.config`),
  };
  const model = new DepthAnything(networkOf(config, name)).train();
  fillGolden(model, { rules: readRules(golden.rules, `${name}.rules`) });
  const before = new Map([...model.parameters()].map(([path, { value }]) => [path, new Tensor(value)]));
  const batches = readBatches({ name, golden }, config);
  const tolerance = number(golden, "tolerance", name);
  const probes = readProbes(golden.gradients, `${name}.gradients`);

  const steps = await train(model, batches, { ...range, ...trainingOf(config, name) }, [...probes.keys()]);
  const after = await lossesOf(model, batches, range);
  const given = (field: string, i: number) => {
    const list: unknown = golden[field];
    if (!Array.isArray(list) || list.length !== steps.length)
      throw new TypeError(`${name}.${field}: expected one entry for each of the ${steps.length} steps`);
    return [list[i]].flat() as number[];
  };
  const compareStep = (field: string, i: number, got: readonly number[], allowed: number) =>
    given(field, i).map((wanted, j) => close(`${field}[${i}][${j}]`, got[j]!, wanted, allowed));
  return together([
    ...steps.flatMap(({ loss, valid, rates, norms }, i) => [
      ...compareStep("losses", i, [loss], LOSS),
      ...compareStep("valid", i, [valid], 0),
      ...compareStep("rates", i, rates, RATE),
      ...compareStep("gradientNorms", i, norms, tolerance),
      ...compareStep("lossesAfter", i, [after[i]!], LOSS),
    ]),
    await compareAll(steps[0]!.gradients, probes, tolerance),
    ...(await compareChanges(model, before, record(golden.deltas, `${name}.deltas`), name)),
    await compareUntouched(model, before, steps[0]!.still, golden.withoutGradient),
  ]);
};

function networkOf(config: Json, name: string): DepthAnythingConfig {
  const encoder = String(config.encoder) as keyof typeof depthAnythingSizes;
  const size = depthAnythingSizes[encoder];
  if (!size)
    throw new Error(
      `${name}.config.encoder: expected one of ${Object.keys(depthAnythingSizes).join(", ")}, got ${encoder}`,
    );
  return { ...size, taps: V2_TAPS[encoder], maxDepth: number(config, "max_depth", `${name}.config`) };
}

function trainingOf(config: Json, name: string): MetricTraining {
  const setting = (field: string) => number(config, field, `${name}.config`);
  return {
    steps: setting("totalIterations"),
    lr: setting("lr"),
    headFactor: setting("headFactor"),
    weightDecay: setting("weightDecay"),
    power: setting("power"),
    betas: numbers(config.betas, `${name}.config.betas`) as [number, number],
    eps: setting("eps"),
  };
}

interface Batch {
  /** [B, 3, H, W] */
  readonly images: Tensor;
  /** [B, H, W], in metres. */
  readonly depth: Tensor;
  /** In its shape, bool. */
  readonly valid: Tensor;
}

/** The batch of each step: depth `a (b + c u)`, valid where u is above a number, mirrored as the case says. */
function readBatches({ name, golden }: Pick<Case, "name" | "golden">, config: Json): Batch[] {
  const where = `${name}.input`;
  const input = record(golden.input, where);
  const [count, height, width] = numbers(input.shape, `${where}.shape`) as [number, number, number];
  const formula = /^([\d.]+) \(([\d.]+) \+ ([\d.]+) u\(tag\.depth\.step\)\)/.exec(String(input.depth));
  const above = /^u\(tag\.valid\.step\) > (-?[\d.]+)/.exec(String(input.valid))?.[1];
  if (!formula || above === undefined)
    throw new TypeError(
      `${where}: expected depth "a (b + c u(tag.depth.step))" and valid "u(tag.valid.step) > a"`,
    );
  const [factor, offset, gain] = formula.slice(1).map(Number) as [number, number, number];
  const { flips } = config;
  if (!Array.isArray(flips)) throw new TypeError(`${name}.config.flips: expected a list of booleans`);
  return flips.map((flip: unknown, step): Batch => {
    const shape = [count, height, width];
    const noise = uniformByName(`${input.tag}.depth.${step}`, count * height * width);
    const depth = Float32Array.from(noise, (u) => factor * (offset + gain * u));
    const mirrored = (x: Tensor) => (flip === true ? x.flip(-1) : x);
    return {
      images: mirrored(uniformTensor(`${input.tag}.image.${step}`, [count, 3, height, width])),
      depth: mirrored(fromArray(depth, shape)),
      valid: mirrored(uniformTensor(`${input.tag}.valid.${step}`, shape).greater(Number(above))),
    };
  });
}

interface Step {
  readonly loss: number;
  readonly valid: number;
  /** Of encoder and head. */
  readonly rates: readonly number[];
  readonly norms: readonly number[];
  /** The asked ones. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** Parameters whose gradient is zero everywhere. */
  readonly still: readonly string[];
}

async function train(
  model: DepthAnything,
  batches: readonly Batch[],
  training: MetricTraining & DepthRange,
  asked: readonly string[],
): Promise<Step[]> {
  const optimizer = metricOptimizer(model, ENCODER, training);
  const paths = [...model.parameters().keys()];
  const step = compile(({ images, depth, valid }: Batch) => {
    const rate = optimizer.learningRate as Tensor;
    const { value, grads } = valueAndGrad(model, () =>
      metricLoss(model.forward(images), depth, valid, training),
    );
    optimizer.update(grads);
    const norm = (inEncoder: boolean) =>
      gradientNorm(new Map([...grads].filter(([path]) => ENCODER.test(path) === inEncoder)));
    return {
      numbers: [
        value,
        inRange(depth, valid, training).astype("float32").sum(),
        rate,
        norm(true),
        norm(false),
      ],
      largest: paths.map((path) => (grads.get(path) as Tensor).abs().max()),
      gradients: asked.map((path) => grads.get(path) ?? missing(path)),
    };
  });
  try {
    const steps: Step[] = [];
    for (const batch of batches) {
      const { numbers, largest, gradients } = step(batch);
      const [loss, valid, rate, encoder, head] = await items(numbers);
      const most = await items(largest);
      steps.push({
        ...{ loss: loss!, valid: valid!, norms: [encoder!, head!] },
        rates: [rate!, rate! * (training.headFactor ?? 1)],
        gradients: new Map(asked.map((path, i) => [path, gradients[i] as Tensor])),
        still: paths.filter((_, i) => most[i] === 0),
      });
    }
    return steps;
  } finally {
    step.release();
  }
}

function missing(path: string): never {
  throw new Error(`gradients: the network has no parameter ${path}`);
}

async function items(tensors: readonly Tensor[]): Promise<number[]> {
  return await Promise.all(tensors.map(async (tensor) => Number(await tensor.item())));
}

/** With the parameters as they are. */
async function lossesOf(
  model: DepthAnything,
  batches: readonly Batch[],
  range: DepthRange,
): Promise<number[]> {
  const loss = compile(({ images, depth, valid }: Batch) =>
    metricLoss(model.forward(images), depth, valid, range),
  );
  try {
    const found: number[] = [];
    for (const batch of batches) found.push(Number(await loss(batch).item()));
    return found;
  } finally {
    loss.release();
  }
}

/** The norms of the changes of parameters, and their mean magnitudes. */
async function compareChanges(
  model: DepthAnything,
  before: ReadonlyMap<string, Tensor>,
  deltas: Json,
  name: string,
): Promise<Checked[]> {
  const parameters = model.parameters();
  const checks = Object.entries(deltas).map(async ([path, json]) => {
    const wanted = record(json, `${name}.deltas.${path}`);
    const parameter = parameters.get(path) ?? missing(path);
    const delta = parameter.sub(before.get(path) as Tensor);
    const [l2, meanAbs] = await items([delta.square().sum().sqrt(), delta.abs().mean()]);
    const compared = (what: string, got: number) =>
      close(`deltas.${path}.${what}`, got, number(wanted, what, `${name}.deltas.${path}`), CHANGE);
    return [compared("l2", l2!), compared("meanAbs", meanAbs!)];
  });
  return (await Promise.all(checks)).flat();
}

/** The parameters that the loss does not depend on: zero gradients, and values that stay, without decay. */
async function compareUntouched(
  model: DepthAnything,
  before: ReadonlyMap<string, Tensor>,
  still: readonly string[],
  expected: unknown,
): Promise<Checked> {
  const wanted = (expected as readonly string[]).toSorted().join(", ");
  const got = still.toSorted().join(", ");
  const problems = got === wanted ? [] : [`withoutGradient: expected ${wanted}, got ${got}`];
  for (const [path, parameter] of model.parameters()) {
    if (!still.includes(path)) continue;
    const [change] = await items([
      parameter
        .sub(before.get(path) as Tensor)
        .abs()
        .max(),
    ]);
    if (change !== 0) problems.push(`${path}: has no gradient, but changed by ${change}`);
  }
  return { deviation: 0, problems };
}
