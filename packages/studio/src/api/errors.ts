import * as z from "zod";

/**
 * What went wrong, in one word a program can branch on.
 * - `bad-request` (400): a parameter, the JSON or the form is not as expected; `field` names it
 * - `bad-image` (400): the picture is damaged or cut short
 * - `bad-input` (400): any other input is damaged or cut short
 * - `forbidden` (403): another site's page asks, or the Host header is foreign
 * - `not-found` (404): no such model, recipe, part, run or address
 * - `method` (405): the address exists, not with this method
 * - `busy` (409): a training run is going on already
 * - `absent` (409): the model is known and not on this machine; the message says how to get it
 * - `too-large` (413): the body has too many bytes, or the picture too many pixels
 * - `unsupported` (415): no image of a known kind, or a body that is neither JSON nor a form
 * - `unsuitable` (422): there is nothing of the kind (attention maps of a convolutional network, a digit)
 * - `overloaded` (503): too many requests wait; `Retry-After` says when to come again
 * - `internal` (500)
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

/** Every answer that is not a success. */
export const errorAnswer = z
  .object({
    error: z.object({
      code: errorCode,
      message: z.string().meta({ description: "For people: what was found, and what was expected" }),
      field: z.string().optional().meta({ description: "The parameter that is wrong" }),
    }),
  })
  .meta({
    id: "Error",
    example: { error: { code: "bad-request", message: "top: expected number, got string", field: "top" } },
  });

export type ErrorAnswer = z.infer<typeof errorAnswer>;

/** An error whose message may be told to a client. */
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
