import { once } from "node:events";
import { results as classifyAnswer } from "@tessera-ml/vision/schemas";
import { describe, expect, it } from "vitest";
import { serverProcess } from "./support/server.ts";
import { base64, MODELS, picture, postForm, postJson, testStudio } from "./support/studio.ts";

const studio = testStudio();

describe("concurrency", () => {
  it("answers fifty simultaneous requests, each for its own picture", async () => {
    const ask = async (width: number) => {
      const image = await picture(width, 40);
      const response = await postForm(`${studio.url}/api/classify`, { image, models: MODELS, top: "2" });
      return classifyAnswer.parse(await response.json()).results;
    };
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(40 + i)));
    for (const [i, results] of answers.entries()) {
      expect(results.map(({ model }) => model)).toEqual(MODELS);
      expect(results[0]!.image).toEqual({ width: 40 + i, height: 40 });
    }
    const alone = await ask(40);
    expect(answers[0]!.map(({ predictions }) => predictions)).toEqual(
      alone.map(({ predictions }) => predictions),
    );
  });

  it("stays responsive during a classification", async () => {
    const large = base64(await picture(1500, 1500));
    let done = false;
    // Long enough for many other answers, however slow the machine.
    const models = Array(16).fill(MODELS[0]);
    const working = postJson(`${studio.url}/api/classify`, { image: large, models }).finally(() => {
      done = true;
    });
    let meanwhile = 0;
    while (!done) {
      const { waiting } = await (await fetch(`${studio.url}/api/health`)).json();
      if (waiting === 1) meanwhile++;
    }
    expect((await working).status).toBe(200);
    // A server that computed on its event loop would answer only afterwards.
    expect(meanwhile).toBeGreaterThan(1);
  });
});

describe("closing", () => {
  it("lets the process end, with a worker loaded and connections open", async () => {
    const { server, url } = await serverProcess();
    const body = { image: base64(await picture()), models: [MODELS[0]] };
    expect((await postJson(`${url}api/classify`, body)).status).toBe(200);
    const exited = once(server, "exit");
    server.send("close");
    expect(await exited).toEqual([0, null]);
    await expect(fetch(`${url}api/health`)).rejects.toThrow();
  });
});
