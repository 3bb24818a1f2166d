/** What the attention layers of a network look at. */
import { eye, observeAttention, type Tensor } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";
import { inInference } from "./inference.ts";
import { innermost, watched } from "./watch.ts";

/** The weights of one attention. */
export interface AttentionMap {
  /** The module that computed it, as in the checkpoint's keys. */
  readonly path: string;
  /** [N, heads, L, S]: how much each of L queries takes from each of S keys; rows sum to 1. */
  readonly weights: Tensor;
}

/**
 * The weights of every attention that is computed while `run` runs the network, in order.
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
 * Attention through blocks of self-attention (Abnar & Zuidema 2020, section 3): the product of their
 * weights, mean over the heads, each with half of the token itself for its shortcut.
 *
 * @param blocks [N, heads, T, T] each, in order
 * @returns [N, T, T], rows that sum to 1
 */
export function attentionRollout(blocks: readonly Tensor[]): Tensor {
  return blocks
    .map((block) => block.mean(1))
    .map((mean) => mean.add(eye(mean.shape[1] as number)).div(2))
    .reduce((below, block) => block.matmul(below));
}
