/** The routes of each task and of its operations, derived from its schemas. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { AnyTask, Medium, OperationSchema, Schemas } from "@tessera-ml/kit";
import type { Context, MiddlewareHandler } from "hono";
import { streamSSE } from "hono/streaming";
import * as z from "zod";
import {
  type ErrorCode,
  mediaFields,
  type TaskEvent,
  type TaskInfo,
  taskResult,
  tasksAnswer,
} from "../../api/index.ts";
import type { CheckpointList } from "../checkpoint-list.ts";
import { readBody, readQuestion } from "../http/body.ts";
import type { ErrorAnswers } from "../http/errors.ts";
import type { WorkerPool } from "../inference/pool.ts";
import type { Uploads } from "../uploads.ts";
import { describe, INPUT_ERRORS } from "./describe.ts";

export interface Limits {
  /** Largest request body. */
  readonly maxBytes: number;
  /** Largest image. */
  readonly maxPixels: number;
}

export interface Served {
  readonly task: AnyTask;
  readonly schemas: Schemas;
}

const model = z.string().min(1).meta({ description: "The name of a checkpoint" });
const models = z
  .array(z.string().min(1))
  .min(1)
  .max(16)
  .optional()
  .meta({ description: "Names of checkpoints; default: the best on this machine" });
const tolerant = z.boolean().optional().meta({ description: "Read truncated files as far as they go" });

export interface TaskRoutesOptions extends Limits {
  readonly checkpoints: CheckpointList;
  readonly pool: WorkerPool;
  readonly uploads: Uploads;
  readonly served: readonly Served[];
  readonly errors: ErrorAnswers;
}

export function taskRoutes(app: OpenAPIHono, options: TaskRoutesOptions): void {
  const { pool, served } = options;
  listRoutes(app, served);
  // Rejected before the body is read, so that the memory of incoming bodies is bounded too.
  let inside = 0;
  const bounded: MiddlewareHandler = async (_, next) => {
    pool.checkRoom(inside);
    inside++;
    await next().finally(() => inside--);
  };
  for (const { task, schemas } of served) {
    app.use(`/api/${task.command}`, bounded);
    questionRoute(app, { task, schemas }, options);
    for (const [name, operation] of Object.entries(schemas.operations ?? {})) {
      app.use(`/api/${operation.path}`, bounded);
      operationRoute(app, task, name, operation, options);
    }
  }
}

function listRoutes(app: OpenAPIHono, served: readonly Served[]): void {
  const answer = tasksAnswer.parse({ tasks: served.map(infoOf) });
  describe(app, {
    method: "get",
    path: "/api/tasks",
    tag: "tasks",
    summary: "All tasks: inputs, options and answers",
    answer: tasksAnswer,
  });
  app.get("/api/tasks", (c) => c.json(answer));
  // For a page that runs networks itself; a static host has the same list as a file.
  app.get("/models/tasks.json", (c) => c.json(answer));
}

function infoOf({ task, schemas }: Served): TaskInfo {
  const { name, command, title, summary, accepts, metrics } = task;
  return {
    ...{ name, command, title, summary, metrics },
    accepts: [...accepts],
    checkpoints: task.checkpoints ?? name,
    request: schemaOf(schemas.request),
    answer: schemaOf(schemas.answer),
  };
}

/** A copy without the schema's id, which would turn it into a reference. */
function schemaOf({ shape }: z.ZodObject): Record<string, unknown> {
  return { ...z.toJSONSchema(z.object(shape), { io: "input" }) };
}

/** `POST /api/<command>`: an answer for each checkpoint, as JSON or as server-sent events. */
function questionRoute(
  app: OpenAPIHono,
  { task, schemas }: Served,
  { checkpoints, pool, uploads, errors, maxBytes, maxPixels }: TaskRoutesOptions,
): void {
  const path = `/api/${task.command}`;
  const body = z.strictObject({ ...inputFields(task.accepts), models, ...schemas.request.shape });
  const result = z.object({ model: z.string(), ...schemas.answer.shape });
  const answer = z.object({ results: z.array(result) });
  describe(app, {
    method: "post",
    path,
    tag: task.command,
    summary: task.summary,
    description:
      "With `Accept: text/event-stream` the response is a stream of `progress` and `answer` events, one `answer` per " +
      "checkpoint. If something fails, the stream ends with an `error` event.",
    body,
    answer,
    errors: [...INPUT_ERRORS, ...errorsOf(task)],
  });
  app.post(path, async (c) => {
    const {
      input,
      models: names,
      ...options
    } = await readQuestion(c, body, {
      accepts: task.accepts,
      maxBytes,
      maxPixels,
      uploads,
    });
    const wanted = (names as string[] | undefined) ?? [await (await task.load()).defaultCheckpoint()];
    const sources = await Promise.all(wanted.map((name) => checkpoints.sourceOf(task, name)));
    const about = { task: task.name, input, models: sources, options };
    const ask = (emit?: (event: TaskEvent) => void) => pool.run("ask", about, c.req.raw.signal, emit);
    if (wantsEvents(c)) return streamAnswers(c, ask, errors);
    return c.json(answer.parse({ results: await ask() }));
  });
}

function wantsEvents(c: Context): boolean {
  return c.req.header("accept")?.includes("text/event-stream") === true;
}

function streamAnswers(
  c: Context,
  ask: (emit: (event: TaskEvent) => void) => Promise<unknown>,
  errors: ErrorAnswers,
): Response {
  return streamSSE(c, async (stream) => {
    let written: Promise<unknown> = Promise.resolve();
    const write = (event: string, data: unknown) => {
      written = written.then(() => stream.writeSSE({ event, data: JSON.stringify(data) }));
    };
    try {
      await ask(({ type, data }) => write(type, type === "answer" ? taskResult.parse(data) : data));
    } catch (error) {
      write("error", errors.of(error));
    }
    await written;
  });
}

/** `POST /api/<operation's path>`: runs an operation of one checkpoint. */
function operationRoute(
  app: OpenAPIHono,
  task: AnyTask,
  name: string,
  operation: OperationSchema,
  { checkpoints, pool, uploads, maxBytes, maxPixels }: TaskRoutesOptions,
): void {
  const path = `/api/${operation.path}`;
  const fields = operation.input ? inputFields(task.accepts) : {};
  const body = z.strictObject({ ...fields, model, ...operation.request.shape });
  describe(app, {
    method: "post",
    path,
    tag: operation.path.split("/")[0]!,
    summary: operation.summary,
    body,
    answer: operation.answer,
    errors: [...INPUT_ERRORS, ...(operation.input ? errorsOf(task) : [])],
  });
  app.post(path, async (c) => {
    const asked = operation.input
      ? await readQuestion(c, body, { accepts: task.accepts, maxBytes, maxPixels, uploads })
      : { ...(await readBody(c, body, maxBytes)), input: undefined };
    const { input, model: wanted, ...request } = asked as Record<string, unknown>;
    const source = await checkpoints.sourceOf(task, wanted as string);
    const about = { task: task.name, operation: name, model: source, input: input as never, request };
    return c.json(operation.answer.parse(await pool.run("operate", about, c.req.raw.signal)) as object);
  });
}

function inputFields(accepts: readonly Medium[]): z.ZodRawShape {
  return { ...mediaFields(accepts), ...(accepts.includes("image") && { tolerant }) };
}

function errorsOf({ errors }: AnyTask): ErrorCode[] {
  return ["bad-image", ...new Set(Object.values(errors))];
}
