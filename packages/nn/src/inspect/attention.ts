/** Attention maps of a network. */
import { eye, observeAttention, type Tensor } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";
import { inInference } from "./inference.ts";
import { innermost, watched } from "./watch.ts";

/** The weights of one attention operation. */
export interface AttentionMap {
  /** Path of the module that computed it, as in checkpoint keys. */
  readonly path: string;
  /** [N, heads, L, S]: the weight of each of S keys for each of L queries; rows sum to 1. */
  readonly weights: Tensor;
}

/**
 * The weights of all attention operations computed by `run`, in order.
 *
 * @example
 * const maps = attentionMaps(model, () => model.forward(images));
 */
export function attentionMaps(model: Module, run: () => unknown): AttentionMap[] {
  return inInference(model, () => {
    const seen: Tensor[] = [];
    const { calls } = watched(model, () => observeAttention((weights) => seen.push(weights), run));
    return seen.map((weights) => ({ path: innermost(calls, weights.value.id)?.path ?? "", weights }));
  });
}

/**
 * Attention rollout through self-attention blocks (Abnar & Zuidema 2020, section 3): the product of their
 * weights, averaged over heads and with the identity for the residual connection.
 *
 * @param blocks [N, heads, T, T] each, in order
 * @returns [N, T, T], whose rows sum to 1
 */
export function attentionRollout(blocks: readonly Tensor[]): Tensor {
  return blocks
    .map((block) => block.mean(1))
    .map((mean) => mean.add(eye(mean.shape[1] as number)).div(2))
    .reduce((below, block) => block.matmul(below));
}
