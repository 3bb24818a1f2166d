/**
 * Memory layout of images during training.
 *
 * A value [N, C, H, W] may be held in HWNC layout, [H, W, N, C]. There every spatial transform of
 * Winograd's convolution is a left product with a constant matrix, a 1x1 convolution is one matrix
 * product, and per-channel sums are column sums. Operators with an `emitHwnc` pass such values to each
 * other; for all others the value is transposed once, on demand.
 */
import { type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Emitter } from "./emitter.ts";
import type { EmitContext, Node, Spec } from "./graph.ts";

/** [N, C, H, W] → [H, W, N, C], and back: it is its own inverse. */
const HWNC: readonly number[] = [2, 3, 0, 1];

/** The index in [H, W, N, C] of an axis of [N, C, H, W]. */
export function hwncAxis(axis: number): number {
  return HWNC.indexOf(axis);
}

/** Per-axis entries for [N, C, H, W], reordered for [H, W, N, C]. */
export function toHwncOrder<T>(entries: readonly T[]): T[] {
  return HWNC.map((axis) => entries[axis] as T);
}

export class Layout {
  private readonly g: Emitter;
  /** Name of a value in NCHW → name of the same value in HWNC. */
  private readonly transposed = new Map<string, string>();
  /** NCHW names that have no node yet. */
  private readonly owed = new Set<string>();
  /** Name of a reshaped vector → name of the vector. */
  private readonly vectors = new Map<string, string>();

  constructor(g: Emitter) {
    this.g = g;
  }

  /** Whether the value is available in HWNC. */
  has(name: string): boolean {
    return this.transposed.has(name);
  }

  /** Records that `name` was computed in HWNC, under the name `hwnc`. */
  set(name: string, hwnc: string): void {
    this.transposed.set(name, hwnc);
    this.owed.add(name);
  }

  /** The value in HWNC. */
  hwnc(name: string): string {
    let hwnc = this.transposed.get(name);
    if (hwnc === undefined) {
      hwnc = this.g.op("Transpose", [name], { perm: HWNC });
      this.transposed.set(name, hwnc);
    }
    return hwnc;
  }

  /** The value in the layout of its shape. */
  plain(name: string): string {
    if (this.owed.delete(name))
      this.g.node("Transpose", [this.transposed.get(name) as string], [name], { perm: HWNC });
    return name;
  }

  /** Records that `name` is a reshaped vector, so that a per-channel factor needs no further reshape. */
  noteVector(name: string, source: string, { shape }: Spec): void {
    const vector = this.vectors.get(source) ?? (shape.length === 1 ? source : undefined);
    if (vector) this.vectors.set(name, vector);
  }

  /**
   * The operands of an elementwise operator in HWNC, if one of them is available in HWNC at the full size
   * of the result; otherwise `undefined`, as NCHW is then cheaper.
   */
  operands(names: readonly string[], context: EmitContext<unknown>): string[] | undefined {
    const { shape } = context.outputs[0];
    const leads = names.some(
      (name, i) => this.has(name) && sameShape((context.inputs[i] as Spec).shape, shape),
    );
    if (shape.length !== 4 || !leads) return undefined;
    if (!names.every((_, i) => broadcasts((context.inputs[i] as Spec).shape))) return undefined;
    return names.map((name, i) => this.operand(name, context.inputs[i] as Spec));
  }

  /** An operand of an elementwise operator, shaped to broadcast against [H, W, N, C]. */
  private operand(name: string, { shape }: Spec): string {
    if (sizeOf(shape) === 1)
      return shape.length === 0 ? name : this.g.op("Reshape", [this.plain(name), this.g.ints([1])]);
    const [batch, channels, height, width] = padded(shape);
    if (batch === 1 && height === 1 && width === 1) {
      const vector = this.vectors.get(name);
      return (
        vector ??
        this.g.once(`vector:${name}`, () => this.g.op("Reshape", [this.plain(name), this.g.ints([channels])]))
      );
    }
    if (height === 1 && width === 1 && !this.has(name))
      return this.g.op("Reshape", [name, this.g.ints([1, 1, batch, channels])]);
    return this.hwnc(name);
  }
}

function padded(shape: Shape): [number, number, number, number] {
  return [...new Array<number>(4 - shape.length).fill(1), ...shape] as [number, number, number, number];
}

/** Whether a shape can broadcast against [H, W, N, C]: four axes, one entry, or one entry per channel. */
function broadcasts(shape: Shape): boolean {
  if (shape.length > 4) return false;
  const [batch, , height, width] = padded(shape);
  return shape.length === 4 || (batch === 1 && height === 1 && width === 1);
}

/** Multiply-adds of a convolution's weight gradient, which are those of the convolution itself. */
function work(node: Node): number {
  const [outputs, ...window] = node.outputs[0]?.shape ?? [];
  const positions = node.inputs[1]?.shape ?? [];
  return sizeOf(window) * sizeOf(positions) * (outputs === undefined ? 0 : 1);
}

/**
 * Multiply-adds of dense 3x3 and 5x5 convolutions whose gain in HWNC pays for the transposes of one entry that
 * enters or leaves an operator without a form in HWNC, forward and backward; measured on two cores.
 */
const WORK_PER_ENTRY = 200;

/** Operators on images that have no form in HWNC, beside grouped convolutions. */
const PLAIN_ONLY = new Set(["resize"]);

/**
 * Whether a graph trains a network dominated by dense 3x3 and 5x5 convolutions, for which HWNC more than pays
 * for the transposes at its borders. A single convolution would be all borders, and a network of depthwise
 * convolutions with a dense decoder is mostly borders.
 */
export function hwncPays(nodes: readonly Node[]): boolean {
  const gradients = nodes.filter((node) => node.operator.name === "convWeightGradient");
  let all = 0;
  let gaining = 0;
  let border = 0;
  for (const node of gradients) {
    const amount = work(node);
    all += amount;
    const [outputs = 0, channels = 0, height, width] = node.outputs[0]?.shape ?? [];
    const dense = node.attrs.groups === 1 && height === width && (height === 3 || height === 5);
    if (dense && node.outputs[0]?.shape.length === 4 && Math.min(channels, outputs) >= 6) gaining += amount;
    if (node.attrs.groups !== 1) border += entries(node.inputs);
  }
  for (const node of nodes)
    if (PLAIN_ONLY.has(node.operator.name)) border += entries([...node.inputs, ...node.outputs]);
  return gradients.length > 1 && gaining > 0.5 * all && gaining > WORK_PER_ENTRY * border;
}

function entries(specs: readonly Spec[]): number {
  return specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
