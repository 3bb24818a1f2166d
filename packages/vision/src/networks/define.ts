/** How classification networks are defined. */
import { type Network, same } from "@tessera-ml/kit/networks";
import type { Classifier } from "../classifier.ts";

export interface CreateOptions {
  /** Default: ImageNet's 1000. */
  readonly classes?: number;
}

export interface ClassifierNetwork extends Network<Classifier, CreateOptions> {
  /** Side of the square images it was designed for. */
  readonly inputSize: number;
  /** Channels of an image: 1 or 3. */
  readonly channels: number;
  readonly classes: number;
}

const DEFAULTS = { inputSize: 224, channels: 3, classes: 1000, sources: {} };

/** A network for colour images of 224 × 224 and ImageNet's classes, unless it says otherwise. */
export function classifier(
  network: Omit<ClassifierNetwork, keyof typeof DEFAULTS | "input"> & Partial<ClassifierNetwork>,
): ClassifierNetwork {
  const whole = { ...DEFAULTS, ...network };
  const { channels, inputSize } = whole;
  return { ...whole, input: [channels, inputSize, inputSize] };
}

/** Sources that publish the network as `name` and whose keys equal our parameter paths. */
export function sameKeys(name: string, ...sources: readonly string[]): ClassifierNetwork["sources"] {
  return Object.fromEntries(sources.map((source) => [source, { name, keyOf: same }]));
}
