import { defaultModel } from "@tessera-ml/vision";
import type { Context, MiddlewareHandler } from "hono";
import type * as z from "zod";
import {
  attentionAnswer,
  attentionRequest,
  classifyAnswer,
  classifyRequest,
  type ErrorCode,
  featuresAnswer,
  featuresRequest,
  gradcamAnswer,
  gradcamRequest,
  type pictureFields,
  receptiveFieldAnswer,
  receptiveFieldRequest,
} from "../../api/index.ts";
import type { Catalog } from "../catalog.ts";
import { readBody, readPicture } from "../http/body.ts";
import type { WorkerPool } from "../inference/pool.ts";
import type { JobInput, JobName } from "../inference/protocol.ts";
import type { Uploads } from "../uploads.ts";
import { type App, describe, PICTURE_ERRORS } from "./describe.ts";

export interface Limits {
  /** Of a request's body. */
  readonly maxBytes: number;
  /** Of a picture. */
  readonly maxPixels: number;
}

/** A request that a job of the worker answers. */
interface Question<N extends JobName, S extends z.ZodObject> {
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly body: S;
  readonly answer: z.ZodObject;
  readonly errors?: readonly ErrorCode[];
  /** From the request to what the job is given. */
  readonly read: (c: Context, body: S) => Promise<JobInput<N>>;
}

type WithPicture = z.ZodObject<typeof pictureFields>;
type WithPictureAndModel = z.ZodObject<typeof pictureFields & { model: z.ZodString }>;

/** What networks make of a picture, and what can be seen inside them. */
export function classifyRoutes(
  app: App,
  catalog: Catalog,
  pool: WorkerPool,
  uploads: Uploads,
  limits: Limits,
): void {
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

  const answerWith = <N extends JobName, S extends z.ZodObject>(job: N, question: Question<N, S>) => {
    const { read, errors = ["bad-image", "unsuitable"], ...route } = question;
    describe(app, { method: "post", ...route, errors: [...PICTURE_ERRORS, ...errors] });
    app.post(route.path, async (c) => {
      const input = await read(c, route.body);
      return c.json(route.answer.parse(await pool.run(job, input, c.req.raw.signal)));
    });
  };
  const withPicture = async <S extends WithPicture>(c: Context, body: S) => {
    const { picture, ...asked } = await readPicture(c, body, maxBytes, uploads);
    return { ...asked, picture: { ...picture, maxPixels } };
  };
  const withPictureAndModel = async <S extends WithPictureAndModel>(c: Context, body: S) => {
    const asked = await withPicture(c, body);
    return { ...asked, model: await catalog.sourceOf(asked.model) };
  };

  answerWith("classify", {
    path: "/api/classify",
    tag: "classify",
    summary: "The most probable classes of a picture, by one network or several",
    body: classifyRequest,
    answer: classifyAnswer,
    read: async (c, body) => {
      const { models, ...asked } = await withPicture(c, body);
      const names = models ?? [await defaultModel()];
      return { ...asked, models: await Promise.all(names.map((name) => catalog.sourceOf(name))) };
    },
  });
  answerWith("features", {
    path: "/api/inspect/features",
    tag: "inspect",
    summary: "What comes out of a part of the network, channel by channel",
    body: featuresRequest,
    answer: featuresAnswer,
    read: withPictureAndModel,
  });
  answerWith("gradcam", {
    path: "/api/inspect/gradcam",
    tag: "inspect",
    summary: "Where the network looked for a class (Grad-CAM)",
    body: gradcamRequest,
    answer: gradcamAnswer,
    read: withPictureAndModel,
  });
  answerWith("attention", {
    path: "/api/inspect/attention",
    tag: "inspect",
    summary: "What the class token of a Vision Transformer looks at",
    body: attentionRequest,
    answer: attentionAnswer,
    read: withPictureAndModel,
  });
  answerWith("receptiveField", {
    path: "/api/inspect/receptive-field",
    tag: "inspect",
    summary: "Which pixels move the unit in the middle of a part, and how much",
    body: receptiveFieldRequest,
    answer: receptiveFieldAnswer,
    errors: [],
    read: async (c, body) => {
      const { model, part } = await readBody(c, body, maxBytes);
      return { model: await catalog.sourceOf(model), part };
    },
  });
}
