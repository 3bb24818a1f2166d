/** Claims of the depth papers as experiments. Node only. */
import type { Study } from "@tessera-ml/kit/studies";
import { edgesStudy } from "./edges.ts";
import { studentStudy } from "./student.ts";

export const studies: readonly Study[] = [studentStudy, edgesStudy];
