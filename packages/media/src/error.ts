/** What is wrong with a file or URL, for programs; the message is for people. */
export type MediaErrorCode =
  | "not-found"
  | "unreachable"
  | "empty"
  | "unsupported"
  | "damaged"
  | "cut-short"
  | "too-large";

/**
 * A file cannot be read or written. The message names the file, what was expected and what was found;
 * a server can map `code` to a status (`too-large` 413, `unsupported` 415, the others 400 or 404).
 */
export class MediaError extends Error {
  override readonly name = "MediaError";
  readonly code: MediaErrorCode;

  constructor(code: MediaErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
