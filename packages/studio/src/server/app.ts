/** The HTTP application: all routes, middleware and error handling. */
import { join, resolve, sep } from "node:path";
import { OpenAPIHono } from "@hono/zod-openapi";
import { ApiError, healthAnswer } from "../api/index.ts";
import type { CheckpointList } from "./checkpoint-list.ts";
import { errorAnswers } from "./http/errors.ts";
import { FOREVER, REVALIDATE, sendFile } from "./http/files.ts";
import { guard, headers } from "./http/guard.ts";
import { discardBody } from "./http/incoming.ts";
import type { WorkerPool } from "./inference/pool.ts";
import { describe } from "./routes/describe.ts";
import { modelRoutes } from "./routes/models.ts";
import { type Limits, type Served, taskRoutes } from "./routes/tasks.ts";
import { trainRoutes } from "./routes/train.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import type { Runs } from "./training/runs.ts";
import { Uploads } from "./uploads.ts";

export interface AppOptions extends Limits {
  readonly served: readonly Served[];
  readonly checkpoints: CheckpointList;
  readonly pool: WorkerPool;
  readonly runs: Runs;
  /** The folder of the built page. */
  readonly page: string;
  readonly allowedHosts: readonly string[];
}

export function studioApp(options: AppOptions): OpenAPIHono {
  const { served, checkpoints, pool, runs, page, allowedHosts } = options;
  const tasks = served.map(({ task }) => task);
  const errors = errorAnswers(tasks);
  const app = new OpenAPIHono();
  app.use(headers());
  app.use(guard(allowedHosts));
  app.onError(async (error, c) => {
    await discardBody(c);
    return errors.send(c, error);
  });

  describe(app, {
    method: "get",
    path: "/api/health",
    tag: "server",
    summary: "Whether the server is up, and how busy it is",
    answer: healthAnswer,
  });
  app.get("/api/health", (c) =>
    c.json(healthAnswer.parse({ status: "ok", waiting: pool.size, training: runs.current ?? null })),
  );
  const uploads = new Uploads();
  uploadRoutes(app, uploads, options.maxBytes);
  modelRoutes(app, checkpoints, pool);
  taskRoutes(app, { ...options, uploads, errors });
  trainRoutes(app, tasks, runs);
  app.get("/api/openapi.json", (c) =>
    c.json(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: {
          title: "Tessera Studio",
          version: "0",
          description:
            "Runs checkpoints on pictures and other inputs, and inspects them. Every error is " +
            "`{ error: { code, message } }`. URLs of inputs are not fetched: send the bytes.",
          license: { name: "Apache-2.0" },
        },
      }),
    ),
  );

  app.get("*", async (c, next) => {
    if (c.req.path.startsWith("/api/")) return await next();
    const path = pageFile(page, c.req.path);
    // Vite puts a content hash into the file names.
    const caching = c.req.path.startsWith("/assets/") ? FOREVER : REVALIDATE;
    return (path && (await sendFile(c, path, caching))) || (await next());
  });
  app.notFound(async (c) => {
    await discardBody(c);
    return errors.send(c, notFound(app, c.req.method, c.req.path));
  });
  return app;
}

/** The file of a path, if it is inside the folder. */
function pageFile(page: string, path: string): string | undefined {
  const name = decoded(path.endsWith("/") ? `${path}index.html` : path);
  if (name === undefined || name.includes("\0")) return undefined;
  const file = resolve(join(page, name));
  return file.startsWith(page + sep) ? file : undefined;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** 405 if the path exists with another method, else 404. */
function notFound(app: OpenAPIHono, method: string, path: string): ApiError {
  const others = app.routes
    .filter(
      ({ path: pattern, method: other }) => other !== "ALL" && !pattern.includes("*") && fits(pattern, path),
    )
    .map((route) => route.method);
  if (others.length === 0 || others.includes(method)) return new ApiError("not-found", `${path}: not found`);
  return new ApiError("method", `${path}: expected ${others.join(" or ")}, got ${method}`);
}

function fits(pattern: string, path: string): boolean {
  return new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`).test(path);
}
