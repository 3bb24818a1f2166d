/** Cases `loss/…`: values and gradients. */

import { type Case, type Check, close, type Json, together } from "@tessera-ml/kit/golden";
import {
  type Checked,
  compare,
  number,
  numbers,
  readProbe,
  record,
  uniformByName,
  uniformTensor,
} from "@tessera-ml/nn/golden";
import { compile, fromArray, type Tensor, Variable, valueAndGrad } from "@tessera-ml/tensor";
import { residualGradients } from "../losses/gradient-matching.ts";
import {
  boxMasks,
  cutmixImages,
  cutmixLoss,
  depthAnythingV2Loss,
  featureAlignment,
  gradientMatching,
  leastSquaresPerImage,
  normalizeMaps,
  silog,
  ssiMae,
  ssiMse,
  ssiTrim,
  ZOE_SILOG,
} from "../losses/index.ts";
import { trimmedMean } from "../losses/scale-shift.ts";

type Loss = (prediction: Tensor, target: Tensor, mask: Tensor) => Tensor;

const trimAndMatch: Loss = (p, y, mask) =>
  ssiTrim(p, y, { mask, pool: "batch" })
    .mul(2)
    .add(gradientMatching(p, y, { mask }).mul(0.5));

/** By the part of the name before the tag. */
const LOSSES: Readonly<Record<string, Loss>> = {
  "ssi-mae": (p, y, mask) => ssiMae(p, y, { mask }),
  "ssi-trim": (p, y, mask) => ssiTrim(p, y, { mask }),
  "ssi-mse": (p, y, mask) => ssiMse(p, y, { mask }),
  kept90: (p, y, mask) => ssiMae(p, y, { mask, keep: 0.9 }),
  "gradient-matching": (p, y, mask) => gradientMatching(p, y, { mask }),
  v2: (p, y, mask) => depthAnythingV2Loss(p, y, { mask }),
  "vda-ssi-full": (p, y, mask) => ssiMae(p, y, { mask, pool: "batch" }),
  "vda-gm-full": (p, y, mask) => gradientMatching(p, y, { mask }),
  "vda-trim-gm-full": trimAndMatch,
  "vda-ssi-masked": (p, y, mask) => {
    const residual = residualWithZeros(p, y, mask);
    const valid = mask.greater(0);
    return trimmedMean(residual.abs(), valid, 0, "batch").add(
      residualGradients(residual, valid, {}).mul(0.5),
    );
  },
  "vda-image-based": (p, y, mask) =>
    residualGradients(residualWithZeros(p, y, mask), mask.greater(0), { pool: "images" }),
};

export const check: Check = async (golden) => {
  const kind = golden.name.slice("loss/".length);
  if (kind.startsWith("silog")) return await checkSilog(golden);
  if (kind.startsWith("feature-alignment")) return await checkFeatures(golden);
  if (kind.startsWith("cutmix")) return await checkCutmix(golden);
  if (kind in OTHERS) return await OTHERS[kind]!(golden);
  const loss = Object.entries(LOSSES).find(([name]) => kind.startsWith(`${name}-`))?.[1];
  if (!loss) throw new Error(`nothing here checks cases like ${golden.name}`);
  return await checkLoss(golden, loss);
};

/** Video Depth Anything's residual: the median is that of mask · map, zeros included. Not for training. */
function residualWithZeros(p: Tensor, y: Tensor, mask: Tensor): Tensor {
  const [valid, all] = [mask.greater(0), mask.greaterEqual(0)];
  const normalized = (x: Tensor) => normalizeMaps(x.mul(mask), valid, { medianOver: all });
  return normalized(p).sub(normalized(y));
}

interface Maps {
  readonly prediction: Tensor;
  readonly target: Tensor;
  readonly mask: Tensor;
}

/** prediction 1 + 0.6 u, target 0.3 + 0.5 prediction + 0.15 u, mask u > a number, or all. */
function readMaps(json: unknown, where: string): Maps {
  const { tag, shape: given, mask } = record(json, where);
  const shape = numbers(given, `${where}.shape`);
  const size = shape.reduce((a, b) => a * b, 1);
  const noise = uniformByName(`${tag}.noise`, size);
  // In double precision up to here, as the reference has it.
  const p = Float64Array.from(uniformByName(`${tag}.prediction`, size), (u) => 1 + 0.6 * u);
  const y = p.map((value, i) => 0.3 + 0.5 * value + 0.15 * noise[i]!);
  const [prediction, target] = [p, y].map((map) => fromArray(Float32Array.from(map), shape)) as [
    Tensor,
    Tensor,
  ];
  const above = Number(/u\(tag\.mask\) > (-?[\d.]+)/.exec(String(mask))?.[1] ?? -2);
  return { prediction, target, mask: uniformTensor(`${tag}.mask`, shape).greater(above).astype("float32") };
}

/** The loss and its gradient with respect to `x`, computed as in training: in one compiled graph. */
async function evaluateLoss(x: Tensor, loss: (x: Tensor) => Tensor) {
  const variable = new Variable(x.mul(1));
  const step = compile(() => {
    const { value, grads } = valueAndGrad({ x: variable }, () => loss(variable));
    return [value, grads.get("x")!];
  });
  try {
    const [value, gradient] = step() as [Tensor, Tensor];
    return {
      value: Number(await value.item()),
      gradient: (await gradient.data()) as Float32Array,
      shape: x.shape,
    };
  } finally {
    step.release();
  }
}

type Evaluated = Awaited<ReturnType<typeof evaluateLoss>>;

function compareLoss(found: Evaluated, golden: Json, where: string): Checked {
  const tolerance = number(golden, "tolerance", where);
  const checks = [close("value", found.value, number(golden, "value", where), tolerance)];
  if (Array.isArray(golden.gradient)) {
    const wanted = numbers(golden.gradient, `${where}.gradient`);
    checks.push(...wanted.map((one, i) => close(`gradient[${i}]`, found.gradient[i]!, one, tolerance)));
  } else {
    const probe = readProbe(golden.gradient, `${where}.gradient`);
    const { deviation, problems } = compare(found.gradient, found.shape, probe, tolerance);
    checks.push({ deviation, problems: problems.map((problem) => `gradient: ${problem}`) });
  }
  return together(checks);
}

async function checkLoss({ name, golden }: Case, loss: Loss): Promise<Checked> {
  const { prediction, target, mask } = readMaps(golden.input, `${name}.input`);
  const checks = [compareLoss(await evaluateLoss(prediction, (p) => loss(p, target, mask)), golden, name)];
  if (golden.scaleShift !== undefined) {
    const { scale, shift } = leastSquaresPerImage(prediction, target, mask.greater(0));
    const got = [await scale.data(), await shift.data()] as Float32Array[];
    for (const [n, pair] of (golden.scaleShift as number[][]).entries())
      checks.push(...pair.map((wanted, i) => close(`scaleShift[${n}]`, got[i]![n]!, wanted, 1e-5)));
  }
  return together(checks);
}

async function checkSilog({ name, golden }: Case): Promise<Checked> {
  const { tag, shape: given } = record(golden.input, `${name}.input`);
  const shape = numbers(given, `${name}.input.shape`);
  const prediction = uniformTensor(`${tag}.prediction`, shape).mul(3).add(4);
  const target = uniformTensor(`${tag}.target`, shape).mul(4.5).add(5);
  const mask = uniformTensor(`${tag}.mask`, shape)
    .greater(-0.7)
    .logicalAnd(target.greaterEqual(0.6))
    .logicalAnd(target.lessEqual(9));
  const options = { mask, ...(name.includes("zoe") ? ZOE_SILOG : {}) };
  return compareLoss(await evaluateLoss(prediction, (p) => silog(p, target, options)), golden, name);
}

async function checkFeatures({ name, golden }: Case): Promise<Checked> {
  const { tag, shape: given, student } = record(golden.input, `${name}.input`);
  const shape = numbers(given, `${name}.input.shape`);
  const [, tokens = 1] = shape;
  const gain = Number(/frozen \+ ([\d.]+) \(/.exec(String(student))?.[1]);
  const share = fromArray(
    Float32Array.from({ length: tokens }, (_, i) => (gain * i) / tokens),
    [tokens, 1],
  );
  const frozen = uniformTensor(`${tag}.frozen`, shape);
  const features = frozen.add(share.mul(uniformTensor(`${tag}.student`, shape)));
  return compareLoss(await evaluateLoss(features, (x) => featureAlignment(x, frozen)), golden, name);
}

async function checkCutmix({ name, golden }: Case): Promise<Checked> {
  const { tag, shape: given, box: json } = record(golden.input, `${name}.input`);
  const shape = numbers(given, `${name}.input.shape`);
  const [count, height, width] = shape as [number, number, number];
  const side = (field: string) => number(record(json, `${name}.input.box`), field, `${name}.input.box`);
  const box = { top: side("top"), left: side("left"), bottom: side("bottom"), right: side("right") };
  const inside = boxMasks(new Array<typeof box>(count).fill(box), { width, height });
  const student = uniformTensor(`${tag}.student`, shape).mul(0.6).add(1);
  const teacher = (which: string) => uniformTensor(`${tag}.teacher.${which}`, shape).mul(0.5).add(1);
  const image = (which: string) => uniformTensor(`${tag}.image.${which}`, [1, 3, height, width]);
  const mixed = cutmixImages(image("a"), image("b"), inside.narrow(0, 0, 1)).squeeze(0);
  const found = await evaluateLoss(student, (x) => cutmixLoss(x, [teacher("a"), teacher("b")], inside));
  const tolerance = number(golden, "tolerance", name);
  const region = async (field: string, mask: Tensor, which: string) =>
    close(
      field,
      Number(await ssiMae(student, teacher(which), { mask }).item()),
      number(golden, field, name),
      tolerance,
    );
  return together([
    compareLoss(found, golden, name),
    compare(await mixed.data(), mixed.shape, readProbe(golden.mixed, `${name}.mixed`), tolerance),
    await region("inside", inside, "a"),
    await region("outside", inside.logicalNot(), "b"),
  ]);
}

const ssi = (target: Tensor) => (p: Tensor) => ssiMae(p, target);

const OTHERS: Readonly<Record<string, (golden: Case) => Promise<Checked>>> = {
  "even-count": async ({ name, golden }) => {
    const [p, y] = [golden.prediction, golden.target].map((list) => row(numbers(list, name))) as [
      Tensor,
      Tensor,
    ];
    return compareLoss(await evaluateLoss(p, ssi(y)), golden, name);
  },
  constant: async ({ name, golden }) => {
    const shape = [1, 6, 5];
    const map = uniformTensor("edge.target", shape).add(1);
    const constant = (value: number) => map.mul(0).add(value);
    const pairs = {
      prediction: [constant(0.7), map],
      target: [map, constant(0.7)],
      both: [constant(0.7), constant(0.3)],
    } as const;
    const checks = Object.entries(pairs).map(async ([which, [p, y]]) => {
      const { value, gradient } = await evaluateLoss(p, ssi(y));
      const wanted = record(golden[which], `${name}.${which}`);
      const largest = Math.max(...gradient.map(Math.abs));
      return together([
        close(`${which}: value`, value, number(wanted, "value", name), 1e-5),
        close(`${which}: gradient`, largest, number(wanted, "gradientMaxAbs", name), 1e-5),
      ]);
    });
    return together(await Promise.all(checks));
  },
  "one-image-empty": async ({ name, golden }) => {
    const shape = [2, 6, 5];
    const prediction = uniformTensor("edge.two", shape).add(1);
    const target = uniformTensor("edge.target", shape).add(1);
    const mask = fromArray(
      Float32Array.from({ length: 60 }, (_, i) => (i < 30 ? 1 : 0)),
      shape,
    );
    const found = await evaluateLoss(prediction, (p) => trimAndMatch(p, target, mask));
    const empty = Math.max(...found.gradient.subarray(30).map(Math.abs));
    return together([compareLoss(found, golden, name), close("gradient of the empty image", empty, 0, 0)]);
  },
  invariance: async ({ name, golden }) => {
    const shape = [2, 23, 31];
    const { prediction, target, mask } = readMaps({ tag: "a", shape, mask: "u(tag.mask) > -0.6" }, name);
    const moved = (scale: number) => prediction.mul(scale).add(-11 * Math.sign(scale));
    const checks = Object.keys(golden).filter((key) => key in LOSSES || key.endsWith("negative scale"));
    const change = async (key: string): Promise<Checked> => {
      const loss = LOSSES[key.split(",")[0]!]!;
      const valueOf = async (p: Tensor) => Number(await loss(p, target, mask).item());
      const got = key.includes("negative")
        ? await valueOf(moved(-3.7))
        : (await valueOf(moved(3.7))) - (await valueOf(prediction));
      return close(key, got, number(golden, key, name), 1e-5);
    };
    return together(await Promise.all(checks.map(change)));
  },
  "scale-shift-1e-6": async ({ name, golden }) => {
    const { prediction, target } = readMaps({ tag: "a", shape: [2, 23, 31] }, name);
    const fit = leastSquaresPerImage(prediction, target, prediction.greater(-1));
    const [scale, shift] = [await fit.scale.data(), await fit.shift.data()] as [Float32Array, Float32Array];
    const checks = [0, 1].flatMap((n) => [
      close(`scale[${n}]`, scale[n]!, numbers(golden.scale, name)[n]!, 1e-5),
      close(`shift[${n}]`, shift[n]!, numbers(golden.shift, name)[n]!, 1e-5),
    ]);
    return together(checks);
  },
};

function row(values: readonly number[]): Tensor {
  return fromArray(Float32Array.from(values), [1, 1, values.length]);
}
