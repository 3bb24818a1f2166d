/** Where in a PyTorch file the tensors of a model are. */
import { CheckpointError, showList, showName } from "../error.ts";
import { PickleObject, type PickleValue } from "../pickle/values.ts";
import { StoredTensor } from "../stored.ts";

// Under these keys training scripts keep the model beside optimizer, epoch and so on; the first one found wins.
const USUAL = [
  "state_dict",
  "model_state_dict",
  "model",
  "network",
  "net",
  "module",
  "params",
  "weights",
  "ema",
  "ema_state_dict",
  "model_ema",
  "params_ema",
  "generator",
];

/** Of the entries of a file, in a message. */
const MOST_SHOWN = 8;

export interface FoundStateDict {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly section: string;
  readonly leftOut: readonly string[];
}

/**
 * The map with the tensors: at `section`, else under one of the usual keys, else the top level, else the only
 * map that has any. Keys stay as they are. A list of tensors has the keys "0", "1", …, a tensor alone "" as in
 * `.npy` files; both are taken at the top level or where `section` says, which goes into lists by these keys.
 *
 * @throws CheckpointError where there is none, or several and none of them usual
 */
export function findStateDict(file: string, root: PickleValue, section?: string): FoundStateDict {
  if (section !== undefined) {
    let value: PickleValue | undefined = root;
    for (const key of section === "" ? [] : section.split(".")) value = step(value, key);
    const dict = asTensors(value);
    if (dict !== undefined) return describe(dict, section, section === "" ? undefined : root);
    throw new CheckpointError(`${file}: no tensors at ${showName(section)}; the file has ${outline(root)}`);
  }
  if (root instanceof Map) {
    for (const key of USUAL) {
      const dict = asStateDict(root.get(key));
      if (dict !== undefined) return describe(dict, key, root);
    }
    if (asStateDict(root) !== undefined) return describe(root, "", undefined);
    const [only, ...others] = [...root].filter(([, value]) => asStateDict(value) !== undefined);
    if (only !== undefined && others.length === 0)
      return describe(only[1] as StateDict, keyText(only[0]), root);
  } else {
    const dict = asTensors(root);
    if (dict !== undefined) return describe(dict, "", undefined);
  }
  throw new CheckpointError(
    `${file}: cannot tell where the tensors of the model are; name the place with the option section. The file has ${outline(root)}`,
  );
}

type StateDict = Map<PickleValue, PickleValue>;

/** The value itself, if it is a map with at least one tensor. */
function asStateDict(value: PickleValue | undefined): StateDict | undefined {
  const holdsTensors = value instanceof Map && value.values().some((item) => item instanceof StoredTensor);
  return holdsTensors ? value : undefined;
}

/** The same of a list or tuple with tensors, and of a tensor. */
function asTensors(value: PickleValue | undefined): StateDict | undefined {
  if (value instanceof StoredTensor) return new Map([["", value]]);
  return asStateDict(Array.isArray(value) ? new Map(numbered(value)) : value);
}

/** The items of a list under the keys "0", "1", … */
function numbered(list: readonly PickleValue[]): [string, PickleValue][] {
  return list.map((item, i) => [String(i), item]);
}

/** What stands under a key of a map, of a list or of an object. */
function step(value: PickleValue | undefined, key: string): PickleValue | undefined {
  if (value instanceof Map) return value.get(key);
  if (Array.isArray(value)) return /^\d+$/.test(key) ? value[Number(key)] : undefined;
  return value instanceof PickleObject ? attribute(value, key) : undefined;
}

/** An attribute of an object of a class that was kept opaque. */
function attribute(object: PickleObject, key: string): PickleValue | undefined {
  return object.entries.get(key) ?? (object.state instanceof Map ? object.state.get(key) : undefined);
}

function describe(dict: StateDict, section: string, parent: PickleValue | undefined): FoundStateDict {
  const tensors = new Map<string, StoredTensor>();
  const leftOut: string[] = [];
  for (const [key, value] of dict)
    if (typeof key === "string" && value instanceof StoredTensor) tensors.set(key, value.rename(key));
    else leftOut.push(section === "" ? keyText(key) : `${section}.${keyText(key)}`);
  const top = section.split(".")[0];
  const beside = parent instanceof Map || Array.isArray(parent) ? parent.keys().map(keyText) : [];
  for (const key of beside) if (key !== top) leftOut.push(key);
  return { tensors, section, leftOut };
}

function keyText(key: PickleValue): string {
  return typeof key === "string" ? key : typeof key === "object" ? "(an object)" : String(key);
}

/** What there is at the top, for messages. */
function outline(root: PickleValue): string {
  const shown = (entries: readonly (readonly [PickleValue, PickleValue])[], total: number) => {
    const items = entries.map(([key, value]) => `${showName(keyText(key))} (${kind(value)})`);
    return showList(items, MOST_SHOWN, total);
  };
  if (root instanceof Map)
    return root.size === 0
      ? "an empty dict"
      : `${root.size} keys: ${shown([...root].slice(0, MOST_SHOWN), root.size)}`;
  if (Array.isArray(root) && root.length > 0)
    return `no dict but a list of ${root.length}: ${shown(numbered(root.slice(0, MOST_SHOWN)), root.length)}`;
  return `no dict but ${kind(root)}`;
}

function kind(value: PickleValue): string {
  if (value instanceof StoredTensor) return "a tensor";
  if (value instanceof PickleObject) return `an object of ${showName(value.className)}`;
  if (value instanceof Map) return asStateDict(value) ? "a dict with tensors" : "a dict";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Set) return "a set";
  if (value === null) return "None";
  return typeof value === "object" ? "an object" : typeof value;
}
