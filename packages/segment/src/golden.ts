/** Checks of the segmentation system against its reference implementations. */
import { type Checks, checkCase, goldenOf } from "@tessera-ml/kit/golden";
import type { Golden } from "@tessera-ml/kit/task";
import { type Checked, record } from "@tessera-ml/nn/golden";

// One line per family of cases.
const CHECKS: Checks = [
  [/^(sam1-[^/]+|mobilesam)\//, () => import("./golden/sam1.ts")],
  [/^amg\//, () => import("./golden/everything.ts")],
  [/^evaluate\//, () => import("./golden/evaluate.ts")],
  [/^sam2[^/]*\/encoder-/, () => import("./golden/sam2-encoder.ts")],
  [/^sam2[^/]*\/predictor-/, () => import("./golden/sam2-predictor.ts")],
  [/^sam2[^/]*\/video-/, () => import("./golden/video.ts")],
  [/^video\//, () => import("./golden/video-pieces.ts")],
  [/^memory\//, () => import("./golden/memory.ts")],
  [/^training\/step-/, () => import("./golden/training-step.ts")],
  [/^training\//, () => import("./golden/training.ts")],
  [/^hf\/sam2/, () => import("./golden/sam2-transformers.ts")],
  [/^hf\/sam1-/, () => import("./golden/sam1-transformers.ts")],
];

export const golden: Golden = goldenOf("segmentation", CHECKS);

/** Checks one case of the file at `path`, beside which its photographs are found. */
export async function checkGolden(name: string, golden: unknown, path: string): Promise<Checked> {
  return await checkCase(CHECKS, { name, golden: record(golden, name), path });
}
