/** Shape arithmetic shared by the operators. */

export type Shape = readonly number[];

/** The number of entries of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** NumPy broadcasting of any number of shapes; throws if two extents differ and neither is 1. */
export function broadcastShapes(...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    shape.forEach((extent, i) => {
      const current = out[offset + i] as number;
      if (extent === current || extent === 1) return;
      if (current !== 1) throw new Error(`shapes ${shapes.map(formatShape).join(" and ")} do not broadcast`);
      out[offset + i] = extent;
    });
  }
  return out;
}

/** Maps an axis in [-rank, rank) to [0, rank). */
export function normalizeAxis(axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new Error(`axis ${axis} is out of range for a tensor of rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}

/** The axes normalised and sorted, or all if `undefined`; throws on duplicates. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : axes).map((axis) => normalizeAxis(axis, rank));
  const distinct = [...new Set(list)].sort((a, b) => a - b);
  if (distinct.length !== list.length) throw new Error(`axes ${formatShape(list)} repeat`);
  return distinct;
}

/** The shape after a reduction over `axes` (normalised). */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  const out: number[] = [];
  shape.forEach((extent, i) => {
    if (!axes.includes(i)) out.push(extent);
    else if (keepDims) out.push(1);
  });
  return out;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i] as number;
  }
  return strides;
}

/** Throws unless every extent is a non-negative integer and their product a safe integer. */
export function checkShape(shape: Shape, where = ""): void {
  let size = 1;
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 0)
      throw new Error(`${where}expected a shape of non-negative integers, got ${formatShape(shape)}`);
    size *= extent;
  }
  if (!Number.isSafeInteger(size))
    throw new Error(`${where}shape ${formatShape(shape)} has too many entries`);
}
