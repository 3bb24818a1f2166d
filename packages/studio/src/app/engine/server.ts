/** The server's API: every answer is checked against its schema before the page uses it. */
import * as z from "zod";
import {
  attentionAnswer,
  classifyAnswer,
  errorAnswer,
  featuresAnswer,
  gradcamAnswer,
  healthAnswer,
  lineageAnswer,
  modelAnswer,
  modelsAnswer,
  receptiveFieldAnswer,
  recipesAnswer,
  runsAnswer,
  trainAnswer,
  trainEvent,
} from "../../api/index.ts";
import { type Engine, TOP, type Training } from "./engine.ts";

type Fields = Readonly<Record<string, string | number | Blob | undefined>>;

/** A server of this machine answers at once, unless all its cores are at work. */
const PATIENCE_MS = 8000;

/** Whether the server of this page has the API. A plain host has not, and a page built for one does not ask. */
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
  readonly training: Training = {
    recipes: async () => (await get("api/recipes", recipesAnswer)).recipes,
    start: async (request) => {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify(request);
      return (await ask("api/train", trainAnswer, { method: "POST", headers, body })).id;
    },
    running: async () =>
      (await get("api/train", runsAnswer)).runs.find(({ state }) => state === "running")?.id,
    follow,
    stop: async (id) => {
      await ask(`api/train/${id}`, z.unknown(), { method: "DELETE" });
    },
  };

  async models() {
    return (await get("api/models", modelsAnswer)).models;
  }

  model(name: string) {
    return get(`api/models/${encodeURIComponent(name)}`, modelAnswer);
  }

  async classify(image: Blob, model: string, signal: AbortSignal) {
    const { results } = await post(
      "api/classify",
      classifyAnswer,
      { image, models: model, top: TOP },
      signal,
    );
    return results[0]!;
  }

  features(image: Blob, model: string, part: string, signal: AbortSignal) {
    return post("api/inspect/features", featuresAnswer, { image, model, part }, signal);
  }

  gradcam(image: Blob, model: string, options: { class?: number; part?: string; signal: AbortSignal }) {
    const { class: index, part, signal } = options;
    return post("api/inspect/gradcam", gradcamAnswer, { image, model, class: index, part }, signal);
  }

  attention(image: Blob, model: string, signal: AbortSignal) {
    return post("api/inspect/attention", attentionAnswer, { image, model }, signal);
  }

  receptiveField(model: string, part: string, signal: AbortSignal) {
    return post("api/inspect/receptive-field", receptiveFieldAnswer, { model, part }, signal);
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
      // The browser's own "error", of a lost connection, carries no data: it connects again by itself.
      if (!(message instanceof MessageEvent)) return;
      const event = trainEvent.safeParse(JSON.parse(message.data));
      if (!event.success) return failed(`The server tells of the run in a way this page does not know.`);
      if (event.data.type === "done" || event.data.type === "error") source.close();
      heard(event.data);
    });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) failed("The server no longer tells of this run.");
  };
  return () => source.close();
}

function get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  return ask(path, schema, {});
}

function post<T>(path: string, schema: z.ZodType<T>, fields: Fields, signal: AbortSignal): Promise<T> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) body.append(name, value instanceof Blob ? value : String(value));
  return ask(path, schema, { method: "POST", body, signal });
}

async function ask<T>(path: string, schema: z.ZodType<T>, options: RequestInit): Promise<T> {
  const response = await fetch(path, options);
  const text = await response.text();
  const answer: unknown = jsonOf(text);
  if (!response.ok) {
    const known = errorAnswer.safeParse(answer);
    throw new Error(known.success ? known.data.error.message : `The server answered ${response.status}.`);
  }
  const checked = schema.safeParse(answer);
  if (checked.success) return checked.data;
  throw new Error(
    `The server's answer to ${path} is not as this page expects: ${z.prettifyError(checked.error)}`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    return undefined;
  }
}
