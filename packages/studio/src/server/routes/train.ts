import type { OpenAPIHono } from "@hono/zod-openapi";
import { HubError } from "@tessera-ml/hub";
import type { AnyTask } from "@tessera-ml/kit";
import { findRecipe, listDatasets, listRecipes } from "@tessera-ml/kit/catalogue";
import type { Recipe } from "@tessera-ml/kit/training";
import { streamSSE } from "hono/streaming";
import {
  ApiError,
  recipeInfo,
  recipesAnswer,
  runsAnswer,
  trainAnswer,
  trainEvent,
  trainRequest,
} from "../../api/index.ts";
import { readBody } from "../http/body.ts";
import type { NumberedEvent } from "../training/history.ts";
import type { Runs } from "../training/runs.ts";
import { describe } from "./describe.ts";

/** Milliseconds between keep-alive comments on a silent event stream. */
const HEARTBEAT = 15_000;

/** Largest request body. */
const MAX_BYTES = 10_000;

/** Training by recipe, with progress as events. */
export function trainRoutes(app: OpenAPIHono, tasks: readonly AnyTask[], runs: Runs): void {
  const id = { id: "The id of the run" };

  describe(app, {
    method: "get",
    path: "/api/recipes",
    tag: "train",
    summary: "All recipes",
    answer: recipesAnswer,
  });
  app.get("/api/recipes", async (c) => {
    const places = new Map((await listDatasets(tasks)).map(({ record, place }) => [record.name, place]));
    const offered = (await listRecipes(tasks)).filter(({ recipe }) => needsNoOptions(recipe));
    // A recipe generates data that is not listed.
    const recipes = offered.map(({ recipe }) => {
      const data = places.get(recipe.dataset) === "absent" ? "absent" : "here";
      return recipeInfo.parse({ ...recipe, data });
    });
    return c.json(recipesAnswer.parse({ recipes }));
  });

  describe(app, {
    method: "get",
    path: "/api/train",
    tag: "train",
    summary: "The runs since the server started, newest first",
    answer: runsAnswer,
  });
  app.get("/api/train", (c) => c.json(runsAnswer.parse({ runs: runs.list() })));

  describe(app, {
    method: "post",
    path: "/api/train",
    tag: "train",
    summary: "Starts a run, unless one is in progress",
    body: trainRequest,
    answer: trainAnswer,
    status: 202,
    errors: ["not-found", "busy", "absent"],
  });
  app.post("/api/train", async (c) => {
    const { recipe, epochs, samples } = await readBody(c, trainRequest, MAX_BYTES);
    const found = await recipeCalled(tasks, recipe);
    await requireData(tasks, found);
    const run = await runs.start(found, { epochs, samples });
    return c.json(trainAnswer.parse({ id: run }), 202);
  });

  describe(app, {
    method: "get",
    path: "/api/train/{id}/events",
    tag: "train",
    summary: "The events of a run from its start, as server-sent events",
    description:
      "Each event's name is its type, its data is JSON. The stream ends with `done` or `error`. A client that " +
      "reconnects with `Last-Event-ID` gets the events after it; 204 tells it not to reconnect, as none will follow.",
    params: id,
    answer: trainEvent,
    type: "text/event-stream",
    errors: ["not-found"],
  });
  app.get("/api/train/:id/events", (c) => {
    const { history } = runs.find(c.req.param("id"));
    const after = Number(c.req.header("last-event-id") ?? 0) || 0;
    if (history.ended && history.last!.number <= after) return c.body(null, 204);
    return streamSSE(c, async (stream) => {
      const waiting: NumberedEvent[] = [];
      let wake = () => {};
      const leave = history.follow(after, (numbered) => {
        waiting.push(numbered);
        wake();
      });
      stream.onAbort(() => wake());
      try {
        while (!stream.aborted) {
          const numbered = waiting.shift();
          if (numbered) {
            const { number, event } = numbered;
            await stream.writeSSE({ id: String(number), event: event.type, data: JSON.stringify(event) });
          } else if (history.ended) break;
          else {
            const beat = new Promise<void>((resolve) => (wake = resolve));
            const timer = setTimeout(
              () => void stream.write(": still here\n\n").then(() => wake()),
              HEARTBEAT,
            );
            await beat;
            clearTimeout(timer);
          }
        }
      } finally {
        leave();
      }
    });
  });

  describe(app, {
    method: "delete",
    path: "/api/train/{id}",
    tag: "train",
    summary: "Stops a run, and responds when it has ended",
    params: id,
    status: 204,
    errors: ["not-found", "forbidden"],
  });
  app.delete("/api/train/:id", async (c) => {
    await runs.stop(c.req.param("id"));
    return c.body(null, 204);
  });
}

/** Whether the page, which asks for none, can start it. */
function needsNoOptions({ options }: Recipe): boolean {
  return options === undefined || options.safeParse({}).success;
}

async function recipeCalled(tasks: readonly AnyTask[], name: string): Promise<Recipe> {
  try {
    return (await findRecipe(tasks, name)).recipe;
  } catch (error) {
    if (error instanceof HubError) throw new ApiError("not-found", error.message, "recipe");
    throw error;
  }
}

async function requireData(tasks: readonly AnyTask[], { dataset }: Recipe): Promise<void> {
  const state = (await listDatasets(tasks)).find(({ record }) => record.name === dataset);
  if (state?.place !== "absent") return;
  throw new ApiError(
    "absent",
    `${dataset} is not on this machine: \`tessera data get ${dataset}\` downloads it, or says where to put it`,
  );
}
