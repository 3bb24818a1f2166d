/** Whitening filters for small image patches: a first layer that need not be learned. */
import type { Batch } from "@tessera-ml/media";
import { fromArray, type Tensor } from "@tessera-ml/tensor";

/**
 * Convolution weights [2·C·k², C, k, k] that whiten the patches of these images: the eigenvectors of their
 * covariance, each divided by the square root of its eigenvalue, and their negatives (airbench,
 * section 3.2).
 *
 * @param images [N, C, H, W], preprocessed
 * @param eps added to the eigenvalues, so that rare directions are not blown up
 */
export function whiteningFilters({ shape, data }: Batch, kernel: number, eps = 5e-4): Tensor {
  const [count, channels, height, width] = shape;
  const size = channels * kernel * kernel;
  const covariance = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  const patch = new Float64Array(size);
  for (let n = 0; n < count; n++)
    for (let y = 0; y + kernel <= height; y++)
      for (let x = 0; x + kernel <= width; x++) {
        for (let i = 0; i < size; i++) {
          const [c, dy, dx] = [Math.floor(i / kernel ** 2), Math.floor(i / kernel) % kernel, i % kernel];
          patch[i] = data[((n * channels + c) * height + y + dy) * width + x + dx] as number;
        }
        for (let i = 0; i < size; i++) {
          const row = covariance[i] as number[];
          for (let j = 0; j < size; j++)
            row[j] = (row[j] as number) + (patch[i] as number) * (patch[j] as number);
        }
      }
  const patches = count * (height - kernel + 1) * (width - kernel + 1);
  const { values, vectors } = eigen(covariance.map((row) => row.map((sum) => sum / patches)));
  const filters = new Float32Array(2 * size * size);
  for (const [k, value] of values.entries())
    for (let i = 0; i < size; i++) {
      const weight = ((vectors[i] as number[])[k] as number) / Math.sqrt(value + eps);
      filters[k * size + i] = weight;
      filters[(size + k) * size + i] = -weight;
    }
  return fromArray(filters, [2 * size, channels, kernel, kernel]);
}

/** Eigenvalues of a symmetric matrix and eigenvectors as columns, by Jacobi rotations. */
export function eigen(matrix: readonly (readonly number[])[]): { values: number[]; vectors: number[][] } {
  const size = matrix.length;
  const a = matrix.map((row) => [...row]);
  const vectors = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  const at = (m: number[][], i: number, j: number) => (m[i] as number[])[j] as number;
  const rotate = (
    m: number[][],
    [i, j]: [number, number],
    [k, l]: [number, number],
    c: number,
    s: number,
  ) => {
    const [first, second] = [at(m, i, j), at(m, k, l)];
    (m[i] as number[])[j] = c * first - s * second;
    (m[k] as number[])[l] = s * first + c * second;
  };
  // Convergence is quadratic; a dozen sweeps are more than enough.
  for (let sweep = 0; sweep < 12; sweep++)
    for (let p = 0; p < size; p++)
      for (let q = p + 1; q < size; q++) {
        if (at(a, p, q) === 0) continue;
        const angle = 0.5 * Math.atan2(2 * at(a, p, q), at(a, q, q) - at(a, p, p));
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (let k = 0; k < size; k++) rotate(a, [k, p], [k, q], c, s);
        for (let k = 0; k < size; k++) rotate(a, [p, k], [q, k], c, s);
        for (let k = 0; k < size; k++) rotate(vectors, [k, p], [k, q], c, s);
      }
  return { values: a.map((_, i) => at(a, i, i)), vectors };
}
