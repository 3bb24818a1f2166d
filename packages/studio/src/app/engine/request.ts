/** Requests to the server's API. Every answer is checked against its schema. */
import * as z from "zod";
import {
  ApiError,
  errorAnswer,
  type TaskProgress,
  type TaskResult,
  taskAnswer,
  taskProgress,
  taskResult,
} from "../../api/index.ts";
import { readEvents } from "./events.ts";

const EVENTS = "text/event-stream";

export function get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  return request(path, schema, {});
}

export function post<T>(
  path: string,
  schema: z.ZodType<T>,
  fields: object,
  signal?: AbortSignal,
): Promise<T> {
  return request(path, schema, jsonRequest(fields, signal));
}

/** @throws ApiError with the server's reason */
export async function request<T>(path: string, schema: z.ZodType<T>, options: RequestInit): Promise<T> {
  return check(path, schema, await readJson(await send(path, options)));
}

/** Asks a task. A server that streams reports its progress; another sends the whole answer at its end. */
export async function postTask(
  path: string,
  fields: object,
  { signal, progress }: { signal?: AbortSignal | undefined; progress?: (now: TaskProgress) => void },
): Promise<readonly TaskResult[]> {
  const options = jsonRequest(fields, signal);
  const accept = progress ? `${EVENTS}, application/json;q=0.5` : "application/json";
  const response = await send(path, { ...options, headers: { ...options.headers, accept } });
  if (!response.headers.get("content-type")?.startsWith(EVENTS))
    return check(path, taskAnswer, await readJson(response)).results;
  const results: TaskResult[] = [];
  let ended = false;
  for await (const { event, data } of readEvents(response.body!)) {
    const value = parseJson(data);
    if (event === "progress") progress?.(check(path, taskProgress, value));
    else if (event === "answer") results.push(check(path, taskResult, value));
    else if (event === "error") throw errorOf(value) ?? new Error("The server failed and gave no reason.");
    ended = event === "answer";
  }
  if (!ended) throw new Error("The connection to the server broke before the answer was complete.");
  return results;
}

function jsonRequest(fields: object, signal?: AbortSignal) {
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fields),
    ...(signal && { signal }),
  };
}

async function send(path: string, options: RequestInit): Promise<Response> {
  const response = await fetch(path, options);
  if (response.ok) return response;
  throw errorOf(await readJson(response)) ?? new Error(`The server answered ${response.status}.`);
}

/** Events may carry the error with or without the wrapper of a JSON answer. */
function errorOf(value: unknown): ApiError | undefined {
  const wrapped = errorAnswer.safeParse(value);
  const bare = errorAnswer.safeParse({ error: value });
  const { error } = wrapped.data ?? bare.data ?? {};
  return error && new ApiError(error.code, error.message, error.field);
}

function check<T>(path: string, schema: z.ZodType<T>, value: unknown): T {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw new Error(`This page cannot read the server's answer to ${path}: ${z.prettifyError(checked.error)}`);
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  return text === "" ? {} : parseJson(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
