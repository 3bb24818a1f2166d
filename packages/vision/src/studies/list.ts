/** All studies by name. */
import { unknownName } from "@tessera-ml/hub";
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
import type { Study } from "./study.ts";

const studies: readonly Study[] = [
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

/** All studies, in the order of their papers. */
export function listStudies(): Study[] {
  return [...studies];
}

/** @throws HubError `unknown-name`, with the names most like it */
export function findStudy(name: string): Study {
  const found = studies.find((study) => study.name === name);
  if (found) return found;
  const names = studies.map((study) => study.name);
  throw unknownName("study", name, names, "tessera study");
}
