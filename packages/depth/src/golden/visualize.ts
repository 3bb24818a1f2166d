import { type Case, type Check, together } from "@tessera-ml/kit/golden";
import { type Image, Planes } from "@tessera-ml/media";
import { type Checked, compare, fnv1a32, number, readProbe, record } from "@tessera-ml/nn/golden";
import { colorizeDepth, type DepthColors, depth16, depthColors, depthLevels } from "../visualize.ts";

export const check: Check = async (golden) =>
  golden.name.startsWith("post/colormaps") ? checkTables(golden) : checkPicture(golden);

const TABLES: Readonly<Record<string, DepthColors>> = {
  spectral_r: "depth_anything_v2",
  spectral: "depth_anything_v2_metric",
  inferno: "midas",
};

function checkTables({ golden }: Case): Checked {
  const problems = Object.entries(TABLES).flatMap(([name, colors]) => {
    const hex = Array.from(depthColors(colors), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex === golden[name] ? [] : [`${name}: the colours differ`];
  });
  return { deviation: problems.length, problems };
}

const FORMULA = "k = (37x + 101y) mod 256; depth = 3 + 0.25 (k + 0.4 if 0 < k < 255 else k)";

function checkPicture({ name, golden }: Case): Checked {
  const input = record(golden.input, `${name}.input`);
  if (input.formula !== FORMULA)
    throw new TypeError(`${name}.input.formula: expected ${JSON.stringify(FORMULA)}, got ${input.formula}`);
  const [width, height] = [number(input, "width", name), number(input, "height", name)];
  const map = new Planes(1, height, width);
  for (let i = 0; i < map.data.length; i++) {
    const k = (37 * (i % width) + 101 * Math.floor(i / width)) % 256;
    map.data[i] = 3 + 0.25 * (k > 0 && k < 255 ? k + 0.4 : k);
  }
  const levels = depthLevels(map).data;
  const bgr = reversed(colorizeDepth(map, "depth_anything_v2"));
  const hashes = { levelHash: fnv1a32(levels), bgrHash: fnv1a32(bgr) };
  const wrong = Object.entries(hashes).flatMap(([field, hash]) => {
    const wanted = number(golden, field, name);
    return hash === wanted ? [] : [`${field}: expected ${wanted}, got ${hash}`];
  });
  const probed = (field: string, values: ArrayLike<number>, shape: readonly number[]) =>
    compare(values, shape, readProbe(golden[field], `${name}.${field}`), 1e-8);
  return together([
    { deviation: 0, problems: wrong },
    probed("levels", levels, [height, width]),
    probed("bgr", bgr, [height, width, 3]),
    probed("sixteenBit", depth16(map), [height, width]),
  ]);
}

function reversed({ data }: Image): Uint8Array {
  return data.map((_, i) => data[i + 2 - 2 * (i % 3)]!);
}
