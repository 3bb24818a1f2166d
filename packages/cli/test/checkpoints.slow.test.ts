/** Checkpoint files as they occur in practice: wrapped, fine-tuned, in sections. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openCheckpoint, writeSafetensors } from "../../nn/src/index.ts";
import { dict, floats, tensor, torchZip } from "../../nn/test/files/support/bytes.ts";
import { createNetwork } from "../../vision/src/index.ts";
import { one, write } from "./pictures.ts";
import { scratch, tessera } from "./run.ts";

const folder = await scratch();
const run = (...words: string[]) => tessera(words, { cwd: folder });
const answer = async (...words: string[]) => {
  const { out, code } = await run("classify", "one.png", "--top", "1", ...words);
  expect(code).toBe(0);
  return JSON.parse(out).predictions[0] as { index: number; label: string; probability: number };
};

/** Writes a network whose head's bias makes `best` the answer to every picture. */
async function fineTuned(file: string, classes: number, best: number, change = (name: string) => name) {
  const state = [...createNetwork("digitnet", { classes }).stateDict()];
  const [bias] = state.findLast(([name]) => name.endsWith("bias")) ?? [];
  const tensors = state.map(([name, { shape, size, dtype }]) => ({
    name: change(name),
    dtype,
    shape,
    data: dtype === "float32" ? new Float32Array(size) : new BigInt64Array(size),
  }));
  for (const { name, data } of tensors) if (name === change(bias as string)) data[best] = 5 as never;
  await writeSafetensors(join(folder, file), tensors);
}

beforeAll(async () => {
  await write(join(folder, "one.png"), one());
  await fineTuned("seven.safetensors", 7, 4);
});

test("prefixes before the keys are recognised", async () => {
  const { path } = JSON.parse((await run("models", "lenet5.tessera", "--json")).out)[0];
  await using checkpoint = await openCheckpoint(path);
  const tensors = checkpoint.names().map((key) => {
    const stored = checkpoint.get(key);
    return {
      name: `module._orig_mod.${key}`,
      dtype: stored.hostDType() ?? "float32",
      shape: stored.shape,
      data: () => stored.read(),
    };
  });
  await writeSafetensors(join(folder, "wrapped.safetensors"), tensors);
  expect((await run("inspect", "wrapped.safetensors")).out).toMatch(/^fits +lenet5 \(own names\)/m);
  expect(await answer("-m", "wrapped.safetensors")).toEqual(await answer("-m", "lenet5"));
});

test("a custom head: classes come from the file, labels from their index or a file", async () => {
  expect((await run("inspect", "seven.safetensors")).out).toMatch(
    /^fits +digitnet \(own names, 7 classes\)$/m,
  );
  expect(await answer("-m", "seven.safetensors")).toMatchObject({ index: 4, label: "4" });
  expect(await answer("-m", "seven.safetensors", "-n", "digitnet", "--classes", "7")).toMatchObject({
    label: "4",
  });
  await writeFile(join(folder, "animals.txt"), "ant\nbee\ncat\ndog\neel\nfox\ngnu\n");
  await writeFile(
    join(folder, "animals.json"),
    JSON.stringify({ 0: "a", 1: "b", 2: "c", 3: "d", 4: "e", 5: "f", 6: "g" }),
  );
  expect(await answer("-m", "seven.safetensors", "--labels", "animals.txt")).toMatchObject({ label: "eel" });
  expect(await answer("-m", "seven.safetensors", "--labels", "animals.json")).toMatchObject({ label: "e" });
  const { code } = await run(
    "export",
    "seven.safetensors",
    "--onnx",
    "seven.onnx",
    "--labels",
    "animals.txt",
  );
  expect(code).toBe(0);
  expect((await readFile(join(folder, "seven.onnx"))).includes('["ant","bee","cat"')).toBe(true);
});

test.each([
  [["--classes", "5"], /expected \[5, \d+\], got \[7, \d+\]/, 1],
  [["--labels", "two.txt"], /seven\.safetensors: expected 7 labels, one per class, got 2/, 1],
  [["--labels", "gone.txt"], /gone\.txt: no such file or folder/, 1],
  [["--section", "ema"], /seven\.safetensors: no section ema: only PyTorch files have sections/, 1],
  [["--strip-prefix", "pupil."], /no key starts with the prefix pupil\./, 1],
])("an option that does not fit the file: %j", async (words, message, expected) => {
  await writeFile(join(folder, "two.txt"), "ant\nbee\n");
  const { err, out, code } = await run("classify", "one.png", "-m", "seven.safetensors", ...words);
  expect(err).toMatch(message);
  expect([out, code]).toEqual(["", expected]);
});

test("options for checkpoint files need a file", async () => {
  for (const words of [
    ["--classes", "3"],
    ["--strip-prefix", "a."],
  ]) {
    const { err, code } = await run("classify", "one.png", "-m", "lenet5", ...words);
    expect(err).toBe(`error: ${words[0]} needs a checkpoint file; there is no file lenet5\n`);
    expect(code).toBe(2);
  }
  expect((await run("inspect", "lenet5", "--section", "ema")).code).toBe(2);
});

test("sections and copies are listed, and can be selected", async () => {
  const weights = (value: number) => ({
    w: tensor({ key: String(value), count: 1, shape: [1], strides: [1] }),
  });
  const file = await torchZip(
    dict({
      model: dict(weights(0)),
      ema: dict({ ...weights(1), more: tensor({ count: 1, shape: [], strides: [] }) }),
    }),
    [floats(1), floats(2)],
  );
  await writeFile(join(folder, "run.pth"), file);
  const { out } = await run("inspect", "run.pth");
  expect(out).toMatch(/^format +torch, under model$/m);
  expect(out).toMatch(/^sections +also ema \(--section\)$/m);
  expect((await run("inspect", "run.pth", "--section", "ema")).out).toMatch(/^more /m);
  const { err, code } = await run("inspect", "run.pth", "--section", "other");
  expect(err).toContain("no tensors at other; there are tensors at model, ema");
  expect(code).toBe(1);
  await fineTuned("distilled.safetensors", 10, 3, (name) => `student.${name}`);
  expect((await run("inspect", "distilled.safetensors", "--strip-prefix", "student.")).out).toMatch(
    /^fits +digitnet/m,
  );
  expect(await answer("-m", "distilled.safetensors")).toMatchObject({ label: "3" });
});
