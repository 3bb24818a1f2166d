/**
 * Checks networks against goldens: `npm run golden -- FILE.json [NAME…]`. Prints the largest deviation of each
 * network, divided by the standard deviation; exits with 1 if one exceeds 1e-3 or a count differs.
 */
import { readFile } from "node:fs/promises";
import { compile, type Tensor } from "../packages/tensor/src/index.ts";
import { deviation, fillGolden, findModel, type Probe, uniformTensor } from "../packages/vision/src/index.ts";

interface Golden {
  readonly parameters: number;
  readonly stateKeys: number;
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  readonly logits: Probe;
}

const LIMIT = 1e-3;
const [file, ...names] = process.argv.slice(2);
if (!file) {
  console.error("usage: npm run golden -- FILE.json [NAME…]");
  process.exit(2);
}
let goldens: Record<string, Golden>;
try {
  goldens = JSON.parse(await readFile(file, "utf8")) as Record<string, Golden>;
} catch (error) {
  console.error(`golden: cannot read ${file}: ${(error as Error).message}`);
  process.exit(2);
}

let failed = 0;
for (const [name, golden] of Object.entries(goldens)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const started = performance.now();
  try {
    const problems: string[] = [];
    const { create, naming } = findModel(name);
    const model = create().eval();
    const [parameters, keys] = [model.parameterCount(), model.stateDict().size];
    if (parameters !== golden.parameters) problems.push(`expected ${golden.parameters} parameters`);
    if (keys !== golden.stateKeys) problems.push(`expected ${golden.stateKeys} keys`);
    fillGolden(model, naming.keyOf, naming.shapeOf);
    const run = compile((x: Tensor) => model.forward(x), { freeze: true, name });
    const logits = run(uniformTensor(golden.input.name, golden.input.shape));
    if (logits.shape.join() !== golden.logits.shape.join())
      problems.push(`logits: expected [${golden.logits.shape.join(", ")}], got [${logits.shape.join(", ")}]`);
    const worst = deviation((await logits.data()) as Float32Array, golden.logits);
    run.release();
    if (!(worst <= LIMIT)) problems.push(`over ${LIMIT}`);
    if (problems.length > 0) failed++;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${problems.length > 0 ? "FAIL" : "ok  "} ${name.padEnd(32)} ${worst.toExponential(1)} of std, ${parameters} parameters, ${keys} keys, ${seconds} s${problems.length > 0 ? `: ${problems.join("; ")}` : ""}`,
    );
  } catch (error) {
    failed++;
    console.log(`FAIL ${name.padEnd(32)} ${(error as Error).message}`);
  }
}
process.exit(failed > 0 ? 1 : 0);
