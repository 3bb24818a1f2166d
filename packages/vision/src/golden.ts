/** Checks networks with deterministic weights against logits from torchvision and timm. */
import type { Golden } from "@tessera-ml/kit/task";
import {
  type Checked,
  compare,
  fillGolden,
  number,
  numbers,
  readProbe,
  record,
  runCases,
  uniformTensor,
} from "@tessera-ml/nn/golden";
import { compile, type Tensor } from "@tessera-ml/tensor";
import { networks } from "./networks/index.ts";

const LIMIT = 1e-3;

/** Cases are named like `torchvision/resnet18`. */
export const golden: Golden = {
  prefix: "cnn",
  run: (file, report) => runCases(file, report, checkGolden),
};

/** Checks parameter count, keys and logits of one network; `tolerance` is in standard deviations of the logits. */
export async function checkGolden(name: string, golden: unknown, tolerance = LIMIT): Promise<Checked> {
  const expected = record(golden, name);
  const input = record(expected.input, `${name}.input`);
  const problems: string[] = [];
  const { create, naming } = networks.find(name);
  const model = create().eval();
  const [parameters, keys] = [model.parameterCount(), model.stateDict().size];
  const count = (what: string, got: number, wanted: number) => {
    if (got !== wanted) problems.push(`expected ${wanted} ${what}, got ${got}`);
  };
  count("parameters", parameters, number(expected, "parameters", name));
  count("keys", keys, number(expected, "stateKeys", name));
  fillGolden(model, naming);
  const run = compile((x: Tensor) => model.forward(x), { freeze: true, name });
  try {
    const logits = run(uniformTensor(String(input.name), numbers(input.shape, `${name}.input.shape`)));
    const probe = readProbe(expected.logits, `${name}.logits`);
    const found = compare(await logits.data(), logits.shape, probe, tolerance);
    return {
      deviation: found.deviation,
      problems: [...problems, ...found.problems.map((problem) => `logits: ${problem}`)],
      note: `${parameters} parameters, ${keys} keys`,
    };
  } finally {
    run.release();
  }
}
