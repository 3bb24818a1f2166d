/** Finding the tensors of a model in a PyTorch file. */
import { CheckpointError, showList, showName } from "../error.ts";
import { PickleObject, type PickleValue } from "../pickle/values.ts";
import { StoredTensor } from "../stored.ts";
import { attribute, isModule, moduleTensors } from "./module-tree.ts";

// Keys under which training scripts store the model, next to optimizer, epoch and so on; the first one found wins.
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
// Optimizers have tensors too, nested as deeply as those of wrapped models.
const NO_MODEL = /optim|sched|scaler|^rng/i;
const MAX_DEPTH = 4;
const MAX_LOOKED_AT = 2 ** 12;

/** Maximum number of entries listed in a message. */
const MOST_SHOWN = 8;

export interface FoundStateDict {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly section: string;
  /** Other sections that could have been chosen. */
  readonly otherSections: readonly string[];
  readonly leftOut: readonly string[];
}

/**
 * Returns the tensors at `section`; else under one of the usual keys, else at the top level, else in the only
 * section that has any, shallow ones first. A section is a dict with tensors, or a whole model, whose tensors are
 * named as in its state dict. Keys are unchanged. A list of tensors has the keys "0", "1", …, a single tensor ""
 * as in `.npy` files; both are accepted at the top level and at `section`, which may index lists by these keys.
 *
 * @throws CheckpointError if there is no such section, or several and none of them usual
 */
export function findStateDict(file: string, root: PickleValue, section?: string): FoundStateDict {
  if (section !== undefined) {
    let value: PickleValue | undefined = root;
    for (const key of section === "" ? [] : section.split(".")) value = step(value, key);
    const dict = asTensors(value);
    if (dict !== undefined) return describe(dict, section, root, []);
    const known = places(root).map(([path]) => path);
    const hint = known.length > 0 ? `there are tensors at ${showList(known, MOST_SHOWN)}; ` : "";
    throw new CheckpointError(
      `${file}: no tensors at ${showName(section)}; ${hint}the file has ${outline(root)}`,
    );
  }
  const top = asTensors(root);
  if (top !== undefined && !(root instanceof Map)) return describe(top, "", root, []);
  const found = places(root);
  const usual = USUAL.flatMap((key) => found.filter(([path]) => path === key || path.endsWith(`.${key}`)))[0];
  const chosen = usual ?? (top && (["", top] as const)) ?? (found.length === 1 ? found[0] : undefined);
  if (chosen !== undefined) {
    const [path, dict] = chosen;
    const others = found.map(([other]) => other).filter((other) => other !== path);
    return describe(dict, path, root, top !== undefined && path !== "" ? ["", ...others] : others);
  }
  if (found.length > 0) {
    const names = showList(
      found.map(([path]) => showName(path)),
      MOST_SHOWN,
    );
    throw new CheckpointError(
      `${file}: several sections have tensors: ${names}. Choose one with section (--section)`,
    );
  }
  throw new CheckpointError(`${file}: no tensors found. The file has ${outline(root)}`);
}

type StateDict = ReadonlyMap<PickleValue, PickleValue>;

/** The dicts with tensors and whole models closest to the top level, by path. */
function places(root: PickleValue): [path: string, dict: StateDict][] {
  let level: [path: string, value: PickleValue][] = [["", root]];
  let budget = MAX_LOOKED_AT;
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
    const next: [string, PickleValue][] = [];
    for (const [path, value] of level)
      for (const [key, child] of entriesOf(value)) {
        if (typeof key !== "string" || NO_MODEL.test(key)) continue;
        if (budget-- > 0) next.push([path === "" ? key : `${path}.${key}`, child]);
      }
    const found = next.flatMap(([path, value]): [string, StateDict][] => {
      const dict = asStateDict(value);
      return dict === undefined ? [] : [[path, dict]];
    });
    if (found.length > 0) return found;
    level = next;
  }
  return [];
}

/** The entries of a dict, or of an object of unknown class. */
function* entriesOf(value: PickleValue): Generator<[PickleValue, PickleValue]> {
  if (value instanceof Map) yield* value;
  if (!(value instanceof PickleObject)) return;
  yield* value.entries;
  if (value.state instanceof Map) yield* value.state;
}

/** A dict with at least one tensor, or the tensors of a whole model. */
function asStateDict(value: PickleValue | undefined): StateDict | undefined {
  if (isModule(value)) return moduleTensors(value);
  const dict = value instanceof PickleObject ? value.entries : value;
  const holdsTensors = dict instanceof Map && dict.values().some((item) => item instanceof StoredTensor);
  return holdsTensors ? dict : undefined;
}

/** Like {@link asStateDict}, also for lists and tuples with tensors and for a single tensor. */
function asTensors(value: PickleValue | undefined): StateDict | undefined {
  if (value instanceof StoredTensor) return new Map([["", value]]);
  return asStateDict(Array.isArray(value) ? new Map(numbered(value)) : value);
}

/** The items of a list with the keys "0", "1", … */
function numbered(list: readonly PickleValue[]): [string, PickleValue][] {
  return list.map((item, i) => [String(i), item]);
}

/** The value of a key of a map, list or object. */
function step(value: PickleValue | undefined, key: string): PickleValue | undefined {
  if (value instanceof Map) return value.get(key);
  if (Array.isArray(value)) return /^\d+$/.test(key) ? value[Number(key)] : undefined;
  return value instanceof PickleObject ? attribute(value, key) : undefined;
}

function describe(
  dict: StateDict,
  section: string,
  root: PickleValue,
  otherSections: readonly string[],
): FoundStateDict {
  const tensors = new Map<string, StoredTensor>();
  const leftOut: string[] = [];
  for (const [key, value] of dict)
    if (typeof key === "string" && value instanceof StoredTensor) tensors.set(key, value.rename(key));
    else leftOut.push(section === "" ? keyText(key) : `${section}.${keyText(key)}`);
  const top = section.split(".")[0];
  const beside =
    section !== "" && (root instanceof Map || Array.isArray(root)) ? root.keys().map(keyText) : [];
  for (const key of beside) if (key !== top) leftOut.push(key);
  return { tensors, section, otherSections, leftOut };
}

function keyText(key: PickleValue): string {
  return typeof key === "string" ? key : typeof key === "object" ? "(an object)" : String(key);
}

/** Describes the top level, for error messages. */
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
    return `not a dict but a list of ${root.length}: ${shown(numbered(root.slice(0, MOST_SHOWN)), root.length)}`;
  return `not a dict but ${kind(root)}`;
}

function kind(value: PickleValue): string {
  if (value instanceof StoredTensor) return "a tensor";
  if (isModule(value)) return `a model, ${showName(value.className)}`;
  if (value instanceof PickleObject) return `an object of ${showName(value.className)}`;
  if (value instanceof Map) return asStateDict(value) ? "a dict with tensors" : "a dict";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Set) return "a set";
  if (value === null) return "None";
  return typeof value === "object" ? "an object" : typeof value;
}
