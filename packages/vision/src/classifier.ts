/** What all classification networks have in common. */
import { Module } from "@tessera-ml/nn";
import type { Chain, Part } from "@tessera-ml/nn/inspect";
import { softmax, type Tensor } from "@tessera-ml/tensor";

export type { Part };

/** A network from images to class scores. */
export abstract class Classifier extends Module implements Chain {
  /** The network as a chain: the studio shows what comes out of each part. */
  abstract parts(): readonly Part[];

  /** Images [N, C, H, W] → logits [N, classes]. */
  forward(x: Tensor): Tensor {
    let y = x;
    for (const stage of this.parts()) y = stage.forward(y);
    return y;
  }

  /**
   * What the scores of `forward` say of each class, [N, classes], rows that sum to 1: their softmax,
   * unless the network was trained to mean something else by them.
   */
  probabilities(scores: Tensor): Tensor {
    return softmax(scores, 1);
  }
}
