/**
 * Operators against PyTorch: runs the cases of a fixture file (written by tools/fixtures/operators) through our
 * operators and compares outputs, first and second derivatives.
 */
import { describe, expect, test } from "vitest";
import { allocate, type DType, fromNumbers } from "../../src/dtype.ts";
import { configure, evaluate, grad, Tensor } from "../../src/index.ts";
import { type Entry, mismatch, numberOf, type StoredArray, type Tolerance } from "./compare.ts";
import { uniform } from "./uniform.ts";

interface Input {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly scale?: number;
  readonly offset?: number;
  readonly range?: readonly [low: number, high: number];
  readonly values?: readonly Entry[];
}

interface Case {
  readonly name: string;
  readonly op: string;
  readonly args: object;
  readonly inputs: readonly Input[];
  readonly outputs: readonly StoredArray[];
  /** The outputs to differentiate. */
  readonly objective?: readonly number[];
  readonly grads?: Readonly<Record<string, StoredArray>>;
  readonly grads2?: Readonly<Record<string, StoredArray>>;
}

// To test another device: `VITE_DEVICE=webgpu npx vitest run --project browser <file>`.
const { VITE_DEVICE: device } =
  (import.meta as { env?: { VITE_DEVICE?: "cpu" | "wasm" | "webgpu" } }).env ?? {};
if (device) configure({ device });

/** Calls an operator with the attributes of the case, then its inputs in order. */
export type Call<A> = (args: A, ...inputs: Tensor[]) => Tensor | readonly Tensor[];

const TOLERANCES: Readonly<Record<"float32" | "float16", Tolerance>> = {
  float32: { rtol: 1e-5, atol: 1e-6 },
  float16: { rtol: 2e-3, atol: 5e-4 },
};

/**
 * Registers one test per case of `test/fixtures/<family>.json`, and one that checks that every case has a call
 * and vice versa. `A` is the type of the attributes.
 *
 * @param tolerance for float32; looser for operators that sum many terms in float32
 */
export async function check<A extends object>(
  family: string,
  calls: Readonly<Record<string, Call<A>>>,
  tolerance: Partial<Tolerance> = {},
): Promise<void> {
  const cases = await load(family);
  describe(`${family} agrees with PyTorch`, () => {
    test("every case has a call, and every call a case", () => {
      expect(cases.length).toBeGreaterThan(0);
      expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual(Object.keys(calls).sort());
    });
    for (const entry of cases)
      test(entry.name, async () => {
        const call = calls[entry.op];
        if (!call) throw new Error(`no call for ${entry.op}`);
        const problems = await run(entry, call as Call<object>, tolerance);
        if (problems.length > 0) throw new Error(problems.join("\n"));
      });
  });
}

async function load(family: string): Promise<readonly Case[]> {
  const file = (await import(`../fixtures/${family}.json`, { with: { type: "json" } })) as unknown;
  return (file as { default: { cases: readonly Case[] } }).default.cases;
}

/** Runs a case; returns one line per output or gradient that differs. */
export async function run(entry: Case, call: Call<object>, tolerance: Partial<Tolerance>): Promise<string[]> {
  const inputs = entry.inputs.map((input) => build(input, `${entry.name}.${input.name}`));
  const compute = (...tensors: readonly Tensor[]) => {
    const result = call(entry.args, ...tensors);
    return result instanceof Tensor ? [result] : result;
  };
  const outputs = compute(...inputs);
  const compared: [label: string, actual: Tensor | undefined, expected: StoredArray][] = entry.outputs.map(
    (expected, k) => [`output ${k}`, outputs[k], expected],
  );

  const differentiated = Object.keys(entry.grads ?? {});
  const wrt = differentiated.map((name) => entry.inputs.findIndex((input) => input.name === name));
  const objective = (...tensors: readonly Tensor[]) => {
    const results = compute(...tensors);
    const terms = (entry.objective ?? []).map((k) => {
      const output = results[k] as Tensor;
      // Second-order cases square the outputs, so that the gradient of a linear operator is not constant.
      return weighted(entry.grads2 ? output.square() : output, `cotangent.${k}`);
    });
    return terms.reduce((a, b) => a.add(b));
  };
  if (wrt.length > 0) {
    const first = grad(objective, wrt)(...inputs);
    differentiated.forEach((name, i) =>
      compared.push([`gradient of ${name}`, first[i], entry.grads?.[name] as StoredArray]),
    );
  }
  if (entry.grads2) {
    const slope = (...tensors: readonly Tensor[]) =>
      grad(
        objective,
        wrt,
      )(...tensors)
        .map((g, i) => weighted(g, `cotangent2.${differentiated[i]}`))
        .reduce((a, b) => a.add(b));
    const second = grad(slope, wrt)(...inputs);
    differentiated.forEach((name, i) =>
      compared.push([`second gradient of ${name}`, second[i], entry.grads2?.[name] as StoredArray]),
    );
  }

  const problems: string[] = [];
  if (outputs.length !== entry.outputs.length)
    problems.push(`expected ${entry.outputs.length} outputs, got ${outputs.length}`);
  // One graph for everything, as compiling takes longer than computing.
  await evaluate(...compared.flatMap(([, actual]) => actual ?? []));
  for (const [label, actual, expected] of compared) {
    if (!actual) continue;
    const base = TOLERANCES[expected.dtype === "float16" ? "float16" : "float32"];
    const read = { shape: actual.shape, dtype: actual.dtype, data: await actual.data() };
    const problem = mismatch(read, expected, expected.dtype === "float16" ? base : { ...base, ...tolerance });
    if (problem) problems.push(`${label}: ${problem}`);
  }
  return problems;
}

/** Σ entry i · `uniform(seed)[i]`. */
function weighted(x: Tensor, seed: string): Tensor {
  const weights = fromNumbers("float32", uniform(seed, x.size));
  return x.mul(Tensor.fromArray(weights, x.shape)).sum();
}

function build({ shape, dtype, scale = 1, offset = 0, range, values }: Input, seed: string): Tensor {
  if (values && dtype === "int64") {
    const data = allocate("int64", values.length);
    values.forEach((value, i) => {
      data[i] = BigInt(value);
    });
    return Tensor.fromArray(data, shape);
  }
  const size = shape.reduce((product, extent) => product * extent, 1);
  const u = uniform(seed, size);
  const numbers =
    values?.map(numberOf) ??
    u.map((x) => {
      if (dtype === "bool") return x > 0 ? 1 : 0;
      if (range) return range[0] + Math.floor(((x + 1) / 2) * (range[1] - range[0]));
      return x * scale + offset;
    });
  return Tensor.fromArray(fromNumbers(dtype, numbers), shape, dtype);
}
