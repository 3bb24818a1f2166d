/** The layers of a network: what each one takes and gives, holds and costs, and how much of the picture it sees. */
import type { Module } from "@tessera-ml/nn";
import { type Shape, Tensor, zeros } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { fieldSide } from "./field.ts";
import { inInference } from "./inference.ts";
import { walk } from "./walk.ts";

/** One layer that computes. */
export interface LayerProfile {
  /** Where it stands in the network, as in the checkpoint's keys; empty for the network itself. */
  readonly path: string;
  /** Its class: `Conv2d`. */
  readonly type: string;
  readonly inputShape: number[];
  readonly outputShape: number[];
  /** Numbers learned in it; those of a layer that is used twice count once. */
  readonly params: number;
  /** Multiplications with additions in convolutions, matrix products and attention. */
  readonly macs: number;
  /** Side in pixels of what one output depends on, by rule, padding included; null where that is everything. */
  readonly receptiveField: number | null;
}

export interface PartShape {
  readonly name: string;
  readonly shape: number[];
}

/**
 * Every layer in the order of use: leaves of the module tree, and modules that hold parameters or multiply
 * outside of them (attention). What only passes its input on, as dropout does here, is left out. Nothing is
 * computed: the graph is built and looked at.
 *
 * @param inputShape [N, C, H, W]; costs are for the N pictures
 */
export function profile(model: Classifier, inputShape: Shape): LayerProfile[] {
  return inInference(model, () => {
    const x = zeros(inputShape);
    const { output, calls } = watched(model, () => model.forward(x));
    // What a layer gives may be folded into what is made of it (a reshape of a reshape): all are looked at.
    const { fields, costs } = walk([output, ...calls.map(({ result }) => result)], x.value);
    const counted = new Set<Module>();
    const rows = calls.map((call): LayerProfile => {
      const { module, input, result } = call;
      const field = fields.get(result.value);
      const params = counted.has(module) ? 0 : ownParameters(module);
      counted.add(module);
      return {
        path: call.path,
        type: module.constructor.name,
        inputShape: [...input.shape],
        outputShape: [...result.shape],
        params,
        macs: costs
          .filter(({ id }) => innermost(calls, id) === call)
          .reduce((sum, { macs }) => sum + macs, 0),
        receptiveField: field ? fieldSide(field) : null,
      };
    });
    return rows.filter((row, i) => {
      const { leaf, input, result } = calls[i] as Call;
      return (leaf && result.value !== input.value) || row.params > 0 || row.macs > 0;
    });
  });
}

/** What comes out of each part, in order. */
export function partShapes(model: Classifier, inputShape: Shape): PartShape[] {
  return inInference(model, () => {
    let x: Tensor = zeros(inputShape);
    return model.parts().map(({ name, forward }) => {
      x = forward(x);
      return { name, shape: [...x.shape] };
    });
  });
}

/** One use of a module. */
interface Call {
  readonly path: string;
  readonly module: Module;
  readonly leaf: boolean;
  readonly input: Tensor;
  readonly result: Tensor;
  /** Ids of values grow with time: what was made between these two was made by the module. */
  readonly from: number;
  readonly to: number;
}

type Forward = (...args: unknown[]) => unknown;

/** Runs `fn` and notes each use of a module, in the order in which they end. */
function watched(model: Module, fn: () => Tensor): { output: Tensor; calls: Call[] } {
  const calls: Call[] = [];
  const modules = model.namedModules();
  const now = () => zeros([1]).value.id;
  for (const [path, module] of modules) {
    const forward = (module as { forward?: Forward }).forward;
    if (!forward) continue;
    const leaf = module.namedModules().size === 1;
    const watch: Forward = (...args) => {
      const from = now();
      const result = forward.apply(module, args);
      const [input] = args;
      if (input instanceof Tensor && result instanceof Tensor)
        calls.push({ path, module, leaf, input, result, from, to: now() });
      return result;
    };
    Object.defineProperty(module, "forward", { value: watch, configurable: true, writable: true });
  }
  try {
    return { output: fn(), calls };
  } finally {
    for (const module of modules.values()) Reflect.deleteProperty(module, "forward");
  }
}

function innermost(calls: readonly Call[], id: number): Call | undefined {
  // Inner calls end, and so stand, before outer ones.
  return calls.find(({ from, to }) => from < id && id < to);
}

/** Numbers in a module's own fields, without those of the modules in it. */
function ownParameters(module: Module): number {
  const inner = [...module.namedModules()].filter(([path]) => path !== "");
  const below = new Set(inner.flatMap(([, child]) => [...child.parameters().values()]));
  return [...module.parameters().values()].reduce((sum, one) => sum + (below.has(one) ? 0 : one.size), 0);
}
