import type { Linear } from "@tessera-ml/nn";
import { concat, linear, type Tensor, unbind, zeros } from "@tessera-ml/tensor";

/**
 * Queries, keys and values of BEiT and Swin V2. Keys have no bias: it would change all scores of a query alike.
 *
 * @param x [B, T, D]
 * @returns [B, h, T, D / h] each
 */
export function projectQkv(
  x: Tensor,
  {
    qkv,
    q_bias,
    v_bias,
    heads,
  }: { readonly qkv: Linear; readonly q_bias: Tensor; readonly v_bias: Tensor; readonly heads: number },
): [q: Tensor, k: Tensor, v: Tensor] {
  const [batch, tokens, dim] = x.shape as [number, number, number];
  const projected = linear(x, qkv.weight, concat([q_bias, zeros([dim]), v_bias], 0))
    .reshape([batch, tokens, 3, heads, dim / heads])
    .permute([2, 0, 3, 1, 4]); // [3, B, h, T, D / h]
  return unbind(projected) as [Tensor, Tensor, Tensor];
}
