/** Profiles of layers: shapes, parameters, costs and receptive fields. */
import { type Shape, Tensor, zeros } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";
import { fieldSide } from "./field.ts";
import { inInference } from "./inference.ts";
import { walk } from "./walk.ts";
import { type Call, innermost, tensorsIn, watched } from "./watch.ts";

/** A layer that computes something. */
export interface LayerProfile {
  /** Path in the network, as in checkpoint keys; empty for the network itself. */
  readonly path: string;
  /** Class name: `Conv2d`. */
  readonly type: string;
  /** Shape of its first input tensor. */
  readonly inputShape: number[];
  /** Shape of its first output tensor. */
  readonly outputShape: number[];
  /** Number of its parameters; counted once if the layer is used several times. */
  readonly params: number;
  /** Multiply-accumulates in convolutions, matmuls and attention. */
  readonly macs: number;
  /**
   * Largest extent of the theoretical receptive field, in input positions (pixels per side), including padding; null
   * if it is the whole input.
   */
  readonly receptiveField: number | null;
}

/**
 * Profiles all layers in order of use: leaves of the module tree, and modules that have parameters or
 * multiply-accumulates of their own (attention). Layers that just return their input, such as dropout in inference,
 * are omitted. Computes no values, only analyses the graph.
 *
 * @param input the shape of a float input, or tensors like the inputs, whose values do not matter:
 *   channels-first, [N, C, ...], or sequences [N, T]; costs are for the whole batch
 * @param run default: the network's `forward`
 */
export function profile(
  model: Module,
  input: Shape | Tensor | readonly Tensor[],
  run: (...inputs: Tensor[]) => unknown = forwardOf(model),
): LayerProfile[] {
  return inInference(model, () => {
    const inputs = asLeaves(input);
    const { output, calls } = watched(model, () => run(...inputs));
    // Start from the results of all layers: some may be folded into later ones (a reshape of a reshape).
    const { fields, costs } = walk(
      [...tensorsIn(output), ...calls.flatMap(({ results }) => results)],
      inputs,
    );
    const macs = new Map<Call, number>();
    for (const cost of costs) {
      const call = innermost(calls, cost.id);
      if (call) macs.set(call, (macs.get(call) ?? 0) + cost.macs);
    }
    const counted = new Set<Module>();
    return calls.flatMap((call): LayerProfile[] => {
      const { path, module, leaf } = call;
      const [taken, given] = [call.inputs[0], call.results[0]];
      if (!taken || !given) return [];
      const params = counted.has(module) ? 0 : ownParameters(module);
      counted.add(module);
      const cost = macs.get(call) ?? 0;
      if (!(leaf && given.value !== taken.value) && params === 0 && cost === 0) return [];
      const field = fields.get(given.value);
      return [
        {
          path,
          type: module.constructor.name,
          inputShape: [...taken.shape],
          outputShape: [...given.shape],
          params,
          macs: cost,
          receptiveField: field ? fieldSide(field) : null,
        },
      ];
    });
  });
}

function forwardOf(model: Module): (...inputs: Tensor[]) => unknown {
  const { forward } = model as { forward?: (...inputs: Tensor[]) => unknown };
  if (!forward) throw new TypeError(`${model.constructor.name} has no forward: pass run`);
  // Looked up at each call, because it is being watched by then.
  return (...inputs) => (model as unknown as { forward: typeof forward }).forward(...inputs);
}

/** Graph leaves of the same shapes: an input that is itself a reshape could be folded into later operations. */
function asLeaves(input: Shape | Tensor | readonly Tensor[]): Tensor[] {
  const given = input instanceof Tensor ? [input] : input.filter((entry) => entry instanceof Tensor);
  return given.length > 0 ? given.map(({ shape, dtype }) => zeros(shape, dtype)) : [zeros(input as Shape)];
}

/** Number of parameters in a module's own fields, excluding submodules. */
function ownParameters(module: Module): number {
  const inner = [...module.namedModules()].filter(([path]) => path !== "");
  const below = new Set(inner.flatMap(([, child]) => [...child.parameters().values()]));
  return [...module.parameters().values()].reduce((sum, one) => sum + (below.has(one) ? 0 : one.size), 0);
}
