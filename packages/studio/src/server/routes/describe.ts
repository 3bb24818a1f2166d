/** Registers routes in the OpenAPI document. */
import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import * as z from "zod";
import { type ErrorCode, errorAnswer } from "../../api/index.ts";
import { STATUS } from "../http/errors.ts";

interface Description {
  readonly method: "get" | "post" | "delete";
  /** With parameters as `{name}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: z.ZodObject;
  /** Whether the body is a file of any type. */
  readonly file?: boolean;
  readonly answer?: z.ZodType;
  /** The response's status if not 200. */
  readonly status?: number;
  /** The response's media type if not JSON. */
  readonly type?: string;
  readonly errors?: readonly ErrorCode[];
}

/** Errors of every route with a body. */
const BODY_ERRORS: readonly ErrorCode[] = ["bad-request", "forbidden", "too-large", "unsupported"];
/** Errors of every route that runs a checkpoint. */
export const INPUT_ERRORS: readonly ErrorCode[] = ["not-found", "absent", "overloaded"];

/** Adds a route to the OpenAPI document. */
export function describe(app: OpenAPIHono, route: Description): void {
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
  // A new object rather than an extension, so that the document does not reuse the JSON schema of that name.
  const form = z
    .object({ ...body.shape, ...Object.fromEntries(files.map((field) => [field, binary.optional()])) })
    .meta({ description: "A list is several fields, or one with commas" });
  return { ...json, "multipart/form-data": { schema: form } };
}
