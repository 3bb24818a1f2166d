/** `models`, `inspect`, `export`, `eval`, `train`, `study` and `serve`. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { sharedFile } from "../../hub/src/environment.ts";
import { one, write } from "./pictures.ts";
import { type Ended, scratch, tessera } from "./run.ts";

const folder = await scratch();
const options = { cwd: folder };
const json = async (...words: string[]) => {
  const { out, err, code } = await tessera([...words, "--json"], options);
  expect({ err, code }, words.join(" ")).toEqual({ err: "", code: 0 });
  return JSON.parse(out);
};

test("models: all networks, one family, one in detail", async () => {
  const all = await json("models");
  const names = all.map(({ name }: { name: string }) => name);
  expect(names).toEqual(
    expect.arrayContaining(["lenet5.tessera", "resnet50.tv_in1k_v2", "alexnet_two_tower"]),
  );
  expect(all[0]).toMatchObject({ name: "lecun1989.tessera", year: 1989, params: 9760, place: "shipped" });
  const family = await tessera(["models", "--family", "densenet"], options);
  expect(family.out.trim().split("\n")[0]).toMatch(/^NAME +FAMILY +YEAR +PARAMS +TOP-1 +ON +LICENCE +WHERE$/);
  for (const line of family.out.trim().split("\n").slice(1)) expect(line).toContain("DenseNet  ");
  const one = await tessera(["models", "resnet18"], options);
  expect(one.out).toContain("resnet18.tv_in1k_v1");
  expect(one.out).toContain("measured       top-1 69.76 %, top-5 89.08 %, on imagenet-1k");
});

test("inspect: a network's layers add up to its parameters; a file's network is detected from its keys", async () => {
  const { layers, params } = await json("inspect", "vgg11");
  const sum = (key: string) =>
    layers.reduce((total: number, layer: Record<string, number>) => total + layer[key]!, 0);
  expect([params, sum("params")]).toEqual([132_863_336, 132_863_336]);
  expect(sum("macs")).toBe(7_609_090_048);
  const { out } = await tessera(["inspect", "lenet5", "--keys", "c3"], options);
  expect(out).toMatch(/^c3 +PartialConv +\[1, 16, 10, 10\] +1,516 +240 k +14$/m);

  const { path } = (await json("models", "lenet5.tessera"))[0];
  const inside = await json("inspect", path);
  expect(inside).toMatchObject({ format: "safetensors", metadata: { network: "lenet5" } });
  expect(inside.networks[0]).toMatchObject({ network: "lenet5", exact: true, missing: 0, unexpected: 0 });
  expect(inside.tensors).toContainEqual(expect.objectContaining({ name: "c1.weight", shape: [6, 1, 5, 5] }));
});

test("inspect: reports missing files and files that are not checkpoints", async () => {
  await writeFile(join(folder, "notes.pth"), "not a checkpoint");
  const missing = await tessera(["inspect", "gone.safetensors"], options);
  expect(missing).toEqual({ out: "", err: "error: gone.safetensors: no such file or folder\n", code: 1 });
  const wrong = await tessera(["inspect", "notes.pth"], options);
  expect(wrong.err).toContain("notes.pth: unknown format; expected safetensors, PyTorch, .npz or .npy");
  expect(wrong.code).toBe(1);
});

test("export: ONNX Runtime runs the file, whose metadata describe the preprocessing", async () => {
  const { out, code } = await tessera(
    ["export", "lenet5", "--onnx", "made/digits.onnx", "--batch", "2"],
    options,
  );
  expect(out).toMatch(/^made\/digits\.onnx: .* KiB, image \[2, 1, 32, 32\] → scores \[2, 10\]\n$/);
  expect(code).toBe(0);
  const file = await readFile(join(folder, "made", "digits.onnx"));
  for (const text of ["lenet5.tessera", "preprocessing", '"interpolation":', '["0","1","2"'])
    expect(file.includes(text), text).toBe(true);
  const session = await InferenceSession.create(file);
  const image = new Tensor("float32", new Float32Array(2 * 32 * 32), [2, 1, 32, 32]);
  const { scores, probabilities } = await session.run({ image });
  expect([scores?.dims, probabilities?.dims]).toEqual([
    [2, 10],
    [2, 10],
  ]);
  const row = [...((probabilities as Tensor).data as Float32Array)].slice(0, 10);
  expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 4);

  const any = await tessera(["export", "lenet5", "--onnx", "made/any.onnx"], options);
  expect(any.out).toMatch(/image \[batch, 1, 32, 32\] → scores \[batch, 10\]\n$/);
  const free = await InferenceSession.create(join(folder, "made", "any.onnx"));
  for (const count of [1, 3]) {
    const images = new Tensor("float32", new Float32Array(count * 32 * 32), [count, 1, 32, 32]);
    const results = await free.run({ image: images });
    const first = [...((results.probabilities as Tensor).data as Float32Array)].slice(0, 10);
    expect(results.scores?.dims).toEqual([count, 10]);
    first.forEach((value, i) => expect(value).toBeCloseTo(row[i] as number, 5));
  }
});

test.skipIf(!sharedFile("image/mnist"))("eval (skipped where the shared data is absent)", async () => {
  const evaluation = await json("eval", "lenet5", "--limit", "500");
  expect(evaluation).toMatchObject({ model: "lenet5.tessera", data: "mnist", split: "test", count: 500 });
  expect(evaluation.top1).toBeGreaterThan(97);
  expect(evaluation.top5).toBeGreaterThanOrEqual(evaluation.top1);
  const wrong = evaluation.confusions.reduce((sum: number, { count }: { count: number }) => sum + count, 0);
  expect(wrong / 500).toBeCloseTo(evaluation.error / 100, 6);
  const other = await tessera(["eval", "lenet5", "--data", "cifar10-jpeg"], options);
  expect(other.err).toContain(
    "lenet5.tessera classifies digits, which cifar10-jpeg does not show: use mnist or usps",
  );
  expect(other.code).toBe(2);
});

test("the network of a file without a record: detected from its keys, or given by --network", async () => {
  const { path } = (await json("models", "lenet5.tessera"))[0];
  await mkdir(join(folder, "mine"));
  await copyFile(path, join(folder, "mine", "weights.safetensors"));
  // A record of another file, as in the folder of a run.
  await copyFile(join(dirname(path), "record.json"), join(folder, "mine", "record.json"));
  await write(join(folder, "one.png"), one());
  const guessed = await tessera(["classify", "one.png", "-m", "mine/weights.safetensors"], options);
  expect(guessed.err).toBe("mine/weights.safetensors: detected lenet5 from its keys\n");
  expect(JSON.parse(guessed.out)).toMatchObject({
    model: "weights.safetensors",
    predictions: [{ label: "1" }, {}, {}, {}, {}],
  });
  const wrong = await tessera(
    ["classify", "one.png", "-m", "mine/weights.safetensors", "-n", "vgg11"],
    options,
  );
  expect(wrong.err).toContain("cannot load mine/weights.safetensors: 22 missing");
  expect(wrong.code).toBe(1);
  const bare = await tessera(["classify", "one.png", "-m", "alexnet_two_tower"], options);
  expect(bare.err).toContain("to open a file, add --network alexnet_two_tower");
  expect(bare.code).toBe(2);
});

test.skipIf(!sharedFile("image/mnist"))(
  "eval: a file without a record is preprocessed like its network's own checkpoint",
  async () => {
    const { path } = (await json("models", "lenet5.tessera"))[0];
    await copyFile(path, join(folder, "bare.safetensors"));
    const { out } = await tessera(["eval", "bare.safetensors", "--limit", "200", "--json"], options);
    expect(JSON.parse(out).top1).toBeGreaterThan(95);
  },
);

test("eval without its data says how to get it", async () => {
  const nowhere = { TESSERA_SHARED: folder, TESSERA_CACHE: folder };
  const { err, code } = await tessera(["eval", "lenet5"], {
    ...options,
    env: { ...nowhere, TESSERA_OFFLINE: "" },
  });
  expect(err).toContain("mnist is not on this machine. `tessera data get mnist` downloads it (11.1 MiB).");
  expect(code).toBe(1);
});

test.skipIf(!sharedFile("image/usps"))(
  "train: Ctrl-C stops with a checkpoint, and the same command resumes (skipped where the shared data is absent)",
  async () => {
    // Far more epochs than it completes before it is stopped.
    const command = ["train", "lecun1989", "--epochs", "1000", "--samples", "200", "--out", "run"];
    const stopAtEpoch = {
      ...options,
      onOutput: (text: string, child: ChildProcess) => {
        // Once only: a second Ctrl-C kills the process.
        if (/^epoch \d+: /m.test(text) && !child.killed) child.kill("SIGINT");
      },
    };
    const epochs = ({ err }: Ended) =>
      [...err.matchAll(/^epoch (\d+): /gm)].map(([, epoch]) => Number(epoch));
    const stopped = await tessera(command, stopAtEpoch);
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("Stopped with a checkpoint: the same command resumes from it.");
    const done = epochs(stopped);
    expect(done[0]).toBe(1);
    const resumed = await tessera(command, stopAtEpoch);
    expect(resumed.code).toBe(130);
    expect(epochs(resumed)[0]).toBeGreaterThan(done.length);
  },
);

test.skipIf(!sharedFile("image/usps"))(
  "train: a full run (skipped where the shared data is absent)",
  async () => {
    const few = ["--epochs", "1", "--samples", "200"];
    const { out, code } = await tessera(["train", "lecun1989", ...few, "--out", "whole", "--json"], options);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ recipe: "lecun1989", epochs: 1, samples: 200 });
    expect(existsSync(join(folder, "whole", "model.safetensors"))).toBe(true);
  },
);

test("study: writes the report and the numbers", async () => {
  const list = await json("study");
  expect(list.map(({ name }: { name: string }) => name)).toContain("relu-tanh");
  const { out, code } = await tessera(
    ["study", "receptive-field", "--scale", "0.02", "--out", "reports", "--json"],
    options,
  );
  expect(code).toBe(0);
  expect(out).toContain(join("reports", "receptive-field.html"));
  expect(await readFile(join(folder, "reports", "receptive-field.html"), "utf8")).toMatch(
    /^<!doctype html>/i,
  );
  const result = JSON.parse(await readFile(join(folder, "reports", "receptive-field.json"), "utf8"));
  expect(result.findings.length).toBeGreaterThan(0);
});

// The first to serve builds the page.
const PATIENT = { timeout: 600_000 };

test("serve: reports a port that is in use", PATIENT, async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const ours = await tessera(["serve", "--port", String(port)], options);
  expect(ours.err).toContain(`port ${port} of 127.0.0.1 is in use: --port 0 picks a free one`);
  expect(ours.code).toBe(1);
  taken.close();
});

test("serve: the studio answers, and Ctrl-C stops it", PATIENT, async () => {
  let [written, answer] = ["", undefined as Promise<number> | undefined];
  const { out, code } = await tessera(["serve", "--port", "0"], {
    ...options,
    onOutput: (text, child) => {
      written += text;
      const url = /http:\/\/\S+(?=\n)/.exec(written)?.[0];
      if (!url || answer) return;
      answer = fetch(`${url}api/models`).then(({ status }) => status);
      answer.catch(() => {}).finally(() => child.kill("SIGINT"));
    },
  });
  expect(out).toMatch(/^The studio is at http:\/\/127\.0\.0\.1:\d+\/\n$/);
  expect(await answer).toBe(200);
  expect(code).toBe(0);
});
