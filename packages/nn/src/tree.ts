/** Walking the fields of modules, and matching their paths against patterns. */
import { Tensor, Variable } from "@tessera-ml/tensor";
import type { Module } from "./module.ts";

/** What a walk finds, by path; something reached by two paths is listed twice. */
export interface Found {
  readonly modules: readonly (readonly [path: string, module: Module])[];
  readonly variables: readonly (readonly [path: string, variable: Variable])[];
}

/**
 * All modules and variables in the fields of `root`. Arrays, maps and plain records are walked;
 * constants (numbers, strings, functions, tensors that are not variables) are ignored.
 *
 * @throws if a module or variable is inside something that is not walked, or contains itself
 */
export function walk(root: Module, isModule: (value: object) => value is Module): Found {
  const modules: [string, Module][] = [];
  const variables: [string, Variable][] = [];
  const above: object[] = [];

  const enter = (value: object, path: string, entries: Iterable<readonly [string, unknown]>): void => {
    if (above.includes(value)) throw new Error(`${path}: the module contains itself`);
    above.push(value);
    for (const [name, entry] of entries) visit(entry, path === "" ? name : `${path}.${name}`);
    above.pop();
  };
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    if (value instanceof Variable) {
      variables.push([path, value]);
    } else if (value instanceof Tensor) {
      return;
    } else if (isModule(value)) {
      modules.push([path, value]);
      enter(value, path, Object.entries(value));
    } else if (Array.isArray(value) || isRecord(value)) {
      enter(value, path, Object.entries(value));
    } else if (value instanceof Map) {
      enter(value, path, textKeys(value, path));
    } else if (hides(value, isModule)) {
      throw new Error(
        `${path}: a ${value.constructor.name} contains modules or variables, but only modules, arrays, plain records and maps are walked (keep it in a #private field to exclude it)`,
      );
    }
  };
  visit(root, "");
  return { modules, variables };
}

function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function* textKeys(map: ReadonlyMap<unknown, unknown>, path: string): Generator<[string, unknown]> {
  for (const [key, entry] of map) {
    if (typeof key === "string" || typeof key === "number") yield [String(key), entry];
    else if (entry instanceof Variable || typeof key === "object")
      throw new Error(`${path}: expected a map with string or number keys, which become paths`);
  }
}

/** Whether an object of a class that is not walked contains a module or variable, at any depth. */
function hides(object: object, isModule: (value: object) => value is Module): boolean {
  const seen = new Set<object>();
  const look = (value: unknown): boolean => {
    if (typeof value !== "object" || value === null || seen.has(value)) return false;
    if (value instanceof Variable || isModule(value)) return true;
    if (value instanceof Tensor || ArrayBuffer.isView(value)) return false;
    seen.add(value);
    const inside =
      value instanceof Set ? value : value instanceof Map ? value.values() : Object.values(value);
    for (const entry of inside) if (look(entry)) return true;
    return false;
  };
  return look(object);
}

/** Selects paths: a path and everything below it, those a regular expression matches, or those a function accepts. */
export type Pattern = string | RegExp | ((path: string, variable: Variable) => boolean);

export function matches(pattern: Pattern, path: string, variable: Variable): boolean {
  if (typeof pattern === "function") return pattern(path, variable);
  if (pattern instanceof RegExp) return path.search(pattern) >= 0;
  return path === pattern || path.startsWith(`${pattern}.`);
}
