/** Networks extracted from TensorFlow Lite files: numbered tensors plus a graph that names them. */

import { type Checkpoint, CheckpointError, Conv2d, Linear } from "@tessera-ml/nn";
import { fromArray, type Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";

/** The fields of such a graph that we read: operators in order, and the key of each constant. */
export interface TFLiteGraph {
  readonly subgraphs: readonly {
    readonly tensors: readonly { readonly i: number; readonly const?: string }[];
    readonly ops: readonly { readonly op: string; readonly in: readonly number[] }[];
  }[];
}

const LAYOUTS: Readonly<Record<string, readonly number[]>> = {
  CONV_2D: [0, 3, 1, 2], // [O, H, W, I] → [O, I, H, W]
  DEPTHWISE_CONV_2D: [3, 0, 1, 2], // [1, H, W, C] → [C, 1, H, W]
};

/**
 * Parameters, keyed by our paths for `model.load`, of a network whose layers are the graph's convolutions
 * in order.
 *
 * @throws CheckpointError if the number of layers or a shape differs between graph and network
 */
export async function fromTFLite(
  model: Classifier,
  checkpoint: Checkpoint,
  graph: TFLiteGraph,
): Promise<Map<string, Tensor>> {
  const main = graph.subgraphs[0];
  const convolutions = main?.ops.filter(({ op }) => op in LAYOUTS) ?? [];
  // Modules are declared in execution order.
  const layers = [...model.namedModules()].filter(
    (entry): entry is [string, Conv2d | Linear] => entry[1] instanceof Conv2d || entry[1] instanceof Linear,
  );
  if (layers.length !== convolutions.length)
    throw new CheckpointError(
      `${checkpoint.name}: expected ${layers.length} convolutions in the graph, got ${convolutions.length}`,
    );
  const keys = new Map(main?.tensors.map(({ i, const: key }) => [i, key]));
  const read = async (index: number | undefined, order: readonly number[] | undefined, target: Tensor) => {
    const key = index === undefined ? undefined : keys.get(index);
    if (key === undefined)
      throw new CheckpointError(`${checkpoint.name}: the graph has no key for tensor ${index}`);
    const stored = checkpoint.get(key);
    const tensor = fromArray(await stored.read(), stored.shape);
    const moved = order ? tensor.permute(order) : tensor;
    return target.rank === 2 ? moved.flatten(1) : moved;
  };
  const parameters = new Map<string, Tensor>();
  for (const [i, [path, layer]] of layers.entries()) {
    const { op, in: inputs } = convolutions[i] as { op: string; in: readonly number[] };
    parameters.set(`${path}.weight`, await read(inputs[1], LAYOUTS[op], layer.weight));
    if (layer.bias) parameters.set(`${path}.bias`, await read(inputs[2], undefined, layer.bias));
  }
  return parameters;
}
