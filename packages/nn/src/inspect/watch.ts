/** Watching modules at work. */
import { Tensor, zeros } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";

/** One use of a module. */
export interface Call {
  readonly path: string;
  readonly module: Module;
  /** Whether there is no module in it. */
  readonly leaf: boolean;
  /** The tensors among its arguments. */
  readonly inputs: readonly Tensor[];
  /** The tensors in what it gives. */
  readonly results: readonly Tensor[];
  /** Ids of values grow with time: what was made between these two was made by the module. */
  readonly from: number;
  readonly to: number;
}

type Forward = (...args: unknown[]) => unknown;

/** Runs `fn` and notes each use of a module's `forward`, in the order in which they end. */
export function watched<T>(model: Module, fn: () => T): { output: T; calls: Call[] } {
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
      calls.push({
        path,
        module,
        leaf,
        inputs: tensorsIn(args),
        results: tensorsIn(result),
        from,
        to: now(),
      });
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

/** The use of a module in which a value was made, the innermost one. */
export function innermost(calls: readonly Call[], id: number): Call | undefined {
  // Inner calls end, and so stand, before outer ones.
  return calls.find(({ from, to }) => from < id && id < to);
}

/** Tensors in arrays, maps and plain records, in order. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value instanceof Map) return [...value.values()].flatMap(tensorsIn);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return Object.values(value).flatMap(tensorsIn);
  return [];
}

/**
 * What the modules of a network give while `run` runs, by path; where one gives several tensors, the first.
 * Its second use is `path@1`, the third `path@2`.
 */
export function moduleOutputs(model: Module, run: () => unknown): Map<string, Tensor> {
  const outputs = new Map<string, Tensor>();
  const uses = new Map<string, number>();
  for (const { path, results } of watched(model, run).calls) {
    const use = uses.get(path) ?? 0;
    uses.set(path, use + 1);
    if (results[0]) outputs.set(use === 0 ? path : `${path}@${use}`, results[0]);
  }
  return outputs;
}
