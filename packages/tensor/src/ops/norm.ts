/** Normalisation: batch, layer, group, instance, root mean square, local response. */

import { defineOp, type Operator, type Spec } from "../graph/graph.ts";
import { float } from "../graph/onnx.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, applyAll, floating } from "./apply.ts";
import { ones, zeros } from "./create.ts";
import { avgPool3d } from "./pool-average.ts";
import { emitColumnSums } from "./reduce.ts";

/** Scale and shift after normalisation, and the epsilon added to the variance. */
export interface Affine {
  readonly weight?: Tensor | undefined;
  readonly bias?: Tensor | undefined;
  readonly eps?: number;
}

/** [C], reshaped to broadcast against [N, C, ...]. */
function perChannel(v: Tensor, rank: number): Tensor {
  return v.reshape([v.size, ...new Array<number>(rank - 2).fill(1)]);
}
function otherAxes(rank: number): number[] {
  return Array.from({ length: rank }, (_, i) => i).filter((axis) => axis !== 1);
}

function checkChannels(
  name: string,
  x: Tensor,
  parameters: Readonly<Record<string, Tensor | undefined>>,
): void {
  if (x.rank < 2) throw new Error(`${name}(${x}): expected [N, C, ...]`);
  for (const [label, parameter] of Object.entries(parameters))
    if (parameter && !sameShape(parameter.shape, [x.shape[1] as number]))
      throw new Error(`${name}(${x}): expected a ${label} of [${x.shape[1]}], got ${parameter}`);
}

/** Normalises with the batch's own statistics; outputs y, mean [C] and the biased variance [C]. */
const batchNormOp: Operator<{ eps: number }> = defineOp<{ eps: number }>({
  name: "batchNorm",
  infer: ([x]) => {
    const stats = { dtype: x.dtype, shape: [x.shape[1] as number] };
    return [x, stats, stats];
  },
  emit: (g, [x, weight, bias], [y, mean, variance], { attrs: { eps }, inputs: [spec] }) => {
    if (g.device === "webgpu") {
      const axes = g.ints(otherAxes(spec.shape.length));
      const centre = g.op("ReduceMean", [x, axes], { keepdims: 1 });
      const centred = g.op("Sub", [x, centre]);
      const spread = g.op("ReduceMean", [g.op("Mul", [centred, centred]), axes], { keepdims: 1 });
      g.node("Reshape", [centre, g.ints([-1])], [mean]);
      g.node("Reshape", [spread, g.ints([-1])], [variance]);
      const shape = g.ints([-1, ...new Array<number>(spec.shape.length - 2).fill(1)]);
      const deviation = g.op("Sqrt", [g.op("Add", [spread, g.scalar(eps, spec.dtype)])]);
      const scaled = g.op("Mul", [g.op("Div", [centred, deviation]), g.op("Reshape", [weight, shape])]);
      return g.node("Add", [scaled, g.op("Reshape", [bias, shape])], [y]);
    }
    // In training mode ONNX Runtime overwrites its running statistics in place, so it gets fresh values that
    // nothing else reads. With momentum 0 they become those of the batch.
    const scratch = [g.op("Sub", [weight, weight]), g.op("Mul", [bias, g.scalar(0, spec.dtype)])];
    g.node("BatchNormalization", [x, weight, bias, ...scratch], [y, mean, variance], {
      epsilon: float(eps),
      momentum: float(0),
      training_mode: 1,
    });
  },
  emitHwnc: (g, [x, weight, bias], [y, mean, variance], { attrs: { eps }, inputs: [spec] }) => {
    if (spec.shape.length !== 4 || !g.layout.has(x)) return false;
    const [batch, channels, height, width] = spec.shape as [number, number, number, number];
    const count = batch * height * width;
    const hwnc = g.layout.hwnc(x);
    g.node("Mul", [emitColumnSums(g, hwnc, count, channels), g.scalar(1 / count)], [mean]);
    // Under the key of an ordinary subtraction, so that the gradient reuses the node.
    const centred = g.once(`Sub:${hwnc},${mean}`, () => g.op("Sub", [hwnc, mean]));
    const squares = g.op("Mul", [centred, centred]);
    g.node("Mul", [emitColumnSums(g, squares, count, channels), g.scalar(1 / count)], [variance]);
    const deviation = g.op("Sqrt", [g.op("Add", [variance, g.scalar(eps)])]);
    const scale = g.op("Div", [g.layout.plain(weight), deviation]);
    g.layout.set(y, g.op("Add", [g.op("Mul", [centred, scale]), g.layout.plain(bias)]));
    return true;
  },
  gradient: (
    { inputs: [x, weight], outputs: [, mean, variance], attrs: { eps }, needs },
    [dy, dMean, dVariance],
  ) => {
    const axes = otherAxes(x.rank);
    const count = sizeOf(x.shape) / (x.shape[1] as number);
    const wide = (v: Tensor) => perChannel(v, x.rank);
    const centred = x.sub(wide(mean));
    const inverse = variance.add(eps).rsqrt();
    let dx: Tensor | undefined;
    let dWeight: Tensor | undefined;
    let dBias: Tensor | undefined;
    const add = (part: Tensor) => {
      dx = dx ? dx.add(part) : part;
    };
    if (dy) {
      dBias = dy.sum(axes);
      const along = dy.mul(centred).sum(axes);
      dWeight = along.mul(inverse);
      // dx = weight/σ · (dy − mean(dy) − centred · mean(dy·centred)/σ²)
      const pull = wide(along.mul(inverse.square()).mul(-1 / count));
      const shift = wide(dBias.mul(-1 / count));
      if (needs[0])
        add(
          dy
            .add(centred.mul(pull))
            .add(shift)
            .mul(wide(weight.mul(inverse))),
        );
    }
    if (dVariance && needs[0]) add(centred.mul(wide(dVariance.mul(2 / count))));
    if (dMean && needs[0]) add(wide(dMean.mul(1 / count)).expand(x.shape));
    return [dx, dWeight, dBias];
  },
});

/**
 * Batch normalisation in training (Ioffe & Szegedy 2015): normalises x [N, C, ...] by the mean and biased
 * variance of the batch, and returns these too, [C] each.
 */
export function batchNormTrain(
  x: Tensor,
  options: Affine = {},
): { output: Tensor; mean: Tensor; variance: Tensor } {
  const { weight, bias, eps = 1e-5 } = options;
  checkChannels("batchNormTrain", x, { weight, bias });
  const input = floating(x);
  const shape = [x.shape[1] as number];
  const [output, mean, variance] = applyAll(
    batchNormOp,
    [input, weight ?? ones(shape, input.dtype), bias ?? zeros(shape, input.dtype)],
    { eps },
  ) as [Tensor, Tensor, Tensor];
  return { output, mean, variance };
}

const frozenBatchNormOp: Operator<{ eps: number }> = defineOp<{ eps: number }>({
  name: "batchNormEval",
  infer: ([x]) => [x],
  emit: (g, inputs, [y], { attrs }) =>
    g.node("BatchNormalization", inputs, [y], { epsilon: float(attrs.eps) }),
  gradient: ({ inputs: [x, weight, bias, mean, variance], attrs: { eps }, needs }, [dy]) => {
    if (!dy) return [];
    const axes = otherAxes(x.rank);
    const inverse = variance.add(eps).rsqrt();
    const dBias = dy.sum(axes);
    const dWeight = dy.mul(x).sum(axes).sub(mean.mul(dBias)).mul(inverse);
    return [
      needs[0] ? dy.mul(perChannel(weight.mul(inverse), x.rank)) : undefined,
      dWeight,
      bias && dBias,
      needs[3] ? dBias.mul(weight).mul(inverse).neg() : undefined,
      needs[4] ? dWeight.mul(weight).mul(inverse.square()).mul(-0.5) : undefined,
    ];
  },
});

/** Batch normalisation with given statistics, [C] each: y = (x − mean) / √(variance + eps) · weight + bias. */
export function batchNorm(x: Tensor, mean: Tensor, variance: Tensor, options: Affine = {}): Tensor {
  const { weight, bias, eps = 1e-5 } = options;
  checkChannels("batchNorm", x, { weight, bias, mean, variance });
  const input = floating(x);
  const shape = [x.shape[1] as number];
  return apply(
    frozenBatchNormOp,
    [input, weight ?? ones(shape, input.dtype), bias ?? zeros(shape, input.dtype), mean, variance],
    { eps },
  );
}

/** Normalises the last axis; outputs y, the mean and 1/√(variance + eps), the last two as [..., 1] float32. */
const layerNormOp: Operator<{ eps: number }> = defineOp<{ eps: number }>({
  name: "layerNorm",
  infer: ([x]) => {
    const stats: Spec = { dtype: "float32", shape: [...x.shape.slice(0, -1), 1] };
    return [x, stats, stats];
  },
  emit: (g, [x, weight, bias], [y, mean, inverse], { attrs: { eps }, used, inputs }) => {
    const operands = inputs.length > 2 ? [x, weight, bias] : [x, weight];
    g.node("LayerNormalization", operands, used[1] || used[2] ? [y, mean, inverse] : [y], {
      axis: -1,
      epsilon: float(eps),
    });
  },
  gradient: ({ inputs: [x, weight, bias], outputs: [, mean, inverse], needs }, [dy, dMean, dInverse]) => {
    const outer = x.shape.slice(0, -1).map((_, i) => i);
    const count = weight.size;
    const centred = x.sub(mean);
    const normal = centred.mul(inverse);
    const along = dy?.mul(normal);
    let dx: Tensor | undefined;
    const add = (part: Tensor) => {
      dx = dx ? dx.add(part) : part;
    };
    if (dy && along && needs[0]) {
      // Means over the last axis of dy·weight, as products with a column: saves two passes.
      const column = weight.mul(1 / count).unsqueeze(1); // [D, 1]
      const shift = dy.matmul(column);
      const pull = normal.mul(along.matmul(column));
      add(dy.mul(weight).sub(shift).sub(pull).mul(inverse));
    }
    if (dMean) add(dMean.mul(1 / count).expand(x.shape));
    if (dInverse) add(centred.mul(dInverse.mul(inverse.pow(3)).mul(-1 / count)));
    const dWeight = needs[1] ? along?.sum(outer).astype(weight.dtype) : undefined;
    return [dx?.astype(x.dtype), dWeight, bias && needs[2] ? dy?.sum(outer) : undefined];
  },
});

/** Layer normalisation over the trailing axes, of shape `normalizedShape` (Ba, Kiros & Hinton 2016). */
export function layerNorm(x: Tensor, normalizedShape: Shape, options: Affine = {}): Tensor {
  const { weight, bias, eps = 1e-5 } = options;
  const axis = x.rank - normalizedShape.length;
  if (axis < 0 || normalizedShape.length === 0 || !sameShape(x.shape.slice(axis), normalizedShape))
    throw new Error(`layerNorm(${x}): the last axes are not ${formatShape(normalizedShape)}`);
  for (const parameter of [weight, bias])
    if (parameter && !sameShape(parameter.shape, normalizedShape))
      throw new Error(
        `layerNorm(${x}): expected parameters of ${formatShape(normalizedShape)}, got ${parameter}`,
      );
  const count = sizeOf(normalizedShape);
  const input = floating(x).reshape([...x.shape.slice(0, axis), count]);
  const scale = weight ? weight.reshape([count]) : ones([count], input.dtype);
  const operands = [input, scale, ...(bias ? [bias.reshape([count])] : [])];
  return (applyAll(layerNormOp, operands, { eps })[0] as Tensor).reshape(x.shape);
}

/** x [N, C, ...] normalised over groups of channels and all positions (Wu & He 2018). */
export function groupNorm(x: Tensor, groups: number, options: Affine = {}): Tensor {
  const { weight, bias, eps = 1e-5 } = options;
  checkChannels("groupNorm", x, { weight, bias });
  const [batch, channels] = x.shape as [number, number];
  if (channels % groups !== 0)
    throw new Error(`groupNorm(${x}): ${channels} channels do not divide into ${groups} groups`);
  const inner = sizeOf(x.shape.slice(1)) / groups;
  let y = layerNorm(x.reshape([batch * groups, inner]), [inner], { eps }).reshape(x.shape);
  if (weight) y = y.mul(perChannel(weight, x.rank));
  return bias ? y.add(perChannel(bias, x.rank)) : y;
}

/** Normalises every channel of every image in x [N, C, ...] separately (Ulyanov et al. 2016). */
export function instanceNorm(x: Tensor, options: Affine = {}): Tensor {
  checkChannels("instanceNorm", x, { weight: options.weight, bias: options.bias });
  return groupNorm(x, x.shape[1] as number, options);
}

/** x / √(mean(x²) + eps) · weight over the trailing axes (Zhang & Sennrich 2019). */
export function rmsNorm(
  x: Tensor,
  normalizedShape: Shape,
  options: { weight?: Tensor | undefined; eps?: number } = {},
): Tensor {
  const { weight, eps = 1e-6 } = options;
  const axis = x.rank - normalizedShape.length;
  if (axis < 0 || !sameShape(x.shape.slice(axis), normalizedShape))
    throw new Error(`rmsNorm(${x}): the last axes are not ${formatShape(normalizedShape)}`);
  const input = floating(x);
  const inner = normalizedShape.map((_, i) => axis + i);
  const y = input.mul(input.square().mean(inner, true).add(eps).rsqrt());
  return weight ? y.mul(weight) : y;
}

/**
 * x / (k + alpha/size · Σ x²)^beta over `size` neighbouring channels (Krizhevsky et al. 2012, section
 * 3.3; alpha is divided by the size as Caffe and PyTorch do).
 */
export function localResponseNorm(
  x: Tensor,
  size: number,
  options: { alpha?: number; beta?: number; k?: number } = {},
): Tensor {
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  checkChannels("localResponseNorm", x, {});
  const [batch, channels] = x.shape as [number, number];
  const input = floating(x);
  const columns = input.square().reshape([batch, 1, channels, 1, sizeOf(x.shape.slice(2))]); // [N, 1, C, 1, S]
  const means = avgPool3d(columns, [size, 1, 1], {
    stride: 1,
    padding: [[Math.floor(size / 2), Math.floor((size - 1) / 2)], 0, 0],
  });
  return input.div(means.reshape(x.shape).mul(alpha).add(k).pow(beta));
}
