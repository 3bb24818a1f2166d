/** Requests with a picture: a form or JSON, checked against one schema. */
import type { Context } from "hono";
import type * as z from "zod";
import { ApiError, type pictureFields } from "../../api/index.ts";
import type { Uploads } from "../uploads.ts";
import { readBytes } from "./incoming.ts";

interface Read {
  readonly fields: unknown;
  /** The file of a form. */
  readonly file?: PictureFile;
}

interface PictureFile {
  readonly bytes: Uint8Array;
  /** What messages call it. */
  readonly name: string;
}

/**
 * The body, checked. In a form, numbers are written as text, and a list as several fields or one with commas.
 *
 * @throws ApiError naming the first field that is not as expected
 */
export async function readBody<S extends z.ZodObject>(
  c: Context,
  schema: S,
  maxBytes: number,
): Promise<z.output<S>> {
  return check(schema, (await read(c, schema, maxBytes)).fields);
}

/** The file of a picture, and how it is to be read. */
interface PictureInput extends PictureFile {
  /** If it was uploaded before. */
  readonly id?: string;
  readonly tolerant: boolean;
}

/** The same for a request with an `image` or an `input`: the file is under `picture` instead. */
export async function readPicture<S extends z.ZodObject<typeof pictureFields>>(
  c: Context,
  schema: S,
  maxBytes: number,
  uploads: Uploads,
): Promise<Omit<z.output<S>, keyof typeof pictureFields> & { picture: PictureInput }> {
  const { fields, file } = await read(c, schema, maxBytes);
  const checked = check(schema, file ? { ...(fields as object), image: "a file" } : fields);
  const { image, input, tolerant, ...rest } = checked;
  return { ...rest, picture: { ...pictureFile(image, input, file, uploads), tolerant } };
}

function pictureFile(
  image: string | undefined,
  input: string | undefined,
  file: PictureFile | undefined,
  uploads: Uploads,
): Omit<PictureInput, "tolerant"> {
  if ((image === undefined) === (input === undefined))
    throw new ApiError(
      "bad-request",
      `image: expected either a picture or an upload as input, got ${image === undefined ? "neither" : "both"}`,
      "image",
    );
  if (input === undefined) return file ?? { bytes: pictureBytes(image!), name: "image" };
  const id = input.slice("upload:".length);
  return { bytes: uploads.get(id), name: "input", id };
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
    throw new ApiError("bad-request", `the body is no JSON: ${(error as Error).message}`);
  }
}

async function readForm(bytes: Uint8Array<ArrayBuffer>, type: string, schema: z.ZodObject): Promise<Read> {
  const headers = { "content-type": type };
  const form = await new Response(bytes, { headers }).formData().catch((error: Error) => {
    throw new ApiError("bad-request", `the body is no form: ${error.message}`);
  });
  const fields = new Map<string, unknown>();
  let file: PictureFile | undefined;
  for (const key of new Set(form.keys())) {
    const values = form.getAll(key);
    const [first] = values;
    if (typeof first === "string") fields.set(key, fromText(schema.shape[key], values.map(String)));
    else if (key === "image" && first && values.length === 1)
      file = { bytes: new Uint8Array(await first.arrayBuffer()), name: first.name || "image" };
    else throw new ApiError("bad-request", `${key}: expected no file, or one under image`, key);
  }
  return { fields: Object.fromEntries(fields), ...(file && { file }) };
}

/** Texts of a form as the schema's type wants them; what does not fit is left for the schema to refuse. */
function fromText(schema: unknown, texts: readonly string[]): unknown {
  const type = innermost(schema);
  if (type === "array") return texts.flatMap((text) => text.split(",")).map((text) => text.trim());
  const text = texts.length === 1 ? texts[0]! : texts;
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (type !== "number" || typeof text !== "string") return text;
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function innermost(schema: unknown): string | undefined {
  const { type, innerType } =
    ((schema as z.ZodType | undefined)?.def as { type?: string; innerType?: unknown }) ?? {};
  return innerType === undefined ? type : innermost(innerType);
}

/**
 * The bytes of a data: URL or of base64. An address is refused: otherwise anybody could have the server ask its
 * own network for things.
 */
function pictureBytes(image: string): Uint8Array<ArrayBuffer> {
  const base64 = /^data:[^,]{0,200};base64,/i.exec(image)?.[0];
  if (base64 === undefined && /^[a-z][a-z\d+.-]*:/i.test(image))
    throw new ApiError(
      "bad-request",
      "image: expected a data: URL with base64, or base64 alone; addresses are not fetched",
      "image",
    );
  const text = image.slice(base64?.length ?? 0);
  if (!/^[a-z\d+/\s]+={0,2}\s*$/i.test(text))
    throw new ApiError("bad-request", "image: is no base64", "image");
  return new Uint8Array(Buffer.from(text, "base64"));
}
