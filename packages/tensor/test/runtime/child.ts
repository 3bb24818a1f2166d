/** Programs that open.test.ts runs in separate processes: `node child.ts bindings|koffi|workers|collected|exit|errors`. */
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { isMainThread, Worker } from "node:worker_threads";
import koffi from "koffi";
import type { BackendOptions } from "../../src/runtime/backend.ts";
import { openBackend } from "../../src/runtime/node.ts";
import { build } from "../support/model.ts";

const SIZE = 512;

/** Opens a backend and returns a run that takes a few milliseconds. */
async function open(options: BackendOptions): Promise<() => Promise<string>> {
  const shape = [SIZE, SIZE];
  const { model, options: names } = build({
    nodes: [
      ["MatMul", ["x", "x"], ["a"]],
      ["MatMul", ["a", "x"], ["y"]],
    ],
    inputs: [["x", "float32", shape]],
    outputs: [["y", "float32", shape]],
  });
  const backend = await openBackend(options);
  const executable = await backend.load(model, names);
  const x = backend.upload(new Float32Array(SIZE * SIZE).fill(1 / SIZE), "float32", shape);
  return async () => {
    const [y] = await executable.run([x]);
    return `${backend.name} ${Number((await y?.read())?.at(-1)) * SIZE}`;
  };
}

const modes: Readonly<Record<string, () => Promise<void>>> = {
  async bindings() {
    for (const binding of ["node", "direct", "node"] as const) console.log(await (await open({ binding }))());
  },
  async koffi() {
    // Loading any library fixes the sizes of koffi's stacks.
    koffi.load(null);
    console.log(await (await open({}))());
  },
  async workers() {
    for (const threads of [2, 1, 3]) console.log(await (await open({ binding: "direct", threads }))());
    for (let i = 0; i < 3; i++)
      await once(new Worker(new URL(import.meta.url), { argv: ["worker"] }), "exit");
    console.log(await (await open({ binding: "direct" }))());
  },
  async worker() {
    console.log(`worker ${await (await open({ binding: "direct" }))()}`);
  },
  async collected() {
    const run = await open({ binding: "direct", threads: 1 });
    for (let i = 0; i < 3; i++) {
      console.log(await run());
      await setImmediate();
      globalThis.gc?.();
      await setImmediate();
    }
  },
  async errors() {
    const spec = ["y", "float32", [1]] as const;
    const picking = build({
      nodes: [["Gather", ["x", "i"], ["y"]]],
      inputs: [
        ["x", "float32", [3]],
        ["i", "int64", [1]],
      ],
      outputs: [spec],
    });
    const unknown = build({
      nodes: [["NoSuch", ["x"], ["y"]]],
      inputs: [["x", "float32", [1]]],
      outputs: [spec],
    });
    for (const options of [{ binding: "direct" }, { binding: "node" }, { device: "wasm" }] as const) {
      const backend = await openBackend(options);
      const executable = await backend.load(picking.model, picking.options);
      const x = backend.upload(new Float32Array(3), "float32", [3]);
      const outside = backend.upload(BigInt64Array.of(9n), "int64", [1]);
      const report = (error: Error) => console.log(backend.name, error.message.match(/Gather.0|NoSuch/)?.[0]);
      await executable.run([x, outside]).catch(report);
      await backend.load(unknown.model, unknown.options).catch(report);
    }
  },
  async exit() {
    const run = await open({ binding: "direct" });
    const first = run();
    for (let i = 0; i < 50; i++) run().catch(console.error);
    await first;
    // By the next turn of the event loop the second run has started.
    await setImmediate();
    process.exit(7);
  },
};

const mode = modes[process.argv[2] ?? ""];
if (!mode || (!isMainThread && process.argv[2] !== "worker")) throw new Error(`no mode ${process.argv[2]}`);
await mode();
