/** The layers of a network: what each one takes and gives, holds and costs, and how much of the input it sees. */
import { type Shape, Tensor, zeros } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";
import { fieldSide } from "./field.ts";
import { inInference } from "./inference.ts";
import { walk } from "./walk.ts";
import { type Call, innermost, tensorsIn, watched } from "./watch.ts";

/** One layer that computes. */
export interface LayerProfile {
  /** Where it stands in the network, as in the checkpoint's keys; empty for the network itself. */
  readonly path: string;
  /** Its class: `Conv2d`. */
  readonly type: string;
  /** Of the first tensor it takes. */
  readonly inputShape: number[];
  /** Of the first tensor it gives. */
  readonly outputShape: number[];
  /** Numbers learned in it; those of a layer that is used twice count once. */
  readonly params: number;
  /** Multiplications with additions in convolutions, matrix products and attention. */
  readonly macs: number;
  /**
   * Largest extent of what one output depends on, in input positions (pixels of a side), by rule, padding
   * included; null where that is everything.
   */
  readonly receptiveField: number | null;
}

/**
 * Every layer in the order of use: leaves of the module tree, and modules that hold parameters or multiply
 * outside of them (attention). What only passes its input on, as dropout does here, is left out. Nothing is
 * computed: the graph is built and looked at.
 *
 * @param input the shape of one input of floats, or tensors like the inputs, whose values do not matter:
 *   channels first, [N, C, ...], or sequences [N, T]; costs are for the whole batch
 * @param run by default the network's `forward`
 */
export function profile(
  model: Module,
  input: Shape | Tensor | readonly Tensor[],
  run: (...inputs: Tensor[]) => unknown = forwardOf(model),
): LayerProfile[] {
  return inInference(model, () => {
    const inputs = asLeaves(input);
    const { output, calls } = watched(model, () => run(...inputs));
    // What a layer gives may be folded into what is made of it (a reshape of a reshape): all are looked at.
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
  if (!forward) throw new TypeError(`${model.constructor.name} has no forward: say how to run it`);
  // Looked up anew: it is watched by then.
  return (...inputs) => (model as unknown as { forward: typeof forward }).forward(...inputs);
}

/** Leaves of the same shapes: a tensor that is itself a reshape may be folded into what is made of it. */
function asLeaves(input: Shape | Tensor | readonly Tensor[]): Tensor[] {
  const given = input instanceof Tensor ? [input] : input.filter((entry) => entry instanceof Tensor);
  return given.length > 0 ? given.map(({ shape, dtype }) => zeros(shape, dtype)) : [zeros(input as Shape)];
}

/** Numbers in a module's own fields, without those of the modules in it. */
function ownParameters(module: Module): number {
  const inner = [...module.namedModules()].filter(([path]) => path !== "");
  const below = new Set(inner.flatMap(([, child]) => [...child.parameters().values()]));
  return [...module.parameters().values()].reduce((sum, one) => sum + (below.has(one) ? 0 : one.size), 0);
}
