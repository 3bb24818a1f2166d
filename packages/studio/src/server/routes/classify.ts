import { defaultModel } from "@tessera-ml/vision";
import type { MiddlewareHandler } from "hono";
import {
  attentionAnswer,
  attentionRequest,
  classifyAnswer,
  classifyRequest,
  featuresAnswer,
  featuresRequest,
  gradcamAnswer,
  gradcamRequest,
  receptiveFieldAnswer,
  receptiveFieldRequest,
} from "../../api/index.ts";
import type { Catalog } from "../catalog.ts";
import { readBody, readPicture } from "../http/body.ts";
import type { WorkerPool } from "../inference/pool.ts";
import { type App, describe, PICTURE_ERRORS } from "./describe.ts";

export interface Limits {
  /** Of a request's body. */
  readonly maxBytes: number;
  /** Of a picture. */
  readonly maxPixels: number;
}

/** What networks make of a picture, and what can be seen inside them. */
export function classifyRoutes(app: App, catalog: Catalog, pool: WorkerPool, limits: Limits): void {
  const { maxBytes, maxPixels } = limits;
  // Refused before the body is read: bodies that are coming in are bounded in memory too.
  let inside = 0;
  const bounded: MiddlewareHandler = async (_, next) => {
    pool.checkRoom(inside);
    inside++;
    await next().finally(() => inside--);
  };
  app.use("/api/classify", bounded);
  app.use("/api/inspect/*", bounded);

  describe(app, {
    method: "post",
    path: "/api/classify",
    tag: "classify",
    summary: "The most probable classes of a picture, by one network or several",
    body: classifyRequest,
    answer: classifyAnswer,
    errors: [...PICTURE_ERRORS, "bad-image", "unsuitable"],
  });
  app.post("/api/classify", async (c) => {
    const { picture: bytes, models, top } = await readPicture(c, classifyRequest, maxBytes);
    const names = models ?? [await defaultModel()];
    const found = await Promise.all(names.map((name) => catalog.require(name)));
    const job = { picture: { bytes, maxPixels }, models: found.map(({ source }) => source), top };
    return c.json(classifyAnswer.parse(await pool.run("classify", job, c.req.raw.signal)));
  });

  describe(app, {
    method: "post",
    path: "/api/inspect/features",
    tag: "inspect",
    summary: "What comes out of a part of the network, channel by channel",
    body: featuresRequest,
    answer: featuresAnswer,
    errors: [...PICTURE_ERRORS, "bad-image", "unsuitable"],
  });
  app.post("/api/inspect/features", async (c) => {
    const { picture: bytes, model, part, limit } = await readPicture(c, featuresRequest, maxBytes);
    const input = {
      picture: { bytes, maxPixels },
      model: (await catalog.require(model)).source,
      part,
      limit,
    };
    return c.json(featuresAnswer.parse(await pool.run("features", input, c.req.raw.signal)));
  });

  describe(app, {
    method: "post",
    path: "/api/inspect/gradcam",
    tag: "inspect",
    summary: "Where the network looked for a class (Grad-CAM)",
    body: gradcamRequest,
    answer: gradcamAnswer,
    errors: [...PICTURE_ERRORS, "bad-image", "unsuitable"],
  });
  app.post("/api/inspect/gradcam", async (c) => {
    const { picture: bytes, model, class: wanted, part } = await readPicture(c, gradcamRequest, maxBytes);
    const input = {
      picture: { bytes, maxPixels },
      model: (await catalog.require(model)).source,
      class: wanted,
      part,
    };
    return c.json(gradcamAnswer.parse(await pool.run("gradcam", input, c.req.raw.signal)));
  });

  describe(app, {
    method: "post",
    path: "/api/inspect/attention",
    tag: "inspect",
    summary: "What the class token of a Vision Transformer looks at",
    body: attentionRequest,
    answer: attentionAnswer,
    errors: [...PICTURE_ERRORS, "bad-image", "unsuitable"],
  });
  app.post("/api/inspect/attention", async (c) => {
    const { picture: bytes, model } = await readPicture(c, attentionRequest, maxBytes);
    const input = { picture: { bytes, maxPixels }, model: (await catalog.require(model)).source };
    return c.json(attentionAnswer.parse(await pool.run("attention", input, c.req.raw.signal)));
  });

  describe(app, {
    method: "post",
    path: "/api/inspect/receptive-field",
    tag: "inspect",
    summary: "Which pixels move the unit in the middle of a part, and how much",
    body: receptiveFieldRequest,
    answer: receptiveFieldAnswer,
    errors: PICTURE_ERRORS,
  });
  app.post("/api/inspect/receptive-field", async (c) => {
    const { model, part } = await readBody(c, receptiveFieldRequest, maxBytes);
    const input = { model: (await catalog.require(model)).source, part };
    return c.json(receptiveFieldAnswer.parse(await pool.run("receptiveField", input, c.req.raw.signal)));
  });
}
