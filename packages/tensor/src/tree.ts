/** Nested arrays and records of tensors, as arguments and results of functions. */
import { Tensor } from "./tensor.ts";

export interface Flattened {
  readonly leaves: readonly Tensor[];
  /** Describes everything that is not a tensor; equal keys mean equal structure and constants. */
  readonly key: string;
  /** Builds the same structure around other tensors. */
  readonly rebuild: (leaves: readonly Tensor[]) => unknown;
}

const identities = new WeakMap<object, number>();
let nextIdentity = 0;

function identity(object: object): number {
  let id = identities.get(object);
  if (id === undefined) {
    id = nextIdentity++;
    identities.set(object, id);
  }
  return id;
}

/** A key for a constant: equal keys mean equal values. */
function constantKey(value: unknown): string {
  if ((typeof value === "object" && value !== null) || typeof value === "function")
    return `#${identity(value)}`;
  return `${typeof value}=${Object.is(value, -0) ? "-0" : JSON.stringify(String(value))}`;
}

function isRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Flattens a tree into its tensors. Arrays, maps and plain records are traversed; numbers, strings, booleans
 * and other objects (by identity) are constants of the structure.
 */
export function flatten(tree: unknown): Flattened {
  const leaves: Tensor[] = [];
  const walk = (value: unknown): { key: string; build: (next: () => Tensor) => unknown } => {
    if (value instanceof Tensor) {
      leaves.push(value);
      return { key: "T", build: (next) => next() };
    }
    if (Array.isArray(value)) {
      const items = value.map(walk);
      return {
        key: `[${items.map((item) => item.key).join()}]`,
        build: (next) => items.map((item) => item.build(next)),
      };
    }
    if (value instanceof Map) {
      const items = [...value].map(([name, item]) => [name as unknown, walk(item)] as const);
      return {
        key: `M{${items.map(([name, item]) => `${constantKey(name)}:${item.key}`).join()}}`,
        build: (next) => new Map(items.map(([name, item]) => [name, item.build(next)])),
      };
    }
    if (typeof value === "object" && value !== null && isRecord(value)) {
      const items = Object.entries(value).map(([name, item]) => [name, walk(item)] as const);
      return {
        key: `{${items.map(([name, item]) => `${JSON.stringify(name)}:${item.key}`).join()}}`,
        build: (next) => Object.fromEntries(items.map(([name, item]) => [name, item.build(next)])),
      };
    }
    return { key: constantKey(value), build: () => value };
  };
  const { key, build } = walk(tree);
  return {
    leaves,
    key,
    rebuild: (replacements) => {
      let i = 0;
      return build(() => replacements[i++] as Tensor);
    },
  };
}
