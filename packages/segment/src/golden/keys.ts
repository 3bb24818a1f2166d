/** The parameter names of transformers: their number, entries and hash. */
import { type Json, publishedState } from "@tessera-ml/kit/golden";
import type { Naming } from "@tessera-ml/kit/networks";
import type { Module } from "@tessera-ml/nn";
import { type Checked, fnv1a32, number, record } from "@tessera-ml/nn/golden";

/** @param twice keys of entries that transformers holds a second time, and that copy */
export function checkKeys(
  name: string,
  golden: Json,
  model: Module,
  naming: Naming,
  twice: Readonly<Record<string, string>> = {},
): Checked {
  const state = new Map(publishedState(model, naming));
  for (const [key, copy] of Object.entries(twice)) state.set(copy, state.get(key) ?? []);
  const keys = [...state.keys()].sort();
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const got: Readonly<Record<string, number>> = {
    keys: keys.length,
    numel: [...state.values()].reduce((sum, shape) => sum + size(shape), 0),
    keysHash: fnv1a32(keys.join("\n")),
  };
  const problems = Object.entries(got).flatMap(([what, value]) => {
    const wanted = number(golden, what, name);
    return value === wanted ? [] : [`${what}: expected ${wanted}, got ${value}`];
  });
  for (const [path, key] of Object.entries(record(golden.examples, `${name}.examples`)))
    if (naming.keyOf(path) !== key) problems.push(`${path}: expected ${key}, got ${naming.keyOf(path)}`);
  return { deviation: problems.length, problems, note: `${keys.length} keys` };
}
