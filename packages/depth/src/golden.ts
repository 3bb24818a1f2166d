/** Checks of the depth system against its reference implementations. */
import { type Checked, type GoldenRunner, record, runCases } from "@tessera-ml/nn/golden";
import type { Check } from "./golden/case.ts";

/** The check of a case, by its name. */
const CHECKS: readonly (readonly [name: RegExp, load: () => Promise<{ readonly check: Check }>])[] = [
  [/^dinov2\//, () => import("./golden/dinov2.ts")],
  [/^da[12](-metric)?\//, () => import("./golden/depth-anything.ts")],
  [/^hf\/(?!(keys-)?dpt)/, () => import("./golden/transformers.ts")],
  [/^midas\/|^hf\/(keys-)?dpt/, () => import("./golden/midas.ts")],
  [/^eval\//, () => import("./golden/evaluate.ts")],
  [/^geometry\//, () => import("./golden/geometry.ts")],
  [/^loss\//, () => import("./golden/losses.ts")],
  [/^post\/(colormaps|visual)/, () => import("./golden/visualize.ts")],
  [/^train\//, () => import("./golden/train.ts")],
  [/^(pre|post)\//, () => import("./golden/preprocess.ts")],
];

export const golden: { readonly prefix: string; readonly run: GoldenRunner } = {
  prefix: "depth",
  run: (file, report) => runCases(file, report, (name, given) => checkGolden(name, given, file.path)),
};

/** Checks one case of the file at `path`, beside which its photographs are found. */
export async function checkGolden(name: string, golden: unknown, path: string): Promise<Checked> {
  const found = CHECKS.find(([pattern]) => pattern.test(name));
  if (!found) throw new Error(`nothing here checks cases like ${name}`);
  const { check } = await found[1]();
  return await check({ name, golden: record(golden, name), path });
}
