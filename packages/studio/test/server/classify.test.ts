import { encodeImage, Image } from "@tessera-ml/media";
import { results as classifyAnswer } from "@tessera-ml/vision/schemas";
import { describe, expect, it } from "vitest";
import { base64, errorOf, MODELS, picture, postForm, postJson, testStudio } from "./support/studio.ts";

const studio = testStudio({ maxBytes: 200_000, maxPixels: 100_000 });
const [photographs, digits] = MODELS;
const classify = (body: unknown) => postJson(`${studio.url}/api/classify`, body);
const submit = (fields: Parameters<typeof postForm>[1]) => postForm(`${studio.url}/api/classify`, fields);

describe("POST /api/classify", () => {
  it("accepts JSON with a data: URL, and answers for several networks in order", async () => {
    const image = `data:image/png;base64,${base64(await picture())}`;
    const response = await classify({ image, models: [digits, photographs], top: 3 });
    expect(response.status).toBe(200);
    const { results } = classifyAnswer.parse(await response.json());
    expect(results.map(({ model }) => model)).toEqual([digits, photographs]);
    for (const { predictions, image: size } of results) {
      expect(predictions).toHaveLength(3);
      expect(predictions[0]!.probability).toBeGreaterThanOrEqual(predictions[1]!.probability);
      expect(size).toEqual({ width: 48, height: 40 });
    }
    expect(results[1]!.seen).toEqual({ left: 0, top: 0, width: 48, height: 40 });
  });

  it("accepts a form alike, with models as fields or with commas", async () => {
    const image = await picture(48, 40, "jpeg");
    const ask = async (models: string | string[]) =>
      classifyAnswer.parse(await (await submit({ image, models, top: "10" })).json()).results;
    const one = await ask([photographs, digits]);
    const other = await ask(`${photographs}, ${digits}`);
    const json = classifyAnswer.parse(
      await (await classify({ image: base64(image), models: [photographs, digits], top: 10 })).json(),
    ).results;
    expect(one.map(({ predictions }) => predictions)).toEqual(other.map(({ predictions }) => predictions));
    expect(one.map(({ predictions }) => predictions)).toEqual(json.map(({ predictions }) => predictions));
    expect(one[0]!.predictions).toHaveLength(10);
    expect(one[0]!.predictions.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 4);
  });

  it("finds a checkpoint by its network's name", async () => {
    const { results } = classifyAnswer.parse(
      await (await classify({ image: base64(await picture()), models: ["lecun1989"] })).json(),
    );
    expect(results[0]).toMatchObject({ model: digits });
    expect(results[0]!.predictions).toHaveLength(5);
  });

  it("uses the best checkpoint on this machine by default", async () => {
    const { results } = classifyAnswer.parse(
      await (await classify({ image: base64(await picture()) })).json(),
    );
    expect(results).toHaveLength(1);
  });

  it.each([
    ["top of the wrong type", { top: "five" }, "top"],
    ["top of 0", { top: 0 }, "top"],
    ["top that is no whole number", { top: 2.5 }, "top"],
    ["no models", { models: [] }, "models"],
    ["a model that is no text", { models: [7] }, "models.0"],
    ["too many models", { models: Array(17).fill("lecun1989") }, "models"],
    ["an unknown field", { size: 3 }, "size"],
    ["an image that is no text", { image: 3 }, "image"],
    ["no image", { image: undefined }, "image"],
    ["an empty image", { image: "" }, "image"],
    ["no base64", { image: "data:image/png;base64,!!!" }, "image"],
    ["a data: URL that is not base64", { image: "data:text/plain,hello" }, "image"],
    ["an address", { image: "http://127.0.0.1:1/secret.png" }, "image"],
    ["a file's address", { image: "file:///etc/passwd" }, "image"],
  ])("refuses %s with 400 and the field", async (_, change, field) => {
    const error = await errorOf(
      await classify({ image: base64(await picture()), models: [digits], ...change }),
    );
    expect(error).toMatchObject({ status: 400, code: "bad-request", field });
    expect(error.message).toContain(field);
  });

  it("does not open paths", async () => {
    const error = await errorOf(await classify({ image: "/etc/passwd", models: [digits] }));
    // The path is base64, of nonsense.
    expect(error).toMatchObject({ status: 415, code: "unsupported" });
  });

  it.each([
    ["bad JSON", "application/json", "{", 400],
    ["JSON that is no object", "application/json", "[1]", 400],
    ["an empty body", "application/json", "", 400],
    ["a form without a boundary", "multipart/form-data", "x", 400],
    ["a form cut short", "multipart/form-data; boundary=a", "--a\r\nContent-Disposition: form-data; na", 400],
    ["text", "text/plain", "hello", 415],
    ["a picture as the body", "image/png", "x", 415],
  ])("refuses %s", async (_, type, body, status) => {
    const headers = { "content-type": type };
    const response = await fetch(`${studio.url}/api/classify`, { method: "POST", headers, body });
    expect(await errorOf(response)).toMatchObject({ status });
  });

  it("rejects a form's top that is not a number", async () => {
    const error = await errorOf(await submit({ image: await picture(), models: digits, top: "many" }));
    expect(error).toMatchObject({ status: 400, field: "top" });
  });

  it("rejects a form whose image is text but not base64", async () => {
    const error = await errorOf(await submit({ image: "C:\\photo.jpg", models: digits }));
    expect(error).toMatchObject({ status: 400, field: "image" });
  });

  it("detects pictures by content: 415 for other files, 400 for damaged ones", async () => {
    const whole = await picture(200, 200);
    const text = new TextEncoder().encode("<!doctype html><p>no picture</p>");
    const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    const ask = async (image: Uint8Array<ArrayBuffer>) => errorOf(await submit({ image, models: digits }));
    expect(await ask(text)).toMatchObject({ status: 415, message: expect.stringContaining("HTML") });
    expect(await ask(svg)).toMatchObject({ status: 415, message: expect.stringContaining("SVG") });
    expect(await ask(whole.slice(0, whole.length >> 1))).toMatchObject({ status: 400, code: "bad-image" });
    expect(await ask(new Uint8Array(0))).toMatchObject({ status: 400, code: "bad-image" });
  });

  it("names a form's file in its error message", async () => {
    const image = new TextEncoder().encode("\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    expect(await errorOf(await submit({ image, models: digits }))).toMatchObject({
      status: 415,
      message: "picture: HEIC is not supported; expected JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP",
    });
    const json = await errorOf(await classify({ image: base64(image), models: [digits] }));
    expect(json.message).toMatch(/^image: HEIC is not supported/);
  });

  it("reads a truncated picture as far as it goes if tolerant is set", async () => {
    const whole = await picture(200, 200, "jpeg");
    const image = whole.slice(0, whole.length - 500);
    const refused = await errorOf(await submit({ image, models: digits }));
    expect(refused).toMatchObject({
      status: 400,
      code: "bad-image",
      message: `picture: cut short: the JPEG file ends at byte ${image.length}, before the image is complete`,
    });
    expect(await errorOf(await submit({ image, models: digits, tolerant: "false" }))).toEqual(refused);
    const form = await submit({ image, models: digits, tolerant: "true" });
    const { results } = classifyAnswer.parse(await form.json());
    expect(results[0]!.image).toEqual({ width: 200, height: 200 });
    const json = await classify({ image: base64(image), models: [digits], tolerant: true });
    expect(classifyAnswer.parse(await json.json()).results[0]!.predictions).toEqual(results[0]!.predictions);
    expect(await errorOf(await submit({ image, models: digits, tolerant: "perhaps" }))).toMatchObject({
      status: 400,
      field: "tolerant",
    });
  });

  it("suggests a name for an unknown checkpoint, and says how to get an absent one", async () => {
    const image = base64(await picture());
    const unknown = await errorOf(await classify({ image, models: ["resnett50"] }));
    expect(unknown).toMatchObject({ status: 404, code: "not-found" });
    expect(unknown.message).toContain("resnet50");
    const absent = await errorOf(await classify({ image, models: [digits, "vgg16"] }));
    expect(absent).toMatchObject({ status: 409, code: "absent" });
    expect(absent.message).toContain("tessera pull vgg16");
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "../lenet5", "lenet5.\0", "\ud800"])(
    "has no checkpoint called %j",
    async (name) => {
      const image = base64(await picture());
      expect(await errorOf(await classify({ image, models: [name] }))).toMatchObject({ status: 404 });
      const address = `${studio.url}/api/models/${encodeURIComponent(name.toWellFormed())}`;
      expect(await errorOf(await fetch(address))).toMatchObject({ status: 404 });
    },
  );

  it.each(["__proto__", "constructor"])("rejects the field %s", async (field) => {
    const image = await picture();
    const form = await errorOf(await submit({ image, models: digits, [field]: ["a", "b"] }));
    expect(form).toMatchObject({ status: 400, field });
    const body = `{"image":"${base64(image)}","${field}":{"top":3}}`;
    const headers = { "content-type": "application/json" };
    const json = await errorOf(await fetch(`${studio.url}/api/classify`, { method: "POST", headers, body }));
    expect(json).toMatchObject({ status: 400, field });
  });

  it.each(["1e400", "-1", "9007199254740993", "1e300", "null"])("rejects top: %s", async (top) => {
    const body = `{"image":"${base64(await picture())}","models":["${digits}"],"top":${top}}`;
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${studio.url}/api/classify`, { method: "POST", headers, body });
    expect(await errorOf(answer)).toMatchObject({ status: 400, field: "top" });
    expect(await errorOf(await submit({ image: await picture(), models: digits, top }))).toMatchObject({
      status: 400,
    });
  });

  it("reports that a blank picture has no digit", async () => {
    const image = new Uint8Array(await encodeImage(new Image(20, 20, 1), "png"));
    const error = await errorOf(await submit({ image, models: digits }));
    expect(error).toMatchObject({
      status: 422,
      code: "unsuitable",
      message: expect.stringContaining("no digit"),
    });
  });

  it("does not load checkpoints by path", async () => {
    const model = `${studio.folder}/models/${digits}`;
    const error = await errorOf(await classify({ image: base64(await picture()), models: [model] }));
    expect(error).toMatchObject({ status: 404 });
  });
});

describe("limits", () => {
  it("rejects bodies over the limit, with or without Content-Length", async () => {
    const image = new Uint8Array(300_000);
    expect(await errorOf(await submit({ image, models: digits }))).toMatchObject({
      status: 413,
      code: "too-large",
    });
    expect(await errorOf(await classify({ image: base64(image) }))).toMatchObject({ status: 413 });
    const stream = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 30; i++) controller.enqueue(new Uint8Array(10_000).fill(32));
        controller.close();
      },
    });
    const headers = { "content-type": "application/json" };
    const options = { method: "POST", headers, body: stream, duplex: "half" } as RequestInit;
    expect(await errorOf(await fetch(`${studio.url}/api/classify`, options))).toMatchObject({ status: 413 });
    // Far over it, so that the client is still sending when the server responds.
    for (let i = 0; i < 3; i++)
      expect(await errorOf(await classify({ image: "a".repeat(20e6) }))).toMatchObject({ status: 413 });
  });

  it("rejects pictures with more pixels than the limit, however small the file", async () => {
    const bomb = await encodeImage(new Image(4000, 4000, 1), "png");
    expect(bomb.length).toBeLessThan(200_000);
    const error = await errorOf(await submit({ image: new Uint8Array(bomb), models: digits }));
    expect(error).toMatchObject({ status: 413, message: expect.stringContaining("4000 x 4000") });
  });
});
