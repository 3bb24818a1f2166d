/**
 * Convolution and its two gradients. All three are linear in each operand, and the gradients of each are
 * the other two, so derivatives of any order stay within this file.
 */
import { type Attributes, defineOp, type Operator } from "../graph/graph.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, floating, promoted } from "./apply.ts";
import { emitConv, emitInputGradient, emitWeightGradient } from "./conv-emit.ts";
import { emitConvHwnc, emitInputGradientHwnc, emitWeightGradientHwnc } from "./conv-hwnc.ts";
import { type PadMode, pad } from "./movement.ts";
import {
  outputExtents,
  type Padding,
  type PerAxis,
  perAxis,
  reach,
  type Window,
  windowOf,
} from "./window.ts";

/** Attributes of the three operators. */
export interface ConvAttributes extends Attributes {
  readonly window: Window;
  readonly groups: number;
}

type Emit<A extends Attributes> = Operator<A>["emit"];
/**
 * `emit`, but zeros plus the bias if an operand is empty, as the sum then has no terms. For empty operands ONNX
 * Runtime's Conv multiplies uninitialised memory by zero, giving -0 or NaN, and its ConvTranspose hangs.
 */
function orZeros<A extends Attributes>(emit: Emit<A>): Emit<A> {
  return (g, operands, results, context) => {
    if (context.inputs.every(({ shape }) => sizeOf(shape) > 0)) return emit(g, operands, results, context);
    const [{ dtype, shape }] = context.outputs;
    const bias = operands[2];
    const each = bias && g.op("Reshape", [bias, g.ints([-1, ...shape.slice(2).map(() => 1)])]);
    g.node("Expand", [each ?? g.scalar(0, dtype), g.ints(shape)], [results[0]]);
  };
}

export const convOp: Operator<ConvAttributes> = defineOp<ConvAttributes>({
  name: "conv",
  infer: ([x, w, bias], { window, groups }) => {
    const [batch, channels] = x.shape as [number, number];
    const [outputs, perGroup] = w.shape as [number, number];
    if (channels !== perGroup * groups)
      throw new Error(
        `the weight expects ${perGroup * groups} channels (${perGroup} in ${groups} groups), the input has ${channels}`,
      );
    if (outputs % groups !== 0)
      throw new Error(`${outputs} output channels do not divide into ${groups} groups`);
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs))
      throw new Error(`expected a bias of [${outputs}], got ${formatShape(bias.shape)}`);
    return [{ dtype: x.dtype, shape: [batch, outputs, ...outputExtents(window, x.shape.slice(2))] }];
  },
  emit: orZeros((g, [x, w, bias], [y], { attrs: { window, groups }, inputs: [xSpec, wSpec] }) =>
    emitConv(g, { x, w, bias, y, window, groups, xSpec, wSpec }),
  ),
  emitHwnc: emitConvHwnc,
  gradient: ({ inputs: [x, w, bias], attrs, needs }, [dy]) =>
    dy
      ? [
          needs[0] ? inputGradient(dy, w, x.shape, attrs) : undefined,
          needs[1] ? weightGradient(x, dy, w.shape, attrs) : undefined,
          bias && needs[2] ? dy.sum(dy.shape.flatMap((_, i) => (i === 1 ? [] : [i]))) : undefined,
        ]
      : [],
});

interface InputGradientAttributes extends ConvAttributes {
  /** [N, C, ...] of the input. */
  readonly shape: Shape;
}
const inputGradientOp: Operator<InputGradientAttributes> = defineOp<InputGradientAttributes>({
  name: "convInputGradient",
  infer: ([dy], { shape }) => [{ dtype: dy.dtype, shape }],
  emit: orZeros(emitInputGradient),
  emitHwnc: emitInputGradientHwnc,
  gradient: ({ inputs: [dy, w], attrs, needs }, [dx]) =>
    dx
      ? [
          needs[0] ? apply(convOp, [dx, w], attrs) : undefined,
          needs[1] ? weightGradient(dx, dy, w.shape, attrs) : undefined,
        ]
      : [],
});

interface WeightGradientAttributes extends ConvAttributes {
  /** [O, C/groups, ...] of the weight. */
  readonly shape: Shape;
}
const weightGradientOp: Operator<WeightGradientAttributes> = defineOp<WeightGradientAttributes>({
  name: "convWeightGradient",
  infer: ([x], { shape }) => [{ dtype: x.dtype, shape }],
  emit: orZeros(emitWeightGradient),
  emitHwnc: emitWeightGradientHwnc,
  gradient: ({ inputs: [x, dy], attrs, needs }, [dw]) =>
    dw
      ? [
          needs[0] ? inputGradient(dy, dw, x.shape, attrs) : undefined,
          needs[1] ? apply(convOp, [x, dw], attrs) : undefined,
        ]
      : [],
});

function inputGradient(dy: Tensor, w: Tensor, shape: Shape, { window, groups }: ConvAttributes): Tensor {
  return apply(inputGradientOp, [dy, w], { window, groups, shape });
}
function weightGradient(x: Tensor, dy: Tensor, shape: Shape, { window, groups }: ConvAttributes): Tensor {
  return apply(weightGradientOp, [x, dy], { window, groups, shape });
}

export interface ConvOptions {
  /** [O] */
  readonly bias?: Tensor | undefined;
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly dilation?: PerAxis;
  readonly groups?: number;
  readonly paddingMode?: "zeros" | Exclude<PadMode, "constant">;
}

function conv(rank: number, x: Tensor, weight: Tensor, options: ConvOptions): Tensor {
  const name = `conv${rank}d`;
  if (x.rank !== rank + 2 || weight.rank !== rank + 2)
    throw new Error(
      `${name}(${x}, ${weight}): expected ${rank + 2} axes, [N, C, ...] and [O, C/groups, ...]`,
    );
  let [input, w] = promoted(floating(x), weight);
  const { bias, groups = 1, paddingMode = "zeros" } = options;
  try {
    let window = windowOf(w.shape.slice(2), options);
    if (paddingMode !== "zeros") {
      const pads = window.before.map((before, i): [number, number] => [before, window.after[i] as number]);
      input = pad(input, [[0, 0], [0, 0], ...pads], { mode: paddingMode });
      window = windowOf(w.shape.slice(2), { ...options, padding: 0 });
    }
    return apply(convOp, bias ? [input, w, bias.astype(w.dtype)] : [input, w], { window, groups });
  } catch (error) {
    const { message } = error as Error;
    const named = message.startsWith("conv(")
      ? message.replace("conv", name)
      : `${name}(${x}, ${weight}): ${message}`;
    throw new Error(named, { cause: error });
  }
}

/** x [N, C, L], weight [O, C/groups, K] → [N, O, L']: cross-correlation, as in PyTorch. */
export function conv1d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return conv(1, x, weight, options);
}
/** x [N, C, H, W], weight [O, C/groups, kH, kW] → [N, O, H', W']. */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return conv(2, x, weight, options);
}
/** x [N, C, D, H, W], weight [O, C/groups, kD, kH, kW] → [N, O, D', H', W']. */
export function conv3d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return conv(3, x, weight, options);
}

export interface ConvTransposeOptions {
  /** [O] */
  readonly bias?: Tensor | undefined;
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  /** Extra entries at the end; resolves which of several possible output extents is meant. */
  readonly outputPadding?: PerAxis;
  readonly dilation?: PerAxis;
  readonly groups?: number;
}

function convTranspose(rank: number, x: Tensor, weight: Tensor, options: ConvTransposeOptions): Tensor {
  const name = `convTranspose${rank}d`;
  if (x.rank !== rank + 2 || weight.rank !== rank + 2)
    throw new Error(
      `${name}(${x}, ${weight}): expected ${rank + 2} axes, [N, C, ...] and [C, O/groups, ...]`,
    );
  const [input, w] = promoted(floating(x), weight);
  const { bias, groups = 1 } = options;
  if (w.shape[0] !== x.shape[1])
    throw new Error(
      `${name}(${x}, ${weight}): the weight expects ${w.shape[0]} channels, the input has ${x.shape[1]}`,
    );
  const outputs = (w.shape[1] as number) * groups;
  if ((x.shape[1] as number) % groups !== 0)
    throw new Error(`${name}(${x}, ${weight}): ${x.shape[1]} channels do not divide into ${groups} groups`);
  if (bias && !sameShape(bias.shape, [outputs]))
    throw new Error(`${name}(${x}, ${weight}): expected a bias of [${outputs}], got ${bias}`);
  const window = windowOf(w.shape.slice(2), options);
  const extra = perAxis(options.outputPadding ?? 0, rank, `${name}: outputPadding`, 0);
  const after = [...window.after];
  const spatial = x.shape.slice(2).map((extent, i) => {
    const [stride, added] = [window.strides[i] as number, extra[i] as number];
    const out =
      (extent - 1) * stride +
      reach(window, i) +
      added -
      (window.before[i] as number) -
      (window.after[i] as number);
    if (added >= Math.max(stride, window.dilations[i] as number))
      throw new Error(
        `${name}(${x}, ${weight}): outputPadding ${added} must be below the stride or the dilation`,
      );
    if (out < 0) throw new Error(`${name}(${x}, ${weight}): the padding is larger than the result`);
    // From a full stride on, the extra entries are those that the padding cropped, then zeros.
    if (added >= stride) after[i] = (after[i] as number) - added;
    return out;
  });
  const zeros = after.map((entries) => Math.max(0, -entries));
  const covered = spatial.map((extent, i) => extent - (zeros[i] as number));
  const attributes = { window: { ...window, after: after.map((entries) => Math.max(0, entries)) }, groups };
  const y = inputGradient(input, w, [x.shape[0] as number, outputs, ...covered], attributes).pad([
    [0, 0],
    [0, 0],
    ...zeros.map((entries): [number, number] => [0, entries]),
  ]);
  return bias ? y.add(bias.reshape([outputs, ...spatial.map(() => 1)])) : y;
}

/** x [N, C, L], weight [C, O/groups, K] → [N, O, L']: the input gradient of `conv1d` as an operator. */
export function convTranspose1d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convTranspose(1, x, weight, options);
}
/** x [N, C, H, W], weight [C, O/groups, kH, kW] → [N, O, H', W']. */
export function convTranspose2d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convTranspose(2, x, weight, options);
}
/** x [N, C, D, H, W], weight [C, O/groups, kD, kH, kW] → [N, O, D', H', W']. */
export function convTranspose3d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convTranspose(3, x, weight, options);
}
