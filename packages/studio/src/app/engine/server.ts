/** The server's API as an engine. */
import * as z from "zod";
import {
  healthAnswer,
  lineageAnswer,
  modelAnswer,
  modelsAnswer,
  recipesAnswer,
  runsAnswer,
  tasksAnswer,
  trainAnswer,
  trainEvent,
  uploadAnswer,
} from "../../api/index.ts";
import type { Engine, OperateAbout, Question, Training } from "./engine.ts";
import { get, post, postTask, request } from "./request.ts";
import { UploadedFiles } from "./uploads.ts";

/** A local server answers at once, unless all cores are busy. */
const PATIENCE_MS = 8000;

/** Whether this page came from a Tessera server. A static host has no API, and a page built for one does not ask. */
export async function serverAnswers(): Promise<boolean> {
  if (import.meta.env.MODE === "static") return false;
  try {
    const response = await fetch("api/health", { signal: AbortSignal.timeout(PATIENCE_MS) });
    return response.ok && healthAnswer.safeParse(await response.json()).success;
  } catch {
    return false;
  }
}

export class ServerEngine implements Engine {
  readonly kind = "server";
  readonly #files = new UploadedFiles((file) => {
    const headers = { "content-type": file.type || "application/octet-stream" };
    return request("api/uploads", uploadAnswer, { method: "POST", headers, body: file });
  });
  readonly training: Training = {
    recipes: async () => (await get("api/recipes", recipesAnswer)).recipes,
    start: async (order) => (await post("api/train", trainAnswer, order)).id,
    running: async () =>
      (await get("api/train", runsAnswer)).runs.find(({ state }) => state === "running")?.id,
    follow,
    stop: async (id) => {
      await request(`api/train/${id}`, z.unknown(), { method: "DELETE" });
    },
  };

  async tasks() {
    return (await get("api/tasks", tasksAnswer)).tasks;
  }

  async models() {
    return (await get("api/models", modelsAnswer)).models;
  }

  model(name: string) {
    return get(`api/models/${encodeURIComponent(name)}`, modelAnswer);
  }

  ask(...[task, file, options, { models, ...rest } = {}]: Parameters<Engine["ask"]>) {
    return this.#files.use(file, (input) =>
      postTask(`api/${task.command}`, { ...options, input, models }, rest),
    );
  }

  operate<T>({ path, answer }: Question<T>, { model, input, request, signal }: OperateAbout): Promise<T> {
    const ask = (file?: string) =>
      post(`api/${path}`, answer, { model, ...request, ...(file && { input: file }) }, signal);
    return input ? this.#files.use(input, ask) : ask();
  }

  async lineage() {
    return (await get("api/lineage", lineageAnswer)).lineage;
  }

  close() {}
}

function follow(...[id, heard, failed]: Parameters<Training["follow"]>): () => void {
  const source = new EventSource(`api/train/${id}/events`);
  for (const type of ["start", "step", "evaluation", "done", "error"])
    source.addEventListener(type, (message) => {
      // The browser's own "error" event, a lost connection, has no data; the browser reconnects by itself.
      if (!(message instanceof MessageEvent)) return;
      const event = trainEvent.safeParse(JSON.parse(message.data));
      if (!event.success) return failed("This page cannot read the server's report on the run.");
      if (event.data.type === "done" || event.data.type === "error") source.close();
      heard(event.data);
    });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) failed("The server stopped reporting on this run.");
  };
  return () => source.close();
}
