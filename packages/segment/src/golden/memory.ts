/** Cases `memory/…`: positions, the memory encoder, memory attention, and what a frame attends to. */
import { type Case, type Check, type Json, together } from "@tessera-ml/kit/golden";
import { type Checked, number, numbers, record } from "@tessera-ml/nn/golden";
import { moduleOutputs } from "@tessera-ml/nn/inspect";
import { compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import { memoryBank, selectConditioning } from "../models/sam2/memory-bank.ts";
import { gridRotations, rotate, sinePositions, sineTimes } from "../models/sam2/positions.ts";
import type { Sam2 } from "../models/sam2/sam2.ts";
import { fromBfloat16, toBfloat16 } from "../predict/bfloat16.ts";
import { caseTensor, checkNumbers, checkProbe, checkTensor } from "./case.ts";
import { filledSam2 } from "./sam2-models.ts";

export const check: Check = async (golden) => {
  const family = golden.name.replace(/^memory\//, "").replace(/-(\d+|capped)$/, "");
  const run = FAMILIES[family];
  if (!run)
    throw new Error(`${golden.name}: expected memory/ and one of ${Object.keys(FAMILIES).join(", ")}`);
  const checks = await run(golden);
  return { ...together(checks), note: `${checks.length} checks` };
};

const FAMILIES: Readonly<Record<string, (golden: Case) => Promise<Checked[]>>> = {
  encodings,
  encoder,
  "new-memory": newMemory,
  attention,
  banks,
  selection,
};

/** `memory/encoder-256`: the side of the network's input. */
function modelOf({ name, golden }: Case, side = Number(/\d+$/.exec(name)?.[0] ?? 256)): Sam2 {
  return filledSam2({ size: "tiny", version: "2.1", imageSize: side }, golden.rules ?? [], name);
}

/** Each input by its name, as the file describes it. */
function inputOf(inputs: Json, name: string): Tensor {
  return caseTensor({ name, ...record(inputs[name], name) }, name);
}

/** [cells, B, C] → [B, C, rows, columns] */
function toMap(tokens: Tensor): Tensor {
  const [cells, batch, channels] = tokens.shape as [number, number, number];
  const side = Math.sqrt(cells);
  return tokens.permute([1, 2, 0]).reshape([batch, channels, side, side]);
}

async function encodings({ golden }: Case): Promise<Checked[]> {
  const checks: Checked[] = [];
  for (const [key, json] of Object.entries(golden)) {
    const sizes = (/[\dx]+$/.exec(key)?.[0] ?? "").split("x").map(Number) as [number, number, number];
    if (key.startsWith("sine2d-")) checks.push(await checkTensor(key, sinePositions(...sizes), json));
    else if (key.startsWith("sine1d-")) checks.push(...(await checkTimes(key, sizes[0], json)));
    else if (key.startsWith("rope-applied-"))
      checks.push(...(await checkRotated(key, sizes, record(json, key))));
    else if (key.startsWith("rope-")) {
      const rotations = gridRotations(256, sizes[0], sizes[1]);
      for (const part of ["cos", "sin"] as const)
        checks.push(await checkTensor(`${key}.${part}`, rotations[part], record(json, key)[part]));
    }
  }
  return checks;
}

async function checkTimes(key: string, dim: number, json: unknown): Promise<Checked[]> {
  const given = record(json, key);
  const divisor = number(given, "divisor", key);
  const times = numbers(given.deltas, `${key}.deltas`).map((delta) => delta / divisor);
  return [await checkTensor(key, sineTimes(fromArray(Float32Array.from(times), [times.length]), dim), given)];
}

async function checkRotated(key: string, [rows, columns]: readonly number[], json: Json): Promise<Checked[]> {
  const inputs = record(json.inputs, key);
  const rotations = gridRotations(256, rows as number, columns as number);
  const checks: Checked[] = [];
  for (const name of ["q", "k"]) {
    const x = caseTensor({ name, shape: inputs[name] }, key);
    checks.push(await checkTensor(`${key}.${name}`, rotate(x, rotations), json[name]));
  }
  return checks;
}

async function encoder(given: Case): Promise<Checked[]> {
  const model = modelOf(given);
  const inputs = record(given.golden.inputs, given.name);
  const [map, mask] = [inputOf(inputs, "pix_feat"), inputOf(inputs, "mask")];
  const outputs = new Map<string, Tensor>();
  const [, , rows, columns] = map.shape as [number, number, number, number];
  for (const [path, output] of moduleOutputs(model.memory_encoder, () => {
    outputs.set("features", model.memory_encoder.forward(map, mask));
  })) {
    const name = path
      .replace(/^mask_downsampler\.encoder\./, "down")
      .replace(/^fuser\.layers\.(\d)$/, "fuser$1")
      .replace(/^pix_feat_proj$/, "pixProj");
    outputs.set(name, output);
  }
  outputs.set("position", sinePositions(model.memory, rows, columns));
  return await checkAll(outputs, given);
}

async function checkAll(outputs: ReadonlyMap<string, Tensor>, { name, golden }: Case): Promise<Checked[]> {
  const checks: Checked[] = [];
  for (const [key, probe] of Object.entries(record(golden.outputs, name))) {
    const output = outputs.get(key);
    if (!output) throw new Error(`${name}.outputs.${key}: no such output`);
    checks.push(await checkTensor(key, output, probe));
  }
  return checks;
}

async function newMemory(given: Case): Promise<Checked[]> {
  const { name, golden } = given;
  const inputs = record(golden.inputs, name);
  const map = toMap(inputOf(inputs, "pix_feat"));
  const logits = inputOf(inputs, "logits");
  const model = modelOf(given, 16 * (map.shape[2] as number));
  const score = (value: number) => fromArray(Float32Array.of(value), [1, 1]);
  const memories = {
    tracked: model.remember(map, logits, score(1), false),
    prompted: model.remember(map, logits, score(1), true),
    absent: model.remember(map, logits, score(-1), false),
  };
  const outputs = record(golden.outputs, name);
  const checks: Checked[] = [];
  for (const [key, memory] of Object.entries(memories)) {
    checks.push(await checkTensor(key, memory, outputs[key]));
    const rounded = fromBfloat16(toBfloat16((await memory.data()) as Float32Array));
    // An entry on the edge between two steps of bfloat16 may fall on either side.
    checks.push(checkProbe(`${key}Bfloat16`, rounded, memory.shape, outputs[`${key}Bfloat16`], 2 ** -6));
  }
  return checks;
}

async function attention(given: Case): Promise<Checked[]> {
  const { name, golden } = given;
  const inputs = record(golden.inputs, name);
  const map = toMap(inputOf(inputs, "curr"));
  const model = modelOf(given, 16 * (map.shape[2] as number));
  const [, dim, rows, columns] = map.shape as [number, number, number, number];
  const tokens = {
    values: inputOf(inputs, "memory").transpose(0, 1),
    positions: inputOf(inputs, "memory_pos").transpose(0, 1),
    pointers: number(inputs, "pointerTokens", name),
  };
  const keys = Object.keys(record(golden.outputs, name));
  const run = compile(
    () => {
      const outputs = new Map<string, Tensor>();
      for (const [path, output] of moduleOutputs(model.memory_attention, () => {
        const result = model.memory_attention.forward(map, sinePositions(dim, rows, columns), tokens);
        outputs.set("output", result.flatten(2).permute([2, 0, 1]));
      }))
        outputs.set(path.replace(/^layers\./, "layer"), output);
      return keys.map((key) => outputs.get(key) as Tensor);
    },
    { freeze: true, name },
  );
  try {
    const outputs = run();
    return await checkAll(new Map(keys.map((key, i) => [key, outputs[i] as Tensor])), given);
  } finally {
    run.release();
  }
}

async function banks({ name, golden }: Case): Promise<Checked[]> {
  const model = modelOf({ name, golden, path: "" }, 256);
  const limit = name.endsWith("-capped") ? 2 : undefined;
  const checks: Checked[] = [];
  for (const [i, json] of (golden.cases as unknown[]).entries()) {
    const where = `cases[${i}]`;
    const given = record(json, where);
    const others = new Set(numbers(given.others, `${where}.others`));
    const { memories, pointers } = memoryBank({
      frame: number(given, "frame", where),
      conditioning: numbers(given.conditioning, `${where}.conditioning`),
      tracked: (t) => others.has(t),
      frames: number(given, "frames", where),
      reverse: given.reverse === true,
      training: given.training === true,
      limit,
    });
    const frames = (list: readonly { frame: number }[]) => list.map(({ frame }) => frame);
    const times = pointers.map(({ time }) => time);
    checks.push(
      checkNumbers(`${where}.memories`, frames(memories), given.memories, 0),
      checkNumbers(
        `${where}.temporalIndex`,
        memories.map(({ code }) => code),
        given.temporalIndex,
        0,
      ),
      checkNumbers(`${where}.pointers`, frames(pointers), given.pointers, 0),
      checkNumbers(`${where}.pointerPosition`, times, given.pointerPosition, 1e-6),
    );
    const codes = model.pointerTimes(fromArray(Float32Array.from(times), [1, times.length]));
    const tokens = codes.repeatInterleave(model.dim / model.memory, 1).transpose(0, 1);
    checks.push(await checkTensor(`${where}.pointerCode`, tokens, given.pointerCode));
  }
  return checks;
}

async function selection({ golden }: Case): Promise<Checked[]> {
  return (golden.cases as unknown[]).map((json, i) => {
    const given = record(json, `cases[${i}]`);
    const limit = number(given, "limit", `cases[${i}]`);
    const got = selectConditioning(
      number(given, "frame", `cases[${i}]`),
      numbers(given.conditioning, `cases[${i}].conditioning`),
      limit < 0 ? undefined : limit,
    );
    return checkNumbers(`cases[${i}].selected`, got, given.selected, 0);
  });
}
