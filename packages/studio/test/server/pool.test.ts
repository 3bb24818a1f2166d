import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { WorkerPool } from "../../src/server/inference/pool.ts";
import { base64, errorOf, MODELS, picture, postJson, testStudio } from "./support/studio.ts";

const workerScript = new URL("./support/stub-worker.ts", import.meta.url);
const stub = { script: workerScript, workers: 1, capacity: 3 };
const noPicture = { bytes: new Uint8Array(1), name: "x", maxPixels: 1, tolerant: false };
const input = (top: number) => ({
  task: "image-classification",
  input: noPicture,
  models: [],
  options: { top },
});

const channel = new BroadcastChannel("release");
let releasing: NodeJS.Timeout | undefined;
afterEach(() => clearInterval(releasing));
afterAll(() => channel.close());
/**
 * Releases the held job, repeatedly, as the worker may not be listening yet. Each test holds a job with a different
 * `top`, so that a late message releases nothing of the next test.
 */
const release = (top: number) => (releasing = setInterval(() => channel.postMessage(top), 20));
const patient = { timeout: 60_000 };

describe("WorkerPool", () => {
  const opened: WorkerPool[] = [];
  const pool = (options = {}) => {
    const made = new WorkerPool({ ...stub, ...options });
    opened.push(made);
    return made;
  };
  afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

  it("answers in order, and rejects a job beyond its capacity", async () => {
    const one = pool();
    const jobs = [1, 1, 1].map((top) => one.run("ask", input(top)));
    expect(one.size).toBe(3);
    await expect(one.run("ask", input(1))).rejects.toMatchObject({ code: "overloaded" });
    expect(await Promise.all(jobs)).toHaveLength(3);
    expect(one.size).toBe(0);
  });

  it.each([2, 3])("replaces a worker that dies (%i): its job fails, queued jobs do not", async (top) => {
    const one = pool();
    const dying = one.run("ask", input(top));
    const waiting = one.run("ask", input(1));
    await expect(dying).rejects.toThrow("the worker failed");
    expect(await waiting).toEqual([]);
  });

  it("removes an aborted job from the queue", async () => {
    const one = pool();
    const working = one.run("ask", input(5));
    const controller = new AbortController();
    const waiting = one.run("ask", input(2), controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    expect(one.size).toBe(1);
    release(5);
    // The job would have killed the worker.
    expect(await working).toEqual([]);
    expect(await one.run("ask", input(1))).toEqual([]);
  });

  it("rejects an aborted job at once, and reuses the worker when it is free", async () => {
    const one = pool();
    const controller = new AbortController();
    const working = one.run("ask", input(6), controller.signal);
    controller.abort();
    await expect(working).rejects.toMatchObject({ name: "AbortError" });
    expect(one.size).toBe(1);
    release(6);
    expect(await one.run("ask", input(1))).toEqual([]);
  });

  it("rejects all jobs when closing", async () => {
    const one = pool();
    const jobs = [one.run("ask", input(4)), one.run("ask", input(1))];
    const settled = Promise.allSettled(jobs);
    await one.close();
    expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(one.run("ask", input(1))).rejects.toMatchObject({ code: "overloaded" });
  });
});

describe("over HTTP", () => {
  const studio = testStudio({ workerScript, capacity: 2 });
  const classify = async (top: number, options: RequestInit = {}) => {
    const image = base64(await picture());
    return await postJson(`${studio.url}/api/classify`, { image, models: [MODELS[0]], top }, options);
  };
  const waiting = async () => (await (await fetch(`${studio.url}/api/health`)).json()).waiting;

  it("answers 500 without internal details when a worker dies, and serves the next request", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    for (const top of [2, 3]) {
      const error = await errorOf(await classify(top));
      expect(error).toMatchObject({ status: 500, code: "internal" });
      expect(error.message).not.toContain("secret");
      expect((await classify(1)).status).toBe(200);
    }
    expect(log).toHaveBeenCalledTimes(2);
    log.mockRestore();
  });

  it("answers health while the worker is busy, rejects excess requests, and says when to retry", async () => {
    // In this order: if the second arrived first, it would be answered at once.
    const held = classify(7);
    await vi.waitFor(async () => expect(await waiting()).toBe(1), patient);
    const busy = [held, classify(1)];
    await vi.waitFor(async () => expect(await waiting()).toBe(2), patient);
    const refused = await classify(1);
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await errorOf(refused)).toMatchObject({ status: 503, code: "overloaded" });
    expect(await waiting()).toBe(2);
    release(7);
    expect((await Promise.all(busy)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it("frees the slot of a client that disconnects", async () => {
    const busy = classify(8);
    await vi.waitFor(async () => expect(await waiting()).toBe(1), patient);
    const controller = new AbortController();
    const leaving = classify(1, { signal: controller.signal });
    await vi.waitFor(async () => expect(await waiting()).toBe(2), patient);
    controller.abort();
    await expect(leaving).rejects.toThrow();
    await vi.waitFor(async () => expect(await waiting()).toBe(1), patient);
    release(8);
    expect((await busy).status).toBe(200);
  });
});
