/** Reference results from PyTorch (tools/fixtures/nn), and the inputs that produced them. */
import { fromArray, type Shape, type Tensor, type Variable } from "@tessera-ml/tensor";
import { mismatch, type StoredArray, type Tolerance } from "../../../tensor/test/support/compare.ts";
import { uniform } from "../../../tensor/test/support/uniform.ts";
import type { Module } from "../../src/index.ts";

export type { StoredArray };

export async function load<C>(family: "modules" | "optimizers" | "schedules"): Promise<readonly C[]> {
  const file = (await import(`../fixtures/${family}.json`, { with: { type: "json" } })) as unknown;
  return (file as { default: { cases: readonly C[] } }).default.cases;
}

export function values(name: string, shape: Shape, scale = 1, offset = 0): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return fromArray(
    Float32Array.from(uniform(name, size), (u) => u * scale + offset),
    shape,
  );
}

/** Must match `parameter` in tools/fixtures/nn/fill.py. */
export function parameterValues(name: string, shape: Shape): Tensor {
  const perOutput = shape.slice(1).reduce((a, b) => a * b, 1);
  const leaf = name.slice(name.lastIndexOf(".") + 1);
  if (shape.length >= 2) return values(name, shape, Math.sqrt((shape.length >= 3 ? 6 : 3) / perOutput));
  if (leaf === "running_var") return values(name, shape, 0.5, 1);
  if (leaf === "weight") return values(name, shape, 0.1, 1);
  return values(name, shape, 0.1);
}

export function fill(module: Module): void {
  for (const [name, variable] of module.stateDict())
    if (!name.endsWith("num_batches_tracked")) variable.assign(parameterValues(name, variable.shape));
}

/** Throws if a tensor differs from the stored one. */
export async function expectStored(
  label: string,
  actual: Tensor | Variable | undefined,
  expected: StoredArray,
  tolerance: Tolerance = { rtol: 2e-5, atol: 2e-6 },
): Promise<void> {
  if (!actual) throw new Error(`${label}: missing`);
  const read = { shape: actual.shape, dtype: actual.dtype, data: await actual.data() };
  const problem = mismatch(read, expected, tolerance);
  if (problem) throw new Error(`${label}: ${problem}`);
}
