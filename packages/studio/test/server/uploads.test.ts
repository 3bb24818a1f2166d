import { results as classifyAnswer, operations } from "@tessera-ml/vision/schemas";
import { describe, expect, it } from "vitest";
import { uploadAnswer } from "../../src/api/index.ts";
import { Uploads } from "../../src/server/uploads.ts";
import { errorOf, MODELS, picture, postJson, testStudio } from "./support/studio.ts";

const bytesOf = (...values: number[]) => new Uint8Array(values);

describe("Uploads", () => {
  it("derives the id from the content", () => {
    const uploads = new Uploads();
    const { id } = uploads.put(bytesOf(1, 2), "image/png");
    expect(uploads.put(bytesOf(1, 2), "image/png").id).toBe(id);
    expect(uploads.put(bytesOf(1, 3), "image/png").id).not.toBe(id);
    expect(uploads.get(id)).toEqual(bytesOf(1, 2));
  });

  it.each([
    ["files", { files: 2 }],
    ["bytes", { bytes: 5 }],
  ])("drops the file unused for longest when there are too many %s", (_, limits) => {
    const uploads = new Uploads(limits);
    const first = uploads.put(bytesOf(1, 1), "a/b").id;
    const second = uploads.put(bytesOf(2, 2), "a/b").id;
    uploads.get(first);
    const third = uploads.put(bytesOf(3, 3), "a/b").id;
    expect(() => uploads.get(second)).toThrow(expect.objectContaining({ code: "not-found", field: "input" }));
    expect([uploads.get(first), uploads.get(third)]).toEqual([bytesOf(1, 1), bytesOf(3, 3)]);
  });

  it("keeps a file for a fixed time after its last use", () => {
    let now = 0;
    const uploads = new Uploads({ life: 10 }, () => now);
    const { id } = uploads.put(bytesOf(1), "a/b");
    now = 10;
    expect(uploads.get(id)).toEqual(bytesOf(1));
    now = 20;
    expect(uploads.get(id)).toEqual(bytesOf(1));
    now = 31;
    expect(() => uploads.get(id)).toThrow("upload the file again");
  });
});

describe("POST /api/uploads", () => {
  const studio = testStudio({ maxBytes: 50_000 });
  const upload = (body: BodyInit, headers: Record<string, string> = { "content-type": "image/png" }) =>
    fetch(`${studio.url}/api/uploads`, { method: "POST", body, headers });

  it("stores a picture that any request can refer to", async () => {
    const bytes = await picture();
    const response = await upload(bytes);
    expect(response.status).toBe(201);
    const { id, ...rest } = uploadAnswer.parse(await response.json());
    expect(rest).toEqual({ mediaType: "image/png", bytes: bytes.length });
    const ask = async (body: object) =>
      classifyAnswer
        .parse(await (await postJson(`${studio.url}/api/classify`, body)).json())
        .results.map(({ predictions, seen }) => ({ predictions, seen }));
    const image = Buffer.from(bytes).toString("base64");
    const sent = await ask({ image, models: MODELS });
    for (let time = 0; time < 2; time++)
      expect(await ask({ input: `upload:${id}`, models: MODELS })).toEqual(sent);
    const features = { input: `upload:${id}`, model: MODELS[1], part: "h1" };
    const inside = await postJson(`${studio.url}/api/inspect/features`, features);
    expect(operations.features.answer.parse(await inside.json()).maps.length).toBeGreaterThan(1);
  });

  it("reads a truncated upload as far as it goes only if tolerant is set", async () => {
    const whole = await picture(200, 200, "jpeg");
    const { id } = uploadAnswer.parse(await (await upload(whole.slice(0, whole.length - 500))).json());
    const ask = (tolerant: boolean) =>
      postJson(`${studio.url}/api/classify`, { input: `upload:${id}`, models: [MODELS[1]], tolerant });
    expect((await ask(true)).status).toBe(200);
    expect(await errorOf(await ask(false))).toMatchObject({
      status: 400,
      message: expect.stringContaining("input: cut short"),
    });
  });

  it("reports a dropped upload, and rejects an invalid reference", async () => {
    const ask = async (body: object) => errorOf(await postJson(`${studio.url}/api/classify`, body));
    const input = `upload:${"0".repeat(32)}`;
    expect(await ask({ input })).toMatchObject({ status: 404, code: "not-found", field: "input" });
    expect(await ask({ input: "upload:../x" })).toMatchObject({ status: 400, field: "input" });
    expect(await ask({ input, image: "AAAA" })).toMatchObject({ status: 400, field: "image" });
    expect(await ask({})).toMatchObject({ status: 400, field: "image" });
  });

  it("rejects bodies that are empty or too large", async () => {
    expect(await errorOf(await upload(""))).toMatchObject({ status: 400, code: "bad-request" });
    expect(await errorOf(await upload(new Uint8Array(50_001)))).toMatchObject({ status: 413 });
  });
});

describe("GET /api/tasks", () => {
  const studio = testStudio();

  it("lists every system with the schemas of its options and answer", async () => {
    const { tasks } = await (await fetch(`${studio.url}/api/tasks`)).json();
    const named = (wanted: string) => tasks.find(({ name }: { name: string }) => name === wanted);
    const classification = named("image-classification");
    expect(classification).toMatchObject({ command: "classify", accepts: ["image"] });
    expect(Object.keys(classification.request.properties)).toEqual(["top"]);
    expect(Object.keys(classification.answer.properties)).toContain("predictions");
    const depth = named("depth-estimation");
    expect(depth).toMatchObject({ command: "depth", accepts: ["image", "video"] });
    expect(Object.keys(depth.request.properties)).toContain("colormap");
    expect(Object.keys(depth.answer.properties)).toContain("png");
    expect(await (await fetch(`${studio.url}/models/tasks.json`)).json()).toEqual({ tasks });
  });
});
