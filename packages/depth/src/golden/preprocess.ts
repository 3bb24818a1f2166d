import { type Case, type Check, type Json, together } from "@tessera-ml/kit/golden";
import type { Planes, Size } from "@tessera-ml/media";
import { type Checked, number, numbers, readProbe, record } from "@tessera-ml/nn/golden";
import {
  type DepthPreset,
  depthPresets,
  inputSize,
  preprocessDepth,
  resizeTarget,
  restoreDepth,
} from "../preprocess.ts";
import { caseImage, comparePlanes, formulaPlanes } from "./case.ts";

export const check: Check = async (golden) => {
  const { rows, pixels, config } = golden.golden;
  if (golden.name.startsWith("post/")) return checkRestored(golden);
  if (rows !== undefined) return checkSizes(golden);
  if (pixels === undefined) return checkTarget(golden);
  if (config !== undefined)
    return await checkPixels(golden, midasPreset(record(config, `${golden.name}.config`)));
  if (golden.name.startsWith("pre/hf")) return await checkTransformers(golden);
  const { inputSize: size } = golden.golden;
  return await checkPixels(golden, {
    ...depthPresets.depth_anything_v2,
    ...(typeof size === "number" ? { size } : {}),
  });
};

const { depth_anything_v2: v2, transformers, midas_dpt_384, midas_v21 } = depthPresets;
const RULES: Readonly<Record<string, DepthPreset>> = {
  v2,
  lower266: { ...v2, size: 266 },
  hf: transformers,
  minimal384: midas_dpt_384,
  upper384: midas_v21,
};

function checkSizes({ name, golden }: Case): Checked {
  const problems: string[] = [];
  const rows = golden.rows as readonly unknown[];
  for (const [i, json] of rows.entries()) {
    const row = record(json, `${name}.rows[${i}]`);
    const [width, height] = numbers(row.in, `${name}.rows[${i}].in`) as [number, number];
    for (const [rule, wanted] of Object.entries(row)) {
      if (rule === "in") continue;
      const preset = RULES[rule];
      const got = preset && inputSize({ width, height }, preset);
      if (String(wanted) !== String([got?.width, got?.height]))
        problems.push(
          `${rule} of ${width} x ${height}: expected ${wanted}, got ${got?.width},${got?.height}`,
        );
    }
  }
  return { deviation: problems.length, problems, note: `${rows.length} sizes` };
}

function midasPreset(config: Json): DepthPreset {
  const fit = { minimal: "least", upper_bound: "upper", lower_bound: "lower" } as const;
  return {
    ...midas_dpt_384,
    size: number(config, "size", "config"),
    fit: config.keepAspect === false ? "stretch" : fit[config.method as keyof typeof fit],
    mean: numbers(config.mean, "config.mean"),
    std: numbers(config.std, "config.std"),
  };
}

async function checkPixels({ name, golden, path }: Case, preset: DepthPreset): Promise<Checked> {
  const pixels = preprocessDepth(await caseImage(golden.input, `${name}.input`, path), preset);
  const { first } = golden;
  const probed = comparePlanes(pixels, golden.pixels, "pixels", number(golden, "tolerance", name));
  return first === undefined ? probed : together([probed, checkFirst(pixels, first as number[][])]);
}

/** The first values of each channel. */
function checkFirst(pixels: Planes, first: readonly (readonly number[])[]): Checked {
  const area = pixels.width * pixels.height;
  const off = first.flatMap((row, c) => row.map((value, x) => Math.abs(pixels.data[c * area + x]! - value)));
  const deviation = Math.max(...off);
  return { deviation, problems: deviation <= 5e-4 ? [] : [`first: off by ${deviation}`] };
}

/** Equal to the backend that uses PIL, and within two levels of the other, which rounds otherwise in rare pixels. */
async function checkTransformers({ name, golden, path }: Case): Promise<Checked> {
  const pixels = preprocessDepth(await caseImage(golden.input, `${name}.input`, path), transformers);
  const pil = record(golden.pilBackend, `${name}.pilBackend`);
  const probe = readProbe(golden.pixels, `${name}.pixels`);
  const others = probe.values.filter((value, i) => Math.abs(pixels.data[i * probe.step]! - value) > 1e-5);
  const share = others.length / probe.values.length;
  return together([
    comparePlanes(pixels, pil.pixels, "pilBackend", 1e-5),
    comparePlanes(pixels, golden.pixels, "pixels", number(golden, "tolerance", name)),
    { deviation: 0, problems: share <= 0.02 ? [] : [`pixels: ${100 * share} % differ, expected about 1`] },
  ]);
}

function checkTarget({ name, golden }: Case): Checked {
  const map = formulaPlanes(golden.input, `${name}.input`);
  const [height, width] = readProbe(golden.output, `${name}.output`).shape as [number, number];
  return comparePlanes(resizeTarget(map, { width, height }), golden.output, "output", 1e-7);
}

function checkRestored({ name, golden }: Case): Checked {
  const map = formulaPlanes(golden.input, `${name}.input`);
  const [height, width] = numbers(golden.size, `${name}.size`) as [number, number];
  const size: Size = { width, height };
  const restored = (preset: DepthPreset, field: string, tolerance: number) =>
    comparePlanes(restoreDepth(map, size, preset), golden[field], field, tolerance);
  return together([
    restored(v2, "v2", 1e-5),
    restored(depthPresets.depth_anything, "v1", 1e-5),
    restored(transformers, "hfAndMidas", 1e-4),
  ]);
}
