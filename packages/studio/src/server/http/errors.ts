/** Error responses. */
import type { HubErrorCode } from "@tessera-ml/hub";
import type { AnyTask, KitErrorCode } from "@tessera-ml/kit";
import type { MediaErrorCode } from "@tessera-ml/media";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { ApiError, type ErrorAnswer, type ErrorCode } from "../../api/index.ts";

export const STATUS = {
  "bad-request": 400,
  "bad-image": 400,
  "bad-input": 400,
  forbidden: 403,
  "not-found": 404,
  method: 405,
  busy: 409,
  absent: 409,
  "too-large": 413,
  unsupported: 415,
  unsuitable: 422,
  overloaded: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, ContentfulStatusCode>;

/** Errors of decoding. The server opens no files by name for clients, so other codes cannot occur. */
const MEDIA: Partial<Record<MediaErrorCode, ErrorCode>> = {
  empty: "bad-image",
  damaged: "bad-image",
  "cut-short": "bad-image",
  unsupported: "unsupported",
  "too-large": "too-large",
};

const HUB: Partial<Record<HubErrorCode, ErrorCode>> = {
  "unknown-name": "not-found",
  absent: "absent",
  offline: "absent",
};

/** The server opens no unnamed checkpoint files for clients, so other codes cannot occur. */
const KIT: Partial<Record<KitErrorCode, ErrorCode>> = {
  "bad-option": "bad-request",
  "no-part": "not-found",
};

/** Seconds until a rejected client may retry. */
const RETRY_AFTER = "2";

/** Converts errors to responses; each task adds its own error codes. */
export interface ErrorAnswers {
  of(error: unknown): ErrorAnswer;
  send(c: Context, error: unknown): Response;
}

export function errorAnswers(tasks: readonly AnyTask[]): ErrorAnswers {
  const ofTasks: Readonly<Record<string, ErrorCode>> = Object.assign(
    {},
    ...tasks.map(({ errors }) => errors),
  );
  const of = (error: unknown): ErrorAnswer => {
    const known =
      publicError(error, ofTasks) ?? new ApiError("internal", "Internal error; see the server's terminal.");
    if (known.code === "internal") console.error(error);
    const { code, message, field } = known;
    return { error: { code, message, ...(field && { field }) } };
  };
  const send = (c: Context, error: unknown) => {
    const answer = of(error);
    const { code } = answer.error;
    if (code === "overloaded") c.header("Retry-After", RETRY_AFTER);
    return c.json(answer, STATUS[code]);
  };
  return { of, send };
}

/**
 * The error as a client may see it; undefined for a fault of the server. Goes by name and code rather than class, since
 * errors from worker threads lose their class.
 */
function publicError(error: unknown, ofTasks: Readonly<Record<string, ErrorCode>>): ApiError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof ApiError) return error;
  const { code = "", field } = error as { code?: string; field?: string };
  const own: Readonly<Record<string, Readonly<Record<string, ErrorCode>>>> = {
    MediaError: MEDIA,
    HubError: HUB,
    KitError: KIT,
  };
  const known = own[error.name]?.[code] ?? ofTasks[code];
  return known && new ApiError(known, error.message, field);
}
