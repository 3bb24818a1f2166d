/** How other libraries name the parameters of our networks. */
import type { Shape } from "@tessera-ml/tensor";

/** A source's key for one of our paths. */
export type KeyOf = (path: string) => string;

/** How a source names and stores our parameters. */
export interface Naming {
  readonly keyOf: KeyOf;
  /** The source's keys that are joined along the first axis into one of our parameters. Default: the key alone. */
  readonly partsOf?: (key: string) => readonly string[];
  /** The source's shape for a parameter. Default: ours. */
  readonly shapeOf?: (key: string, shape: Shape) => Shape;
}

/** The source uses our paths. */
export const same: KeyOf = (path) => path;

/** Rewrites a path by the first matching rule. */
export function rules(...list: readonly (readonly [RegExp, string])[]): KeyOf {
  return (path) => {
    const rule = list.find(([pattern]) => pattern.test(path));
    return rule ? path.replace(rule[0], rule[1]) : path;
  };
}

/** A source's shape for one of our parameters; the number of elements is the same. */
export function sourceShape(naming: Naming, key: string, shape: Shape): Shape {
  return naming.shapeOf?.(key, shape) ?? shape;
}

/** The source's keys that make up one of our parameters. */
export function keysOf({ keyOf, partsOf }: Naming, path: string): readonly string[] {
  const key = keyOf(path);
  return partsOf?.(key) ?? [key];
}
