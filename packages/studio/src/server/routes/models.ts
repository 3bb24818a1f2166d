import { join } from "node:path";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { shippedRecords, shippedRoot } from "@tessera-ml/hub";
import { ApiError, lineageAnswer, lineageOf, modelAnswer, modelsAnswer } from "../../api/index.ts";
import type { CheckpointList } from "../checkpoint-list.ts";
import { REVALIDATE, sendFile } from "../http/files.ts";
import type { WorkerPool } from "../inference/pool.ts";
import { describe } from "./describe.ts";

/** The list of checkpoints, their layers and history, and the files of the shipped ones. */
export function modelRoutes(app: OpenAPIHono, checkpoints: CheckpointList, pool: WorkerPool): void {
  describe(app, {
    method: "get",
    path: "/api/models",
    tag: "models",
    summary: "All checkpoints, on this machine or not",
    answer: modelsAnswer,
    errors: ["overloaded"],
  });
  app.get("/api/models", async (c) => c.json(modelsAnswer.parse({ models: await checkpoints.list() })));

  describe(app, {
    method: "get",
    path: "/api/models/{name}",
    tag: "models",
    summary: "A checkpoint's network, layer by layer",
    params: { name: "The name of a checkpoint or of a network" },
    answer: modelAnswer,
    errors: ["not-found", "overloaded"],
  });
  app.get("/api/models/:name", async (c) => {
    const { info, task, record } = await checkpoints.find(c.req.param("name"));
    const described = await pool.run("describe", { task: task.name, record }, c.req.raw.signal);
    return c.json(modelAnswer.parse({ model: info, ...described }));
  });

  describe(app, {
    method: "get",
    path: "/api/lineage",
    tag: "models",
    summary: "The history of networks: year, cost and measured accuracy",
    answer: lineageAnswer,
    errors: ["overloaded"],
  });
  app.get("/api/lineage", async (c) =>
    c.json(lineageAnswer.parse({ lineage: lineageOf(await checkpoints.list()) })),
  );

  // For a page that runs networks itself; a static host has the same list as a file.
  app.get("/models/index.json", async (c) => {
    const models = (await checkpoints.list()).filter(({ place }) => place === "shipped");
    return c.json(modelsAnswer.parse({ models }));
  });
  app.get("/models/:name/:file", async (c) => {
    const { name, file } = c.req.param();
    const record = shippedRecords().find((shipped) => shipped.name === name);
    if (record && ["record.json", "README.md", ...record.files.map((known) => known.file)].includes(file)) {
      const answer = await sendFile(c, join(shippedRoot(), record.name, file), REVALIDATE);
      if (answer) return answer;
    }
    throw new ApiError("not-found", `/models/${name}/${file}: no such file ships with Tessera`);
  });
}
