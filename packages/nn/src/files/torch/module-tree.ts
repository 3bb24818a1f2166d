/** Whole models written by `torch.save(model)`, and TorchScript programs: finds the tensors that `state_dict()` would list. */
import { CheckpointError } from "../error.ts";
import { PickleObject, type PickleValue } from "../pickle/values.ts";
import { StoredTensor } from "../stored.ts";

// A file can nest a module in itself, or use it twice at each level of a long chain.
const MAX_DEPTH = 64;
const MAX_MODULES = 2 ** 16;

/** An attribute of an object of any class, or an entry of a dict-like object of unknown class. */
export function attribute(object: PickleObject, key: string): PickleValue | undefined {
  const { state, entries } = object;
  if (entries.has(key)) return entries.get(key);
  // With __slots__, the state is a pair of attributes and slots.
  for (const part of Array.isArray(state) ? state : [state])
    if (part instanceof Map && part.has(key)) return part.get(key);
  return undefined;
}

/** Whether an object is a PyTorch module, judging by the attributes they all have, or by its class in TorchScript. */
export function isModule(value: PickleValue | undefined): value is PickleObject {
  if (!(value instanceof PickleObject)) return false;
  if (isScript(value)) return true;
  return attribute(value, "_parameters") instanceof Map && attribute(value, "_modules") instanceof Map;
}

function isScript({ className, state }: PickleObject): boolean {
  return className.startsWith("__torch__.") && state instanceof Map;
}

/**
 * Parameters and persistent buffers of a module and its submodules, by their paths in `state_dict()`
 * (torch/nn/modules/module.py, `_save_to_state_dict`).
 *
 * @throws CheckpointError for too many or too deeply nested modules
 */
export function moduleTensors(root: PickleObject): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  let modules = 0;
  const collect = (module: PickleObject, prefix: string, depth: number): void => {
    if (depth > MAX_DEPTH || ++modules > MAX_MODULES)
      throw new CheckpointError(`a model of more than ${MAX_MODULES} modules, or nested ${MAX_DEPTH} deep`);
    const transient = attribute(module, "_non_persistent_buffers_set");
    const skipped = transient instanceof Set ? transient : new Set<PickleValue>();
    // TorchScript keeps parameters, buffers and submodules as plain attributes.
    const [own, submodules] = isScript(module)
      ? [[module.state], module.state]
      : [[attribute(module, "_parameters"), attribute(module, "_buffers")], attribute(module, "_modules")];
    for (const [key, value] of own.flatMap(named))
      if (value instanceof StoredTensor && !skipped.has(key)) tensors.set(prefix + key, value);
    for (const [key, value] of named(submodules))
      if (isModule(value)) collect(value, `${prefix}${key}.`, depth + 1);
  };
  collect(root, "", 0);
  return tensors;
}

function named(dict: PickleValue | undefined): [string, PickleValue][] {
  if (!(dict instanceof Map)) return [];
  return [...dict].filter((entry): entry is [string, PickleValue] => typeof entry[0] === "string");
}
