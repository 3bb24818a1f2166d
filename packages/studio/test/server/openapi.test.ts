import { systems } from "@tessera-ml/tessera/systems";
import { describe, expect, it } from "vitest";
import type * as z from "zod";
import * as api from "../../src/api/index.ts";
import { studioApp } from "../../src/server/app.ts";
import { CheckpointList } from "../../src/server/checkpoint-list.ts";
import { WorkerPool } from "../../src/server/inference/pool.ts";
import { Runs } from "../../src/server/training/runs.ts";
import { testStudio } from "./support/studio.ts";

const studio = testStudio();

interface Operation {
  summary: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

const read = async (): Promise<Document> => (await fetch(`${studio.url}/api/openapi.json`)).json();

describe("GET /api/openapi.json", () => {
  it("describes every route of the API", async () => {
    const pool = new WorkerPool({ script: new URL("none:"), workers: 0, capacity: 0 });
    const runs = new Runs();
    const limits = { maxBytes: 1, maxPixels: 1 };
    const served = await Promise.all(systems.map(async (task) => ({ task, schemas: await task.schemas() })));
    const parts = {
      served,
      checkpoints: new CheckpointList(systems, pool, runs),
      pool,
      runs,
      page: "",
      allowedHosts: [],
    };
    const { paths } = await read();
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const routes = studioApp({ ...parts, ...limits })
      .routes.filter(({ path, method }) => path.startsWith("/api/") && method !== "ALL")
      .map(({ path, method }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, "{$1}")}`)
      .filter((route) => route !== "get /api/openapi.json");
    expect(described.toSorted()).toEqual(routes.toSorted());
  });

  it("has a response and errors for each route, a parameter for each variable in a path, and no broken reference", async () => {
    const document = await read();
    expect(document.openapi).toBe("3.1.0");
    for (const [path, methods] of Object.entries(document.paths))
      for (const operation of Object.values(methods)) {
        const codes = Object.keys(operation.responses).map(Number);
        expect(codes.some((code) => code < 300)).toBe(true);
        expect(codes).toContain(500);
        const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        expect((operation.parameters ?? []).map(({ name }) => name)).toEqual(names);
      }
    for (const [, reference] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g))
      expect(Object.keys(document.components.schemas)).toContain(reference);
    const classify = document.paths["/api/classify"]!.post!;
    expect(Object.keys(classify.requestBody!.content)).toEqual(["application/json", "multipart/form-data"]);
    expect(Object.keys(classify.responses)).toEqual(
      expect.arrayContaining(["200", "400", "404", "409", "413", "415", "422", "503"]),
    );
  });

  it("has examples that match its schemas", () => {
    let examples = 0;
    for (const [name, schema] of Object.entries(api as Record<string, unknown>)) {
      const example = (schema as Partial<z.ZodType> | undefined)?.meta?.()?.example;
      if (example === undefined) continue;
      examples++;
      const { success, error } = (schema as z.ZodType).safeParse(example);
      expect(success, `${name}: ${error?.message}`).toBe(true);
    }
    expect(examples).toBeGreaterThan(5);
  });
});
