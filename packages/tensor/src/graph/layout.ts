/**
 * Memory layout of images while a network trains.
 *
 * A value [N, C, H, W] may stand "pixels first", as [H, W, N, C]. There every spatial transform of
 * Winograd's convolution is a product with a constant matrix from the left, a 1x1 convolution is one
 * matrix product, and sums over a channel are sums of columns. Operators that can (`emitPixels`) hand
 * such values to each other; for all others the value is turned round once, when it is asked for.
 */
import { type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Emitter } from "./emitter.ts";
import type { EmitContext, Node, Spec } from "./graph.ts";

/** [N, C, H, W] → [H, W, N, C], and back: it is its own inverse. */
const TURN: readonly number[] = [2, 3, 0, 1];

/** Where an axis of [N, C, H, W] stands in [H, W, N, C]. */
export function turnAxis(axis: number): number {
  return TURN.indexOf(axis);
}

/** Entries given for [N, C, H, W], in the order [H, W, N, C]. */
export function turnOrder<T>(entries: readonly T[]): T[] {
  return TURN.map((axis) => entries[axis] as T);
}

export class Layout {
  private readonly g: Emitter;
  /** Plain name → name of the same value with pixels first. */
  private readonly turned = new Map<string, string>();
  /** Plain names that nothing has been emitted for yet. */
  private readonly owed = new Set<string>();
  /** Names that are a reshaped vector → the vector. */
  private readonly vectors = new Map<string, string>();

  constructor(g: Emitter) {
    this.g = g;
  }

  /** Whether the value is at hand with pixels first. */
  has(name: string): boolean {
    return this.turned.has(name);
  }

  /** Says that `name` was computed with pixels first, under another name. */
  set(name: string, pixels: string): void {
    this.turned.set(name, pixels);
    this.owed.add(name);
  }

  /** The value with pixels first. */
  pixels(name: string): string {
    let pixels = this.turned.get(name);
    if (pixels === undefined) {
      pixels = this.g.op("Transpose", [name], { perm: TURN });
      this.turned.set(name, pixels);
    }
    return pixels;
  }

  /** The value as its shape says. */
  plain(name: string): string {
    if (this.owed.delete(name))
      this.g.node("Transpose", [this.turned.get(name) as string], [name], { perm: TURN });
    return name;
  }

  /** Notes that `name` is a vector in another shape, so that a channel's factor needs no reshaping. */
  noteVector(name: string, source: string, { shape }: Spec): void {
    const vector = this.vectors.get(source) ?? (shape.length === 1 ? source : undefined);
    if (vector) this.vectors.set(name, vector);
  }

  /**
   * The operands of an elementwise operator with pixels first, where one of them stands so at the full
   * size of the result; `undefined` where they are better left plain.
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

  /** An operand of an elementwise operator as it broadcasts against [H, W, N, C]. */
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
    return this.pixels(name);
  }
}

function padded(shape: Shape): [number, number, number, number] {
  return [...new Array<number>(4 - shape.length).fill(1), ...shape] as [number, number, number, number];
}

/** Whether a shape can stand beside [H, W, N, C]: four axes, one entry, or one for each channel. */
function broadcasts(shape: Shape): boolean {
  if (shape.length > 4) return false;
  const [batch, , height, width] = padded(shape);
  return shape.length === 4 || (batch === 1 && height === 1 && width === 1);
}

/** Multiply-adds of a convolution's weight gradient: as many as of the convolution. */
function work(node: Node): number {
  const [outputs, ...window] = node.outputs[0]?.shape ?? [];
  const positions = node.inputs[1]?.shape ?? [];
  return sizeOf(window) * sizeOf(positions) * (outputs === undefined ? 0 : 1);
}

/**
 * Whether a graph trains a network mostly of dense 3x3 and 5x5 convolutions, where the layout more than
 * repays turning values at its borders. One convolution alone is all borders.
 */
export function pixelsPay(nodes: readonly Node[]): boolean {
  const gradients = nodes.filter((node) => node.operator.name === "convWeightGradient");
  let all = 0;
  let gaining = 0;
  for (const node of gradients) {
    const amount = work(node);
    all += amount;
    const [outputs = 0, channels = 0, height, width] = node.outputs[0]?.shape ?? [];
    const dense = node.attrs.groups === 1 && height === width && (height === 3 || height === 5);
    if (dense && node.outputs[0]?.shape.length === 4 && Math.min(channels, outputs) >= 6) gaining += amount;
  }
  return gradients.length > 1 && gaining > 0.5 * all;
}
