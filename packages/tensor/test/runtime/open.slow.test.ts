/** Which backend is opened, and the messages if one cannot be. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openBackend } from "../../src/runtime/node.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  vi.doUnmock("../../src/runtime/ort-api.ts");
  vi.resetModules();
});

test("the direct binding is the default; options override the environment", async () => {
  vi.stubEnv("TESSERA_BINDING", "");
  expect((await openBackend()).name).toBe("ort-direct");
  vi.stubEnv("TESSERA_BINDING", "node");
  expect((await openBackend()).name).toBe("ort-node");
  expect((await openBackend({ binding: "direct" })).name).toBe("ort-direct");
});

test("invalid settings are rejected", async () => {
  await expect(openBackend({ threads: 0 })).rejects.toThrow("threads: expected a positive integer, got 0");
  vi.stubEnv("TESSERA_THREADS", "many");
  await expect(openBackend()).rejects.toThrow("threads: expected a positive integer, got NaN");
  vi.stubEnv("TESSERA_THREADS", "1");
  vi.stubEnv("TESSERA_BINDING", "both");
  await expect(openBackend()).rejects.toThrow('TESSERA_BINDING: expected "direct" or "node", got "both"');
});

describe("a library of another version", () => {
  const reopen = async () => {
    vi.resetModules();
    vi.doMock("../../src/runtime/ort-api.ts", async (original) => ({
      ...(await original<object>()),
      ORT_VERSION: "1.99.0",
    }));
    return (await import("../../src/runtime/node.ts")).openBackend;
  };

  test("falls back to onnxruntime-node with a one-line warning that says why", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    vi.stubEnv("TESSERA_BINDING", "");
    const open = await reopen();
    expect((await open()).name).toBe("ort-node");
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(
      /^tessera: .*expected ONNX Runtime 1\.99\.0, got 1\.\d+\.\d+ [^\n]*$/,
    );
  });

  test("is an error if the direct binding was requested", async () => {
    const open = await reopen();
    await expect(open({ binding: "direct" })).rejects.toThrow("expected ONNX Runtime 1.99.0");
  });
});

describe("in a separate process", () => {
  const start = (mode: string, ...flags: string[]) => {
    const program = fileURLToPath(new URL("child.ts", import.meta.url));
    return promisify(execFile)(process.execPath, [...flags, program, mode]);
  };
  const run = async (mode: string, ...flags: string[]) => {
    const { stdout, stderr } = await start(mode, ...flags);
    return [...stdout.trim().split("\n"), ...stderr.split("\n").filter((line) => line.startsWith("tessera"))];
  };

  test("both bindings, the package first", async () => {
    expect(await run("bindings")).toEqual(["ort-node 1", "ort-direct 1", "ort-node 1"]);
  });

  test("the direct binding refuses koffi's small default stacks, which a kernel could overrun", async () => {
    const [name, warning] = await run("koffi");
    expect(name).toBe("ort-node 1");
    expect(warning).toMatch(/^tessera: .*Cannot change Koffi configuration/);
  });

  test("several thread counts, and worker threads that come and go", async () => {
    const direct = "ort-direct 1";
    const worker = `worker ${direct}`;
    expect(await run("workers")).toEqual([direct, direct, direct, worker, worker, worker, direct]);
  });

  test("garbage collection does not unload the library, even with one thread", async () => {
    expect(await run("collected", "--expose-gc")).toEqual(Array(3).fill("ort-direct 1"));
  });

  test("failures are reported only as errors: ONNX Runtime prints nothing", async () => {
    const { stdout, stderr } = await start("errors");
    const names = ["ort-direct", "ort-node", "ort-web"];
    expect(stdout.trim().split("\n")).toEqual(
      names.flatMap((name) => [`${name} Gather.0`, `${name} NoSuch`]),
    );
    expect(stderr).not.toMatch(/onnxruntime/);
  });

  test("the process can exit in the middle of a run", async () => {
    await expect(run("exit")).rejects.toMatchObject({ code: 7, signal: null });
  });
});
