import { once } from "node:events";
import { readFileSync } from "node:fs";
import { sharedFile } from "@tessera-ml/hub";
import { afterEach, describe, expect, it, vi } from "vitest";
import { recipesAnswer, runsAnswer, type TrainEvent, trainAnswer, trainEvent } from "../../src/api/index.ts";
import { History, type NumberedEvent } from "../../src/server/training/history.ts";
import { serverProcess } from "./support/server.ts";
import { base64, errorOf, picture, postJson, testStudio } from "./support/studio.ts";

// Training runs at low priority, so it is slow on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const step = (number: number, steps = 1e6): TrainEvent => ({
  type: "step",
  step: number,
  steps,
  epoch: 1,
  loss: 1,
  stepsPerSecond: 1,
  secondsLeft: null,
});
const done: TrainEvent = { type: "done", stopped: false };

describe("History", () => {
  afterEach(() => void vi.useRealTimers());

  it("sends late listeners past events, then new ones, until they unsubscribe", () => {
    const history = new History();
    history.add({ type: "start", id: "a", recipe: "r", epochs: 1 });
    const heard: NumberedEvent[] = [];
    const leave = history.follow(0, (told) => heard.push(told));
    history.add(step(1));
    leave();
    history.add(done);
    expect(heard.map(({ event }) => event.type)).toEqual(["start", "step"]);
    const rest: NumberedEvent[] = [];
    history.follow(heard.at(-1)!.number, (told) => rest.push(told));
    expect(rest.map(({ event }) => event.type)).toEqual(["done"]);
  });

  it("ends once, and limits steps to ten a second, but always keeps the last", () => {
    vi.useFakeTimers();
    const history = new History();
    for (let i = 1; i <= 100; i++) {
      history.add(step(i, 100));
      vi.advanceTimersByTime(10);
    }
    history.add(done);
    history.add({ type: "error", message: "late" });
    const steps: number[] = [];
    history.follow(0, ({ event }) => event.type === "step" && steps.push(event.step));
    expect(steps.length).toBeGreaterThan(8);
    expect(steps.length).toBeLessThan(13);
    expect(steps.at(-1)).toBe(100);
    expect(history.ended).toBe(true);
    expect(history.last?.event).toEqual(done);
  });

  it("thins out the steps of a long run, and keeps all evaluations", () => {
    vi.useFakeTimers();
    const history = new History();
    for (let i = 1; i <= 10_000; i++) {
      history.add(step(i));
      if (i % 1000 === 0) history.add({ type: "evaluation", epoch: i / 1000, figures: { loss: 1, top1: 1 } });
      vi.advanceTimersByTime(100);
    }
    const types: string[] = [];
    history.follow(0, ({ event }) => types.push(event.type));
    expect(types.filter((type) => type === "evaluation")).toHaveLength(10);
    expect(types.length).toBeLessThan(2100);
    expect(types.length).toBeGreaterThan(900);
  });
});

// Keeps the user's cache out of the tests.
const usps = sharedFile("image/usps") !== undefined;
if (!usps) console.warn("training in the studio: USPS is absent, tests are skipped");

/** The events of a stream, until it ends or `enough` returns true. */
async function events(
  url: string,
  enough: (event: TrainEvent) => boolean = () => false,
  lastEventId?: string,
): Promise<{ id: string; event: TrainEvent }[]> {
  const controller = new AbortController();
  const headers = new Headers(lastEventId === undefined ? [] : [["last-event-id", lastEventId]]);
  const response = await fetch(url, { headers, signal: controller.signal });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const heard: { id: string; event: TrainEvent }[] = [];
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const whole = text.split("\n\n");
    text = whole.pop()!;
    for (const block of whole) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      const event = trainEvent.parse(JSON.parse(field("data")!));
      expect(field("event")).toBe(event.type);
      heard.push({ id: field("id")!, event });
      if (enough(event)) {
        controller.abort();
        return heard;
      }
    }
  }
  return heard;
}

describe("/api/train", () => {
  const studio = testStudio();
  const api = (path: string) => `${studio.url}/api${path}`;
  const start = (body: object) => postJson(api("/train"), body);
  const runs = async () => runsAnswer.parse(await (await fetch(api("/train"))).json()).runs;
  const stateOf = async (id: string) => (await runs()).find((run) => run.id === id)?.state;

  it("lists the recipes that need no options", async () => {
    const { recipes } = recipesAnswer.parse(await (await fetch(api("/recipes"))).json());
    expect(recipes.map(({ name }) => name)).not.toContain("depth-metric");
    expect(recipes.find(({ name }) => name === "lecun1989")).toMatchObject({
      network: "lecun1989",
      dataset: "usps",
      data: usps ? "here" : "absent",
    });
  });

  it("rejects what it cannot train", async () => {
    const before = await runs();
    const unknown = await errorOf(await start({ recipe: "lecun1998" }));
    expect(unknown).toMatchObject({
      status: 404,
      field: "recipe",
      message: expect.stringContaining("lecun1989"),
    });
    for (const [body, field] of [
      [{}, "recipe"],
      [{ recipe: "lecun1989", epochs: 0 }, "epochs"],
      [{ recipe: "lecun1989", epochs: 1.5 }, "epochs"],
      [{ recipe: "lecun1989", samples: "all" }, "samples"],
      [{ recipe: "lecun1989", folder: "/etc" }, "folder"],
    ] as const)
      expect(await errorOf(await start(body))).toMatchObject({ status: 400, field });
    expect(await errorOf(await fetch(api("/train/nothing/events")))).toMatchObject({
      status: 404,
      field: "id",
    });
    expect(await errorOf(await fetch(api("/train/nothing"), { method: "DELETE" }))).toMatchObject({
      status: 404,
    });
    expect(await runs()).toEqual(before);
  });

  it.skipIf(!usps)("trains, sends events, and serves the trained network", async () => {
    const response = await start({ recipe: "lecun1989", epochs: 2, samples: 200 });
    expect(response.status).toBe(202);
    const { id } = trainAnswer.parse(await response.json());
    const told = await events(api(`/train/${id}/events`));
    const types = told.map(({ event }) => event.type);
    expect(types[0]).toBe("start");
    expect(types.at(-1)).toBe("done");
    expect(types.filter((type) => type === "evaluation")).toHaveLength(2);
    expect(types).toContain("step");
    const end = told.at(-1)!.event;
    if (end.type !== "done") throw new Error("the run did not end");
    expect(end).toMatchObject({ stopped: false, model: `lecun1989.run_${id}` });
    expect(end.passed).toBeUndefined();
    expect(end.figures!.top1).toBeGreaterThan(5);

    const again = await events(api(`/train/${id}/events`));
    expect(again).toEqual(told);
    const rest = await events(api(`/train/${id}/events`), undefined, told.at(-3)!.id);
    expect(rest).toEqual(told.slice(-2));
    const nothing = await fetch(api(`/train/${id}/events`), {
      headers: { "last-event-id": told.at(-1)!.id },
    });
    expect(nothing.status).toBe(204);
    expect(await stateOf(id)).toBe("done");

    const body = { image: base64(await picture()), models: [end.model], top: 3 };
    const { results } = await (await postJson(api("/classify"), body)).json();
    expect(results[0]).toMatchObject({ model: end.model });
    const { models } = await (await fetch(api("/models"))).json();
    expect(models[0]).toMatchObject({ name: end.model, place: "trained", accuracy: { dataset: "usps" } });
  });

  it.skipIf(!usps)("trains one network at a time, and stops on request", async () => {
    // Immediately after the end of another run.
    const { id: first } = await (await start({ recipe: "lecun1989", epochs: 1, samples: 20 })).json();
    await events(api(`/train/${first}/events`));
    expect((await (await fetch(api("/health"))).json()).training).toBeNull();
    const { id } = await (await start({ recipe: "lecun1989", epochs: 1000 })).json();
    await events(api(`/train/${id}/events`), ({ type }) => type === "step");
    expect(await stateOf(id)).toBe("running");
    expect((await (await fetch(api("/health"))).json()).training).toBe(id);
    const busy = await errorOf(await start({ recipe: "lecun1989", epochs: 1 }));
    expect(busy).toMatchObject({ status: 409, code: "busy", message: expect.stringContaining(id) });
    expect((await fetch(api(`/train/${id}`), { method: "DELETE" })).status).toBe(204);
    const told = await events(api(`/train/${id}/events`));
    expect(told.at(-1)!.event).toMatchObject({ type: "done", stopped: true });
    expect((await runs())[0]).toMatchObject({ id, state: "stopped" });
    expect((await fetch(api(`/train/${id}`), { method: "DELETE" })).status).toBe(204);
  });
});

describe.skipIf(!usps)("the training process", () => {
  it("exits with the server's process, however that ends", async () => {
    const { server, url } = await serverProcess();
    const started = once(server, "message");
    const { id } = await (await postJson(`${url}api/train`, { recipe: "lecun1989", epochs: 1000 })).json();
    const [trainer] = (await started) as [number];
    await events(`${url}api/train/${id}/events`, ({ type }) => type === "step");
    expect(isAlive(trainer)).toBe(true);
    server.kill("SIGKILL");
    await vi.waitFor(() => expect(isAlive(trainer)).toBe(false), { timeout: 120_000 });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie stays listed until its parent reaps it: for ever in a container whose init process does not.
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
