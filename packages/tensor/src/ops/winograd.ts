/**
 * Convolution with few multiplications (Winograd 1980; Lavin & Gray 2016, "Fast Algorithms for
 * Convolutional Neural Networks"), written as matrix products.
 *
 * In one dimension y = A·((G·w) ⊙ (B·x)) for a tile of m outputs. In HWNC layout, B and A act on whole
 * images as banded constant matrices that include tiling and padding, the products ⊙ become one batched
 * matrix product over channels, and the gradients are the adjoints of the same three steps: the exact
 * gradients of the computed function. With m = 4 and a 3x3 kernel, 16 outputs take 36 products instead
 * of 144. The relative error is a few 1e-6, as the Toom-Cook points are small.
 */
import { CONTRIB, type Emitter } from "../graph/emitter.ts";

type Matrix = readonly (readonly number[])[];

/** The finite Toom-Cook points; infinity comes last. */
const POINTS = [0, 1, -1, 2, -2, 0.5, -0.5];

function invert(matrix: Matrix): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))]);
  for (let column = 0; column < n; column++) {
    let best = column;
    for (let row = column; row < n; row++)
      if (Math.abs(rows[row]?.[column] ?? 0) > Math.abs(rows[best]?.[column] ?? 0)) best = row;
    [rows[column], rows[best]] = [rows[best] as number[], rows[column] as number[]];
    const pivotRow = rows[column] as number[];
    const pivot = pivotRow[column] as number;
    for (let k = 0; k < 2 * n; k++) pivotRow[k] = (pivotRow[k] as number) / pivot;
    rows.forEach((row, i) => {
      const factor = row[column] as number;
      if (i !== column && factor !== 0)
        for (let k = 0; k < 2 * n; k++) row[k] = (row[k] as number) - factor * (pivotRow[k] as number);
    });
  }
  return rows.map((row) => row.slice(n));
}

/** F(m, r): A [m, n], G [n, r], B [n, n] with n = m + r − 1, for correlating n entries with r taps. */
function toomCook(m: number, r: number): { A: Matrix; G: Matrix; B: Matrix } {
  const n = m + r - 1;
  if (r === 1) {
    const identity = Array.from({ length: m }, (_, i) =>
      Array.from({ length: m }, (_, j) => (i === j ? 1 : 0)),
    );
    return { A: identity, G: identity.map(() => [1]), B: identity };
  }
  const points = n === 3 ? [0, -1] : POINTS.slice(0, n - 1);
  const powers = (count: number): number[][] => [
    ...points.map((point) => Array.from({ length: count }, (_, j) => point ** j)),
    Array.from({ length: count }, (_, j) => (j === count - 1 ? 1 : 0)),
  ];
  const evaluate = powers(m);
  const inverse = invert(powers(n));
  const G = powers(r);
  const B = inverse.map((_, i) => inverse.map((row) => row[i] as number));
  // Scales the rows of B to integers; G absorbs the factor.
  B.forEach((row, i) => {
    const least = Math.min(...row.filter((v) => Math.abs(v) > 1e-12).map(Math.abs));
    B[i] = row.map((v) => v / least);
    G[i] = (G[i] as number[]).map((v) => v * least);
  });
  return { A: evaluate[0]?.map((_, j) => evaluate.map((row) => row[j] as number)) ?? [], G, B };
}

/** A window of 3 or 5 that slides over `extent` entries; stride 2 is only for 3. */
interface Axis {
  readonly kernel: number;
  readonly extent: number;
  readonly outputs: number;
  readonly before: number;
  readonly stride: number;
}

/** The algorithm along one axis of an image: B [n, T, extent], G [n, kernel], A [outputs, n, T]. */
interface Bilinear {
  readonly n: number;
  readonly tiles: number;
  readonly G: Matrix;
  /** [n·T, extent] */
  readonly B: Float32Array<ArrayBuffer>;
  /** [outputs, n·T] */
  readonly A: Float32Array<ArrayBuffer>;
}

const cache = new Map<string, Bilinear>();

function bilinear(axis: Axis, m: number, tilesFirst: boolean): Bilinear {
  const key = JSON.stringify([axis, m, tilesFirst]);
  let made = cache.get(key);
  if (!made) {
    made = makeBilinear(axis, m, tilesFirst);
    cache.set(key, made);
  }
  return made;
}

function makeBilinear(
  { kernel, extent, outputs, before, stride }: Axis,
  m: number,
  tilesFirst: boolean,
): Bilinear {
  const tiles = Math.ceil(outputs / m);
  let A: Matrix;
  let G: Matrix;
  /** Row i of B: [offset in the input, factor] pairs. */
  let taps: [number, number][][];
  if (stride === 1) {
    const base = toomCook(m, kernel);
    ({ A, G } = base);
    taps = base.B.map((row) => row.map((factor, offset): [number, number] => [offset, factor]));
  } else {
    // Two phases: the even taps of the kernel read the even entries, the odd tap the odd ones.
    const [even, odd] = [toomCook(m, 2), toomCook(m, 1)];
    A = even.A.map((row, i) => [...row, ...(odd.A[i] as readonly number[])]);
    G = [
      ...even.G.map(([a, b]) => [a as number, 0, b as number]),
      ...odd.G.map(([c]) => [0, c as number, 0]),
    ];
    taps = [
      ...even.B.map((row) => row.map((factor, i): [number, number] => [2 * i, factor])),
      ...odd.B.map((row) => row.map((factor, i): [number, number] => [2 * i + 1, factor])),
    ];
  }
  const n = taps.length;
  const row = (i: number, tile: number) => (tilesFirst ? tile * n + i : i * tiles + tile);
  const bands = new Float32Array(n * tiles * extent);
  const joined = new Float32Array(outputs * n * tiles);
  for (let tile = 0; tile < tiles; tile++) {
    taps.forEach((list, i) => {
      for (const [offset, factor] of list) {
        const at = tile * m * stride + offset - before;
        if (at >= 0 && at < extent) {
          const index = row(i, tile) * extent + at;
          bands[index] = (bands[index] as number) + factor;
        }
      }
    });
    for (let a = 0; a < m && tile * m + a < outputs; a++)
      (A[a] as readonly number[]).forEach((factor, i) => {
        joined[(tile * m + a) * n * tiles + row(i, tile)] = factor;
      });
  }
  return { n, tiles, G, B: bands, A: joined };
}

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j] as number;
  return out;
}

/** A 3x3 or 5x5 convolution in HWNC layout: x [H, W, N, C], w [K, C, k, k], y [Ho, Wo, N, K]. */
export class Winograd {
  private readonly g: Emitter;
  private readonly batch: number;
  private readonly channels: number;
  private readonly filters: number;
  private readonly rows: Axis;
  private readonly columns: Axis;
  private readonly vertical: Bilinear;
  private readonly horizontal: Bilinear;
  private readonly key: string;
  private get taps(): number {
    return this.rows.kernel * this.columns.kernel;
  }

  constructor(
    g: Emitter,
    size: { batch: number; channels: number; filters: number; rows: Axis; columns: Axis },
  ) {
    this.g = g;
    this.batch = size.batch;
    this.channels = size.channels;
    this.filters = size.filters;
    this.rows = size.rows;
    this.columns = size.columns;
    // Small strided images waste less with tiles of 2.
    const m = size.rows.stride === 2 && size.rows.outputs <= 4 ? 2 : 4;
    this.vertical = bilinear(size.rows, m, false);
    this.horizontal = bilinear(size.columns, m, false);
    this.key = `${m}.${[size.rows, size.columns].map((a) => [a.kernel, a.extent, a.outputs, a.before, a.stride].join("_")).join(".")}`;
  }

  private matrix(
    name: string,
    which: "B" | "A",
    algorithm: Bilinear,
    axis: Axis,
    transpose: boolean,
  ): string {
    const size = algorithm.n * algorithm.tiles;
    const [rows, columns] = which === "B" ? [size, axis.extent] : [axis.outputs, size];
    const values = algorithm[which];
    return transpose
      ? this.g.table(`${name}t.${this.key}`, [columns, rows], () => transposed(values, rows, columns))
      : this.g.table(`${name}.${this.key}`, [rows, columns], () => values);
  }

  /** Multiplies axis 0 of x [h, w, N·c] by `left` and axis 1 by `right`. */
  private sandwich(
    left: string,
    right: string,
    x: string,
    height: number,
    width: number,
    inner: number,
  ): string {
    const { g } = this;
    const flat = g.op("Reshape", [x, g.ints([height, width * inner])]);
    const once = g.op("MatMul", [left, flat]);
    return g.op("MatMul", [right, g.op("Reshape", [once, g.ints([-1, width, inner])])]);
  }

  /** The transformed input [n, Th, n, Tw·N, C]. */
  input(x: string): string {
    const { g, vertical, horizontal, rows, columns, batch, channels } = this;
    return g.once(`winograd.x:${this.key}:${x}`, () => {
      const left = this.matrix("Bv", "B", vertical, rows, false);
      const right = this.matrix("Bh", "B", horizontal, columns, false);
      const out = this.sandwich(left, right, x, rows.extent, columns.extent, batch * channels);
      return g.op("Reshape", [
        out,
        g.ints([vertical.n, vertical.tiles, horizontal.n, horizontal.tiles * batch, channels]),
      ]);
    });
  }

  /**
   * The transformed input, recomputed for the backward pass: it is more than twice the size of the input,
   * so keeping it costs more than recomputing it. Columns come before rows here; otherwise ONNX Runtime
   * would merge it with the first computation and keep that.
   */
  private inputAgain(x: string): string {
    const { g, vertical, horizontal, rows, columns, batch, channels } = this;
    const left = this.matrix("Bv", "B", vertical, rows, false);
    const right = this.matrix("Bh", "B", horizontal, columns, false);
    const [inner, width] = [batch * channels, horizontal.n * horizontal.tiles];
    const image = g.op("Reshape", [x, g.ints([rows.extent, columns.extent, inner])]);
    const flat = g.op("Reshape", [g.op("MatMul", [right, image]), g.ints([rows.extent, width * inner])]);
    const out = g.op("MatMul", [left, flat]);
    return g.op("Reshape", [
      out,
      g.ints([vertical.n, vertical.tiles, horizontal.n, horizontal.tiles * batch, channels]),
    ]);
  }

  /** The transformed weight [n, 1, n, K, C]. */
  weight(w: string): string {
    const { g, vertical, horizontal, filters, channels } = this;
    return g.once(`winograd.w:${this.key}:${w}`, () => {
      const flat = g.op("Reshape", [w, g.ints([filters * channels, this.taps])]);
      const out = g.op("Gemm", [this.kernelTable(), flat], { transB: 1 });
      return g.op("Reshape", [out, g.ints([vertical.n, 1, horizontal.n, filters, channels])]);
    });
  }

  /** G ⊗ G, [n·n, k·k]. */
  private kernelTable(): string {
    const [a, b] = [this.vertical.G, this.horizontal.G];
    return this.g.table(`G.${this.key}`, [a.length * b.length, this.taps], () =>
      Float32Array.from(a.flatMap((p) => b.flatMap((q) => p.flatMap((x) => q.map((y) => x * y))))),
    );
  }

  /** y [Ho, Wo, N, K] */
  forward(x: string, w: string): string {
    const { g, vertical, horizontal, rows, columns, batch, filters } = this;
    const products = g.op("FusedMatMul", [this.input(x), this.weight(w)], { transB: 1 }, CONTRIB);
    const left = this.matrix("Av", "A", vertical, rows, false);
    const right = this.matrix("Ah", "A", horizontal, columns, false);
    const [height, width] = [vertical.n * vertical.tiles, horizontal.n * horizontal.tiles];
    const out = this.sandwich(left, right, products, height, width, batch * filters);
    return g.op("Reshape", [out, g.ints([rows.outputs, columns.outputs, batch, filters])]);
  }

  /** The cotangent of the products, [n, Th, n, Tw·N, K]. */
  private output(dy: string): string {
    const { g, vertical, horizontal, rows, columns, batch, filters } = this;
    return g.once(`winograd.dy:${this.key}:${dy}`, () => {
      const left = this.matrix("Av", "A", vertical, rows, true);
      const right = this.matrix("Ah", "A", horizontal, columns, true);
      const out = this.sandwich(left, right, dy, rows.outputs, columns.outputs, batch * filters);
      return g.op("Reshape", [
        out,
        g.ints([vertical.n, vertical.tiles, horizontal.n, horizontal.tiles * batch, filters]),
      ]);
    });
  }

  /** dx [H, W, N, C] */
  inputGradient(dy: string, w: string): string {
    const { g, vertical, horizontal, rows, columns, batch, channels } = this;
    const products = g.op("MatMul", [this.output(dy), this.weight(w)]);
    const left = this.matrix("Bv", "B", vertical, rows, true);
    const right = this.matrix("Bh", "B", horizontal, columns, true);
    const [height, width] = [vertical.n * vertical.tiles, horizontal.n * horizontal.tiles];
    const out = this.sandwich(left, right, products, height, width, batch * channels);
    return g.op("Reshape", [out, g.ints([rows.extent, columns.extent, batch, channels])]);
  }

  /** dw [K, C, k, k] */
  weightGradient(x: string, dy: string): string {
    const { g, vertical, horizontal, filters, channels } = this;
    let products = g.op("FusedMatMul", [this.output(dy), this.inputAgain(x)], { transA: 1 }, CONTRIB); // [n, Th, n, K, C]
    if (vertical.tiles > 1) products = g.op("ReduceSum", [products, g.ints([1])], { keepdims: 0 });
    const flat = g.op("Reshape", [products, g.ints([vertical.n * horizontal.n, filters * channels])]);
    const out = g.op("Gemm", [flat, this.kernelTable()], { transA: 1 });
    return g.op("Reshape", [out, g.ints([filters, channels, this.rows.kernel, this.columns.kernel])]);
  }
}
