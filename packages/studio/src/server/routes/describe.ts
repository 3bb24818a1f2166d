/** The OpenAPI document, route by route. */
import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import * as z from "zod";
import { type ErrorCode, errorAnswer } from "../../api/index.ts";
import { STATUS } from "../http/errors.ts";

/** What the routes are made with. */
export type App = OpenAPIHono;

interface Description {
  readonly method: "get" | "post" | "delete";
  /** Parameters as `{name}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: z.ZodObject;
  /** The body is any file. */
  readonly file?: boolean;
  readonly answer?: z.ZodType;
  /** Of the answer, where it is not 200 with JSON. */
  readonly status?: number;
  readonly type?: string;
  readonly errors?: readonly ErrorCode[];
}

/** Errors of every body. */
const BODY_ERRORS: readonly ErrorCode[] = ["bad-request", "forbidden", "too-large", "unsupported"];
/** Errors of every question to a checkpoint. */
export const INPUT_ERRORS: readonly ErrorCode[] = ["not-found", "absent", "overloaded"];

/** Adds a route to the document. */
export function describe(app: App, route: Description): void {
  const { method, path, tag, summary, description, params = {}, body, answer, status = 200 } = route;
  const type = route.type ?? "application/json";
  const content = body ? contentOf(body) : route.file ? { "*/*": { schema: binary } } : undefined;
  const errors = new Set<ErrorCode>([...(content ? BODY_ERRORS : []), ...(route.errors ?? []), "internal"]);
  const responses: RouteConfig["responses"] = {
    [status]: {
      description: summary,
      ...(answer && { content: { [type]: { schema: answer } } }),
    },
  };
  for (const wrong of new Set([...errors].map((code) => STATUS[code])))
    responses[wrong] = {
      description: [...errors].filter((code) => STATUS[code] === wrong).join(" or "),
      content: { "application/json": { schema: errorAnswer } },
    };
  const names = Object.entries(params).map(([name, text]) => [name, z.string().meta({ description: text })]);
  app.openAPIRegistry.registerPath({
    method,
    path,
    tags: [tag],
    summary,
    ...(description && { description }),
    request: {
      ...(names.length > 0 && { params: z.object(Object.fromEntries(names)) }),
      ...(content && { body: { required: true, content } }),
    },
    responses,
  });
}

const binary = z.string().meta({ format: "binary", description: "The file" });

function contentOf(body: z.ZodObject) {
  const json = { "application/json": { schema: body } };
  const files = ["image", "video", "audio", "documents"].filter((field) => field in body.shape);
  if (files.length === 0) return json;
  // Built anew rather than extended, so that the document does not take it for the JSON of the same name.
  const form = z
    .object({ ...body.shape, ...Object.fromEntries(files.map((field) => [field, binary.optional()])) })
    .meta({ description: "Lists: several fields, or one with commas" });
  return { ...json, "multipart/form-data": { schema: form } };
}
