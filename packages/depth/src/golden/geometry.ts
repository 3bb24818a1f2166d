/** Cases `geometry/…`. */

import { type Check, close, together } from "@tessera-ml/kit/golden";
import { compare, number, readProbe, record } from "@tessera-ml/nn/golden";
import { planarDepth, pointCloud } from "../geometry.ts";
import { comparePlanes, formulaPlanes } from "./case.ts";

export const check: Check = async ({ name, golden }) => {
  const map = formulaPlanes(golden.input, `${name}.input`);
  const tolerance = number(golden, "tolerance", name);
  if (name.startsWith("geometry/hypersim")) {
    const depth = planarDepth(map);
    const factor = (i: number) => depth.data[i]! / map.data[i]!;
    const centre = (map.height / 2) * map.width + map.width / 2;
    return together([
      comparePlanes(depth, golden.output, "output", tolerance),
      close("corner", factor(0), number(golden, "corner", name), tolerance),
      close("centre", factor(centre), number(golden, "centre", name), tolerance),
    ]);
  }
  if (!name.startsWith("geometry/point-cloud")) throw new Error(`nothing here checks cases like ${name}`);
  const config = record(golden.config, `${name}.config`);
  const side = (field: string) => number(config, field, `${name}.config`);
  const points = pointCloud(map, { fx: side("fx"), fy: side("fy"), cx: side("cx"), cy: side("cy") });
  return compare(points, [points.length / 3, 3], readProbe(golden.points, `${name}.points`), tolerance);
};
