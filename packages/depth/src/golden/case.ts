/** Reading the cases of the depth system: inputs by formula or from photographs, and checks of whole networks. */
import { type Case, publishedState, sharedFile } from "@tessera-ml/kit/golden";
import type { Naming } from "@tessera-ml/kit/networks";
import { Image, Planes, readImage } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import {
  type Checked,
  compare,
  compareAll,
  fillGolden,
  fnv1a32,
  number,
  numbers,
  readProbes,
  readRules,
  record,
  stateHash,
  uniformByName,
  uniformTensor,
} from "@tessera-ml/nn/golden";
import { compile, type Tensor } from "@tessera-ml/tensor";

/** A network to be checked. */
export interface CheckedNetwork {
  readonly model: Module;
  /** The names of the reference, by which its state is counted and hashed; default: our own. */
  readonly naming?: Naming;
  /** Everything that may be probed, by the probe's name. */
  readonly trace: (x: Tensor) => ReadonlyMap<string, Tensor>;
  /** Default: by the case's formula. */
  readonly input?: Tensor;
  /** What is done to `output` after the network. */
  readonly finish?: (output: Tensor) => Promise<Tensor>;
}

/** Compares names, shapes and counts of the state, then the probed tensors, on filled parameters. */
export async function checkNetwork({ name, golden }: Case, network: CheckedNetwork): Promise<Checked> {
  const { model, naming, trace, finish } = network;
  const problems: string[] = [];
  const expect = (what: string, got: number) => {
    const wanted = number(golden, what, name);
    if (got !== wanted) problems.push(`${what}: expected ${wanted}, got ${got}`);
  };
  const state = publishedState(model, naming);
  expect("parameters", model.eval().parameterCount());
  expect("stateKeys", state.length);
  expect("stateHash", stateHash(state));
  fillGolden(model, { rules: readRules(golden.rules, `${name}.rules`) });

  const probes = readProbes(golden.outputs, `${name}.outputs`);
  let names: string[] = [];
  const run = compile(
    (x: Tensor) => {
      const traced = trace(x);
      names = [...probes.keys()].filter((key) => traced.has(key));
      return names.map((key) => traced.get(key) as Tensor);
    },
    { freeze: true, name },
  );
  try {
    const results = run(network.input ?? formulaTensor(golden.input, `${name}.input`));
    const outputs = new Map(names.map((key, i) => [key, results[i] as Tensor]));
    const output = outputs.get("output");
    if (finish && output) outputs.set("output", await finish(output));
    const found = await compareAll(outputs, probes, number(golden, "tolerance", name));
    return {
      deviation: found.deviation,
      problems: [...problems, ...found.problems],
      note: `${state.length} keys, ${probes.size} probes`,
    };
  } finally {
    run.release();
  }
}

/** An entry `a + b u(name, i)`, by default u, in double precision. */
export function formulaValues(json: unknown, where: string): { shape: number[]; values: Float64Array } {
  const { name, shape: given, formula = "u" } = record(json, where);
  const shape = numbers(given, `${where}.shape`);
  const size = shape.reduce((a, b) => a * b, 1);
  const parts = /^(?:(-?[\d.]+) \+ )?([\d.]*) ?u$/.exec(String(formula));
  if (!parts) throw new TypeError(`${where}.formula: expected "a + b u", got ${JSON.stringify(formula)}`);
  const [offset, gain] = [Number(parts[1] ?? 0), Number(parts[2] || 1)];
  return { shape, values: Float64Array.from(uniformByName(String(name), size), (u) => offset + gain * u) };
}

function formulaTensor(json: unknown, where: string): Tensor {
  const { name, shape, formula } = record(json, where);
  if (formula !== undefined) throw new TypeError(`${where}: expected a name and a shape, got a formula`);
  return uniformTensor(String(name), numbers(shape, `${where}.shape`));
}

/** Formula values [H, W] as a map. */
export function formulaPlanes(json: unknown, where: string): Planes {
  const { shape, values } = formulaValues(json, where);
  const [height, width] = shape as [number, number];
  return new Planes(1, height, width, Float32Array.from(values));
}

/** The image of a case: a photograph, or a scene by formula. Its bytes must have the hash that the case states. */
export async function caseImage(json: unknown, where: string, path: string): Promise<Image> {
  const { photograph, scene, rgbHash } = record(json, where);
  const image =
    scene === undefined
      ? await readImage(await sharedFile(String(photograph), path), { orient: false })
      : drawScene(...(numbers(scene, `${where}.scene`) as [number, number]));
  if (rgbHash !== undefined && fnv1a32(image.data) !== rgbHash)
    throw new Error(`${where}: the pixels have the hash ${fnv1a32(image.data)}, expected ${rgbHash}`);
  return image;
}

/** Channel c at (x, y): 7x + 13y + 29c + 5 (xy mod 31), modulo 256. */
function drawScene(width: number, height: number): Image {
  const image = new Image(width, height, 3);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) image.data[i++] = 7 * x + 13 * y + 29 * c + 5 * ((x * y) % 31);
  return image;
}

/** Compares a map with a probe of [H, W] or [1, C, H, W]. */
export function comparePlanes(planes: Planes, json: unknown, where: string, tolerance: number): Checked {
  const probe = readProbes({ [where]: json }, "case").get(where)!;
  const shape = probe.shape.length === 2 ? planes.shape.slice(1) : [1, ...planes.shape];
  const { deviation, problems } = compare(planes.data, shape, probe, tolerance);
  return { deviation, problems: problems.map((problem) => `${where}: ${problem}`) };
}
