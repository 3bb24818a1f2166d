/** Orthogonal matrices by iteration: only products, so that it is part of any graph. */
import type { Tensor } from "@tessera-ml/tensor";

/** Coefficients of Keller Jordan's Muon: steep at zero, and not exact at one. */
const STEEP = [3.4445, -4.775, 2.0315] as const;
/** Newton's own: slow at zero, and converging to one quadratically. */
const EXACT = [1.5, -0.5, 0] as const;

/**
 * The orthogonal factor of a matrix [R, C] up to singular values between about 0.7 and 1.2: `steps` of
 * X ← aX + b(XXᵀ)X + c(XXᵀ)²X (Jordan et al. 2024, "Muon: An optimizer for hidden layers"). With
 * `polish`, that many steps of Newton's iteration afterwards make the singular values one.
 */
export function orthogonalized(
  matrix: Tensor,
  options: { steps?: number; polish?: number; eps?: number } = {},
): Tensor {
  const { steps = 5, polish = 0, eps = 1e-7 } = options;
  const [rows, columns] = matrix.shape as [number, number];
  const tall = rows > columns;
  const wide = tall ? matrix.transpose() : matrix; // the smaller products
  let x = wide.div(wide.square().sum().sqrt().add(eps));
  for (let i = 0; i < steps + polish; i++) {
    const [a, b, c] = i < steps ? STEEP : EXACT;
    const gram = x.matmul(x.transpose());
    const inner = c === 0 ? gram.mul(b) : gram.mul(b).add(gram.matmul(gram).mul(c));
    x = x.mul(a).add(inner.matmul(x));
  }
  return tall ? x.transpose() : x;
}
