/** Recording calls of modules. */
import { Tensor, zeros } from "@tessera-ml/tensor";
import type { Module } from "../module.ts";

/** A call of a module. */
export interface Call {
  readonly path: string;
  readonly module: Module;
  /** Whether the module has no submodules. */
  readonly leaf: boolean;
  /** The tensors in its arguments. */
  readonly inputs: readonly Tensor[];
  /** The tensors in its result. */
  readonly results: readonly Tensor[];
  /** Value ids increase with time: values with ids between these two were created by the module. */
  readonly from: number;
  readonly to: number;
}

type Forward = (...args: unknown[]) => unknown;

/** Runs `fn` and records all calls of `forward`, in the order in which they end. */
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

/** The innermost call in which a value was created. */
export function innermost(calls: readonly Call[], id: number): Call | undefined {
  // Inner calls end before outer ones and so precede them.
  return calls.find(({ from, to }) => from < id && id < to);
}

/** All tensors in arrays, maps and plain records, in order. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value instanceof Map) return [...value.values()].flatMap(tensorsIn);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return Object.values(value).flatMap(tensorsIn);
  return [];
}

/**
 * The output of every module called by `run`, by path; if there are several tensors, the first.
 * The second call of a module is `path@1`, the third `path@2`.
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
