/** How others name the parameters of our networks. */
import type { Shape } from "@tessera-ml/tensor";

/** The key in a published file for one of our paths. */
export type KeyOf = (path: string) => string;

/** How a published file names and stores our parameters. */
export interface Naming {
  readonly keyOf: KeyOf;
  /** The keys whose tensors, joined along the first axis, are one parameter of ours. Default: the key alone. */
  readonly partsOf?: (key: string) => readonly string[];
  /** The shape in the file; by default ours. */
  readonly shapeOf?: (key: string, shape: Shape) => Shape;
}
