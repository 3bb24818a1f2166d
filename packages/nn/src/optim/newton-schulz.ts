/** Orthogonalization by Newton–Schulz iteration: only matmuls, so it can be part of any graph. */
import type { Tensor } from "@tessera-ml/tensor";

/** Keller Jordan's coefficients for Muon: steep at zero, inexact at one. */
const STEEP = [3.4445, -4.775, 2.0315] as const;
/** The standard coefficients: slow at zero, converging to one quadratically. */
const EXACT = [1.5, -0.5, 0] as const;

/**
 * The orthogonal factor of a matrix [R, C] up to singular values between about 0.7 and 1.2: `steps` of
 * X ← aX + b(XXᵀ)X + c(XXᵀ)²X (Jordan et al. 2024, "Muon: An optimizer for hidden layers"). With
 * `polish`, that many standard iterations follow and bring the singular values to one.
 */
export function orthogonalized(
  matrix: Tensor,
  options: { steps?: number; polish?: number; eps?: number } = {},
): Tensor {
  const { steps = 5, polish = 0, eps = 1e-7 } = options;
  const [rows, columns] = matrix.shape as [number, number];
  const tall = rows > columns;
  const wide = tall ? matrix.transpose() : matrix; // keeps the Gram matrix small
  let x = wide.div(wide.square().sum().sqrt().add(eps));
  for (let i = 0; i < steps + polish; i++) {
    const [a, b, c] = i < steps ? STEEP : EXACT;
    const gram = x.matmul(x.transpose());
    const inner = c === 0 ? gram.mul(b) : gram.mul(b).add(gram.matmul(gram).mul(c));
    x = x.mul(a).add(inner.matmul(x));
  }
  return tall ? x.transpose() : x;
}
