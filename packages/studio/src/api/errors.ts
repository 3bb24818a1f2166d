import * as z from "zod";

/**
 * Error codes, for programs to branch on.
 * - `bad-request` (400): a parameter, the JSON or the form is invalid; `field` names it
 * - `bad-image` (400): the picture is damaged or truncated
 * - `bad-input` (400): any other input is damaged or truncated
 * - `forbidden` (403): the request comes from another site's page, or the Host header is foreign
 * - `not-found` (404): no such checkpoint, recipe, part, run or path
 * - `method` (405): the path does not support this method
 * - `busy` (409): a training run is in progress
 * - `absent` (409): the checkpoint is known but not on this machine; the message says how to get it
 * - `too-large` (413): the body has too many bytes, or the picture too many pixels
 * - `unsupported` (415): an unknown image format, or a body that is neither JSON nor a form
 * - `unsuitable` (422): the input or network lacks what was asked for (a digit, attention maps)
 * - `overloaded` (503): too many requests are queued; `Retry-After` says when to retry
 * - `internal` (500): a fault of the server
 */
export const errorCode = z.enum([
  "bad-request",
  "bad-image",
  "bad-input",
  "forbidden",
  "not-found",
  "method",
  "busy",
  "absent",
  "too-large",
  "unsupported",
  "unsuitable",
  "overloaded",
  "internal",
]);

export type ErrorCode = z.infer<typeof errorCode>;

/** The body of every error response. */
export const errorAnswer = z
  .object({
    error: z.object({
      code: errorCode,
      message: z.string().meta({ description: "For people: what was expected, and what was found" }),
      field: z.string().optional().meta({ description: "The invalid parameter" }),
    }),
  })
  .meta({
    id: "Error",
    example: { error: { code: "bad-request", message: "top: expected number, got string", field: "top" } },
  });

export type ErrorAnswer = z.infer<typeof errorAnswer>;

/** An error whose message may be sent to a client. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
