/** Checks of the depth system against its reference implementations. */
import { type Checks, checkCase, goldenOf } from "@tessera-ml/kit/golden";
import type { Golden } from "@tessera-ml/kit/task";
import { type Checked, record } from "@tessera-ml/nn/golden";

const CHECKS: Checks = [
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

export const golden: Golden = goldenOf("depth", CHECKS);

/** Checks one case of the file at `path`, beside which its photographs are found. */
export async function checkGolden(name: string, golden: unknown, path: string): Promise<Checked> {
  return await checkCase(CHECKS, { name, golden: record(golden, name), path });
}
