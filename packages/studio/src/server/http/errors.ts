/** From what went wrong to an answer. */
import type { HubErrorCode } from "@tessera-ml/hub";
import type { MediaErrorCode } from "@tessera-ml/media";
import type { VisionErrorCode } from "@tessera-ml/vision";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { ApiError, type ErrorAnswer, type ErrorCode } from "../../api/index.ts";

export const STATUS = {
  "bad-request": 400,
  "bad-image": 400,
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

/** What a picture can be wrong in. Nothing is looked up by name for a client, so two cannot happen. */
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

/** What a network cannot do with a picture. Files without a name are not loaded for a client. */
const VISION: Partial<Record<VisionErrorCode, ErrorCode>> = {
  "no-digit": "unsuitable",
  "no-attention": "unsuitable",
  "no-places": "unsuitable",
};

/**
 * The error as one that may be told, by its name and code rather than its class: it may come from another
 * thread. Undefined where it is none of ours, and so a fault of the server.
 */
function tellable(error: unknown): ApiError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof ApiError) return error;
  const code = "code" in error ? String(error.code) : "";
  const known =
    error.name === "MediaError"
      ? MEDIA[code as MediaErrorCode]
      : error.name === "HubError"
        ? HUB[code as HubErrorCode]
        : error.name === "VisionError"
          ? VISION[code as VisionErrorCode]
          : undefined;
  return known && new ApiError(known, error.message);
}

/** Seconds after which a refused client may come again. */
const RETRY_AFTER = "2";

export function answerError(c: Context, error: unknown): Response {
  const told = tellable(error) ?? new ApiError("internal", "The server failed; its terminal says why.");
  if (told.code === "internal") console.error(error);
  if (told.code === "overloaded") c.header("Retry-After", RETRY_AFTER);
  const { code, message, field } = told;
  return c.json({ error: { code, message, ...(field && { field }) } } satisfies ErrorAnswer, STATUS[code]);
}
