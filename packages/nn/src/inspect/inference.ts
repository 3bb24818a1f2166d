import type { Module } from "../module.ts";

/** Runs `fn` with a network in inference mode; afterwards each of its modules is in the mode it was in. */
export function inInference<T>(model: Module, fn: () => T): T {
  const modes = [...model.namedModules().values()].map((module) => [module, module.training] as const);
  model.eval();
  try {
    return fn();
  } finally {
    // A module's mode is set with those below it, which come later.
    for (const [module, training] of modes) module.train(training);
  }
}
