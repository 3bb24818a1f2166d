/** Loss functions, with PyTorch's reductions and defaults. */
import {
  checkedIndex,
  customGradient,
  gather,
  logSigmoid,
  logSoftmax,
  scatterAdd,
  softplus,
  type Tensor,
  take,
} from "@tessera-ml/tensor";

/** How elementwise losses are reduced: to their mean (default), their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";
export interface Reduced {
  readonly reduction?: Reduction;
}

function reduce(losses: Tensor, reduction: Reduction = "mean"): Tensor {
  return reduction === "mean" ? losses.mean() : reduction === "sum" ? losses.sum() : losses;
}
function checkSame(name: string, x: Tensor, target: Tensor): void {
  if (x.shape.join() !== target.shape.join())
    throw new Error(`${name}(${x}, ${target}): prediction and target have different shapes`);
}

export interface ClassLossOptions extends Reduced {
  /** Class weights, [C]; the mean is then weighted. */
  readonly weight?: Tensor | undefined;
  /** A label to ignore, default -100. May be any integer, also a class. */
  readonly ignoreIndex?: number;
  /** The axis of the classes, default 1. */
  readonly axis?: number;
}
export interface CrossEntropyOptions extends ClassLossOptions {
  /** The share of the target distributed uniformly over all classes (Szegedy et al. 2016, section 7). */
  readonly labelSmoothing?: number;
}

/**
 * −log softmax(logits) at the labels. Logits [N, C, ...] (or [C]) with the classes along `axis`; labels are
 * int32 or int64 class indices, of the shape without that axis, or probabilities, of the full shape.
 *
 * @throws RangeError when the loss is read, if a label is neither a class nor `ignoreIndex`
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing: smoothing = 0, weight, reduction } = options;
  const axis = classAxis("crossEntropy", logits, options);
  const classes = logits.shape[axis] as number;
  const along = (w: Tensor) => w.reshape([classes, ...logits.shape.slice(axis + 1).map(() => 1)]);
  if (labels.dtype === "float32" || labels.dtype === "float16") {
    checkSame("crossEntropy", logits, labels);
    const target = smoothing > 0 ? labels.mul(1 - smoothing).add(smoothing / classes) : labels;
    const terms = target.mul(logSoftmax(logits, axis));
    const losses = (weight ? terms.mul(along(weight)) : terms).sum(axis).neg();
    return reduce(losses, reduction);
  }
  const target = targetOf("crossEntropy", logits, labels, axis, options);
  const picked = logProbability(logits, axis, target.index);
  const [losses, total] = weigh(picked, target, options);
  if (smoothing === 0) return reduceWeighted(losses, total, reduction);
  const all = logSoftmax(logits, axis);
  const spread = (weight ? all.mul(along(weight)).sum(axis) : all.sum(axis)).neg();
  const kept = target.valid.where(spread, 0);
  return reduceWeighted(losses.mul(1 - smoothing).add(kept.mul(smoothing / classes)), total, reduction);
}

/**
 * −x at the labels, for log-probabilities x [N, C, ...].
 *
 * @throws RangeError when the loss is read, if a label is neither a class nor `ignoreIndex`
 */
export function nll(x: Tensor, labels: Tensor, options: ClassLossOptions = {}): Tensor {
  const axis = classAxis("nll", x, options);
  const target = targetOf("nll", x, labels, axis, options);
  const picked = gather(x, axis, target.index, UNCHECKED).squeeze(axis);
  const [losses, total] = weigh(picked, target, options);
  return reduceWeighted(losses, total, options.reduction);
}

function classAxis(name: string, x: Tensor, { axis = x.rank === 1 ? 0 : 1 }: ClassLossOptions): number {
  const at = axis < 0 ? axis + x.rank : axis;
  if (!(at >= 0 && at < x.rank)) throw new Error(`${name}(${x}): class axis ${axis} is out of range`);
  return at;
}

/** Labels are checked once, with the name of the loss. */
const UNCHECKED = { unchecked: true };

interface Target {
  /** Class indices, with the class axis of extent 1; 0 for ignored labels. */
  readonly index: Tensor;
  /** Which labels are not ignored, without that axis. */
  readonly valid: Tensor;
  readonly labels: Tensor;
}
function targetOf(name: string, x: Tensor, labels: Tensor, axis: number, options: ClassLossOptions): Target {
  const expected = x.shape.filter((_, i) => i !== axis);
  if (labels.shape.join() !== expected.join() || (labels.dtype !== "int32" && labels.dtype !== "int64"))
    throw new Error(
      `${name}(${x}, ${labels}): expected int32 or int64 labels [${expected.join(", ")}] for classes on axis ${axis}`,
    );
  const { ignoreIndex = -100, weight } = options;
  const classes = x.shape[axis] as number;
  if (weight && weight.shape.join() !== String(classes))
    throw new Error(
      `${name}(${x}, ${labels}): expected a weight for each of ${classes} classes, got ${weight}`,
    );
  const valid = labels.notEqual(ignoreIndex);
  const kept = valid.where(checkedIndex(labels, classes, { what: `${name}: label`, ignore: ignoreIndex }), 0);
  return { index: kept.unsqueeze(axis), valid, labels: kept };
}

/** Elementwise losses and the divisor of their mean. */
function weigh(picked: Tensor, { valid, labels }: Target, { weight }: ClassLossOptions): [Tensor, Tensor] {
  const counts = weight ? valid.where(take(weight, labels, 0, UNCHECKED), 0) : valid.astype(picked.dtype);
  return [picked.mul(counts).neg(), counts.sum()];
}
function reduceWeighted(losses: Tensor, total: Tensor, reduction: Reduction = "mean"): Tensor {
  return reduction === "mean" ? losses.sum().div(total) : reduce(losses, reduction);
}

/**
 * log softmax(logits) at the index, without the axis. The custom gradient, dy·(one-hot − softmax), needs half as
 * many passes over [N, C] as the gradients of the two operators.
 */
function logProbability(logits: Tensor, axis: number, index: Tensor): Tensor {
  return customGradient((x) => {
    const all = logSoftmax(x as Tensor, axis);
    return {
      value: gather(all, axis, index, UNCHECKED).squeeze(axis),
      gradient: (dy) => {
        const wide = dy.unsqueeze(axis);
        return [scatterAdd(all.exp().mul(wide.neg()), axis, index, wide, UNCHECKED)];
      },
    };
  })(logits);
}

/** (x − y)². */
export function mse(x: Tensor, target: Tensor, options: Reduced = {}): Tensor {
  checkSame("mse", x, target);
  return reduce(x.sub(target).square(), options.reduction);
}
/** |x − y|. */
export function l1(x: Tensor, target: Tensor, options: Reduced = {}): Tensor {
  checkSame("l1", x, target);
  return reduce(x.sub(target).abs(), options.reduction);
}
/** Quadratic for |x − y| below delta, linear with slope delta above (Huber 1964). */
export function huber(x: Tensor, target: Tensor, options: Reduced & { delta?: number } = {}): Tensor {
  checkSame("huber", x, target);
  const { delta = 1, reduction } = options;
  const size = x.sub(target).abs();
  // With |e| = near + rest, near ≤ delta, the loss near²/2 + delta·rest covers both pieces.
  const near = size.minimum(delta);
  return reduce(near.square().mul(0.5).add(size.sub(near).mul(delta)), reduction);
}
/** The Huber loss divided by beta: slope 1 above beta (Girshick 2015). With `beta` 0, the same as `l1`. */
export function smoothL1(x: Tensor, target: Tensor, options: Reduced & { beta?: number } = {}): Tensor {
  const { beta = 1, ...rest } = options;
  return beta === 0 ? l1(x, target, rest) : huber(x, target, { ...rest, delta: beta }).div(beta);
}

/** Differentiating the clamped logarithms gives NaN at x = 0 and 1; like PyTorch's, this gradient is finite. */
const probabilityEntropy = customGradient((x: Tensor, target: Tensor) => {
  const [yes, no] = [x.log().clamp(-100), x.rsub(1).log().clamp(-100)];
  const least = x.dtype === "float16" ? 2 ** -24 : 1e-12; // 1e-12 is 0 in float16
  return {
    value: target.mul(yes).add(target.rsub(1).mul(no)).neg(),
    gradient: (dy) => [dy.mul(x.sub(target)).div(x.mul(x.rsub(1)).maximum(least)), dy.mul(no.sub(yes))],
  };
});

/** −y·log x − (1 − y)·log(1 − x) for probabilities x; logarithms are clamped to −100, as in PyTorch. */
export function binaryCrossEntropy(
  x: Tensor,
  target: Tensor,
  options: Reduced & { weight?: Tensor } = {},
): Tensor {
  checkSame("binaryCrossEntropy", x, target);
  const losses = probabilityEntropy(x, target);
  return reduce(options.weight ? losses.mul(options.weight) : losses, options.reduction);
}
/** Binary cross entropy of σ(x), numerically stable; `posWeight` weights the positive term. */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  target: Tensor,
  options: Reduced & { weight?: Tensor; posWeight?: Tensor } = {},
): Tensor {
  checkSame("binaryCrossEntropyWithLogits", x, target);
  const { weight, posWeight, reduction } = options;
  const losses = posWeight
    ? target
        .rsub(1)
        .mul(x)
        .sub(posWeight.sub(1).mul(target).add(1).mul(logSigmoid(x)))
    : softplus(x).sub(target.mul(x));
  return reduce(weight ? losses.mul(weight) : losses, reduction);
}

/**
 * y·(log y − x) for log-probabilities x and probabilities y (or log-probabilities, with `logTarget`).
 * `"batchmean"`, the mathematical definition, divides the sum by the first extent.
 */
export function klDivergence(
  x: Tensor,
  target: Tensor,
  options: { reduction?: Reduction | "batchmean"; logTarget?: boolean } = {},
): Tensor {
  checkSame("klDivergence", x, target);
  const { reduction = "batchmean", logTarget = false } = options;
  // 0·log 0 is 0.
  const losses = logTarget
    ? target.exp().mul(target.sub(x))
    : target
        .greater(0)
        .where(target.mul(target.greater(0).where(target, 1).log()), 0)
        .sub(target.mul(x));
  if (reduction === "batchmean") return losses.sum().div(x.shape[0] ?? 1);
  return reduce(losses, reduction);
}

/** x·y / (|x|·|y|) along `axis`, by default the second. */
export function cosineSimilarity(
  x: Tensor,
  y: Tensor,
  options: { axis?: number; eps?: number } = {},
): Tensor {
  const { axis = 1, eps = 1e-8 } = options;
  const [a, b] = [x, y].map((t) => t.div(t.norm(axis, { keepDims: true }).maximum(eps))) as [Tensor, Tensor];
  return a.mul(b).sum(axis);
}

/** max(0, |a − p| − |a − n| + margin) over the last axis; [N, D] each (Balntas et al. 2016). */
export function tripletMargin(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: Reduced & { margin?: number; p?: number; eps?: number } = {},
): Tensor {
  const { margin = 1, p = 2, eps = 1e-6, reduction } = options;
  const distance = (other: Tensor) => anchor.sub(other).add(eps).norm(-1, { p });
  return reduce(distance(positive).sub(distance(negative)).add(margin).relu(), reduction);
}

/**
 * 1 − (2·Σpy + smooth) / (Σp + Σy + smooth) with p = σ(x) and sums over all axes except the first, then reduced
 * (Milletari et al. 2016, with linear denominators).
 */
export function dice(x: Tensor, target: Tensor, options: Reduced & { smooth?: number } = {}): Tensor {
  checkSame("dice", x, target);
  const { smooth = 1, reduction } = options;
  const [p, y] = [x.sigmoid().flatten(1), target.flatten(1)];
  const overlap = p.mul(y).sum(1).mul(2).add(smooth);
  return reduce(overlap.div(p.sum(1).add(y.sum(1)).add(smooth)).rsub(1), reduction);
}

/**
 * Binary cross entropy of σ(x) times (1 − p of the true class)^gamma (Lin et al. 2017); `alpha` balances
 * positives and negatives; if negative, there is no balancing.
 */
export function sigmoidFocal(
  x: Tensor,
  target: Tensor,
  options: Reduced & { alpha?: number; gamma?: number } = {},
): Tensor {
  checkSame("sigmoidFocal", x, target);
  const { alpha = 0.25, gamma = 2, reduction } = options;
  const p = x.sigmoid();
  const wrong = p.add(target).sub(p.mul(target).mul(2)); // 1 − p of the true class
  const losses = binaryCrossEntropyWithLogits(x, target, { reduction: "none" }).mul(wrong.pow(gamma));
  if (alpha < 0) return reduce(losses, reduction);
  return reduce(losses.mul(target.mul(alpha).add(target.rsub(1).mul(1 - alpha))), reduction);
}
