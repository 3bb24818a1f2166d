/** All studies. */

import type { Study } from "@tessera-ml/kit/studies";
import { batchNorm } from "./batch-norm.ts";
import { bottleneck } from "./bottleneck.ts";
import { dense } from "./dense.ts";
import { depth } from "./depth.ts";
import { depthwise } from "./depthwise.ts";
import { dropout } from "./dropout.ts";
import { inductiveBias } from "./inductive-bias.ts";
import { receptiveField } from "./receptive-field.ts";
import { reluTanh } from "./relu-tanh.ts";
import { squeezeExcitation } from "./squeeze-excitation.ts";
import { stacked } from "./stacked.ts";

/** In order of publication. */
export const studies: readonly Study[] = [
  reluTanh,
  dropout,
  stacked,
  bottleneck,
  batchNorm,
  depth,
  receptiveField,
  dense,
  depthwise,
  squeezeExcitation,
  inductiveBias,
];
