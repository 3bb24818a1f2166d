/** Request bodies, with or without an input: a form or JSON, validated by one schema. */

import type { Medium } from "@tessera-ml/kit";
import type { Context } from "hono";
import type * as z from "zod";
import { ApiError } from "../../api/index.ts";
import type { JobInput } from "../inference/jobs.ts";
import type { Uploads } from "../uploads.ts";
import { readBytes } from "./incoming.ts";

interface Read {
  readonly fields: unknown;
  /** The file of a form, and the field it came in. */
  readonly file?: {
    readonly field: string;
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** Its name in messages. */
    readonly name: string;
  };
}

/**
 * The validated body. In a form, numbers are text, and a list is several fields or one with commas.
 *
 * @throws ApiError naming the first invalid field
 */
export async function readBody<S extends z.ZodObject>(
  c: Context,
  schema: S,
  maxBytes: number,
): Promise<z.output<S>> {
  return check(schema, (await read(c, schema, maxBytes)).fields);
}

export interface QuestionOptions {
  readonly accepts: readonly Medium[];
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly uploads: Uploads;
}

/**
 * Like {@link readBody}, for a request with an input: a field named after its kind (`image`, `text`, …), or `input` for
 * an upload. Exactly one is allowed.
 */
export async function readQuestion<S extends z.ZodObject>(
  c: Context,
  schema: S,
  { accepts, maxBytes, maxPixels, uploads }: QuestionOptions,
): Promise<Record<string, unknown> & { input: JobInput | undefined }> {
  const { fields, file } = await read(c, schema, maxBytes);
  const placed = file ? { ...(fields as object), [file.field]: "a file" } : fields;
  const checked: Record<string, unknown> = check(schema, placed);
  const kinds: readonly string[] = [...accepts, "input"];
  const given = kinds.filter((kind) => checked[kind] !== undefined);
  const { tolerant, ...rest } = Object.fromEntries(
    Object.entries(checked).filter(([key]) => !kinds.includes(key)),
  );
  if (accepts.length === 0) return { ...rest, input: undefined };
  const [kind] = given;
  if (kind === undefined || given.length > 1)
    throw new ApiError(
      "bad-request",
      `${accepts[0]}: expected one of ${kinds.join(", ")}; got ${given.join(" and ") || "none"}`,
      accepts[0],
    );
  const value = String(checked[kind]);
  if (kind === "text" && !file) return { ...rest, input: value };
  const limits = { maxPixels, tolerant: tolerant as boolean | undefined };
  if (file) return { ...rest, input: { bytes: file.bytes, name: file.name, ...limits } };
  if (kind !== "input") return { ...rest, input: { bytes: inlineBytes(kind, value), name: kind, ...limits } };
  const id = value.slice("upload:".length);
  return { ...rest, input: { bytes: uploads.get(id), id, name: "input", ...limits } };
}

async function read(c: Context, schema: z.ZodObject, maxBytes: number): Promise<Read> {
  const header = c.req.header("content-type") ?? "";
  const type = header.split(";")[0]?.trim().toLowerCase();
  const isForm = type === "multipart/form-data" || type === "application/x-www-form-urlencoded";
  if (type !== "application/json" && !isForm)
    throw new ApiError(
      "unsupported",
      `expected application/json or multipart/form-data, got ${type || "no Content-Type"}`,
      "Content-Type",
    );
  const bytes = await readBytes(c, maxBytes);
  return isForm ? await readForm(bytes, header, schema) : { fields: readJson(bytes) };
}

function check<S extends z.ZodObject>(schema: S, value: unknown): z.output<S> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const issue = error.issues[0]!;
  const unknown = issue.code === "unrecognized_keys" ? issue.keys : [];
  const field = [...issue.path, ...unknown.slice(0, 1)].join(".");
  const message = issue.message.replace(/^Invalid input: /, "");
  throw new ApiError("bad-request", `${field || "the body"}: ${message}`, field || undefined);
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ApiError("bad-request", `the body is not JSON: ${(error as Error).message}`);
  }
}

/** Form fields that may be files. */
const FILES: readonly string[] = ["image", "video", "audio", "text", "documents"] satisfies Medium[];

async function readForm(bytes: Uint8Array<ArrayBuffer>, type: string, schema: z.ZodObject): Promise<Read> {
  const headers = { "content-type": type };
  const form = await new Response(bytes, { headers }).formData().catch((error: Error) => {
    throw new ApiError("bad-request", `the body is not a form: ${error.message}`);
  });
  const fields = new Map<string, unknown>();
  let file: Read["file"];
  const kinds = FILES.filter((field) => field in schema.shape);
  for (const key of new Set(form.keys())) {
    const values = form.getAll(key);
    const [first] = values;
    if (typeof first === "string") fields.set(key, fromText(schema.shape[key], values.map(String)));
    else if (kinds.includes(key) && first && values.length === 1 && !file)
      file = { field: key, bytes: new Uint8Array(await first.arrayBuffer()), name: first.name || key };
    else
      throw new ApiError("bad-request", `${key}: expected no file, or one under ${kinds.join(" or ")}`, key);
  }
  return { fields: Object.fromEntries(fields), ...(file && { file }) };
}

/** Converts a form's text to the schema's type; the schema rejects what cannot be converted. */
function fromText(schema: unknown, texts: readonly string[]): unknown {
  const inner = innermost(schema);
  const type = inner?.def?.type;
  if (type === "array") {
    const { element } = inner as z.ZodArray;
    return texts.flatMap((text) =>
      isWhole(element, text) ? [text] : text.split(",").map((one) => one.trim()),
    );
  }
  const text = texts.length === 1 ? texts[0]! : texts;
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (type !== "number" || typeof text !== "string") return text;
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Whether a text is one entry although it may have commas: the schema has a pattern for entries, and it fits. */
function isWhole(element: unknown, text: string): boolean {
  const { def, safeParse } = element as z.ZodString;
  const patterned = def?.checks?.some(({ _zod }) => (_zod.def as { format?: string }).format === "regex");
  return patterned === true && safeParse(text).success;
}

function innermost(schema: unknown): z.ZodType | undefined {
  const found = schema as z.ZodType | undefined;
  const { innerType } = (found?.def as { innerType?: unknown } | undefined) ?? {};
  return innerType === undefined ? found : innermost(innerType);
}

/**
 * The bytes of a data: URL or of base64. Other URLs are rejected, so that clients cannot make the server send requests
 * into its own network.
 */
function inlineBytes(field: string, value: string): Uint8Array<ArrayBuffer> {
  const base64 = /^data:[^,]{0,200};base64,/i.exec(value)?.[0];
  if (base64 === undefined && /^[a-z][a-z\d+.-]*:/i.test(value))
    throw new ApiError(
      "bad-request",
      `${field}: expected a data: URL with base64, or base64 alone; URLs are not fetched`,
      field,
    );
  const text = value.slice(base64?.length ?? 0);
  if (!/^[a-z\d+/\s]+={0,2}\s*$/i.test(text))
    throw new ApiError("bad-request", `${field}: not base64`, field);
  return new Uint8Array(Buffer.from(text, "base64"));
}
