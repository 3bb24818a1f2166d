/** Loads published checkpoints into classifiers. */
import { type LoadedNetwork, loadNetwork } from "@tessera-ml/kit/networks";
import type { Checkpoint, CheckpointInput, OpenCheckpointOptions } from "@tessera-ml/nn";
import type { Classifier } from "./classifier.ts";
import { type CreateOptions, networks } from "./networks/index.ts";

export interface LoadClassifierOptions extends CreateOptions, OpenCheckpointOptions {
  /** An existing instance of the network to load into, instead of a new one. */
  readonly module?: Classifier;
}

/**
 * Builds a classifier by name and loads a checkpoint into it.
 *
 * @param name one of our names (`vit_base_patch16_224`) or a source's (`torchvision/vit_b_16`)
 * @throws CheckpointError listing missing tensors, unexpected tensors and shape mismatches
 */
export async function loadClassifier(
  name: string,
  source: Checkpoint | CheckpointInput,
  { classes, ...options }: LoadClassifierOptions = {},
): Promise<LoadedNetwork<Classifier>> {
  const create = classes === undefined ? {} : { classes };
  return await loadNetwork(networks, name, source, { ...options, create });
}
