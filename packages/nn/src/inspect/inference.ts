import type { Module } from "../module.ts";

/** Runs `fn` with a network in inference mode, then restores the mode of every module. */
export function inInference<T>(model: Module, fn: () => T): T {
  const modes = [...model.namedModules().values()].map((module) => [module, module.training] as const);
  model.eval();
  try {
    return fn();
  } finally {
    // Setting the mode of a module also sets that of its submodules, which come later.
    for (const [module, training] of modes) module.train(training);
  }
}
