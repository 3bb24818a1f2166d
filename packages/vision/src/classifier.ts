/** The interface all classification networks share. */
import { Module } from "@tessera-ml/nn";
import type { Chain, Part } from "@tessera-ml/nn/inspect";
import { softmax, type Tensor } from "@tessera-ml/tensor";

export type { Part };

/** A network that maps images to class scores. */
export abstract class Classifier extends Module implements Chain {
  /** The network as a chain of parts; the studio shows the output of each. */
  abstract parts(): readonly Part[];

  /** Images [N, C, H, W] → logits [N, classes]. */
  forward(x: Tensor): Tensor {
    let y = x;
    for (const stage of this.parts()) y = stage.forward(y);
    return y;
  }

  /**
   * Converts the scores of `forward` to class probabilities, [N, classes]; rows sum to 1. Softmax by default;
   * networks trained with another loss override it.
   */
  probabilities(scores: Tensor): Tensor {
    return softmax(scores, 1);
  }
}
