/**
 * - `bad-prompt`: it does not fit the picture: outside of it, not a number, of another size
 * - `bad-frame`: there is no such frame, or it has another size than the first
 * - `unknown-object`: no prompt has named it
 * - `no-prompt`: there is nothing to follow yet
 * - `bad-data`: a data set is broken, or not where it was looked for
 */
export type SegmentErrorCode = "bad-prompt" | "bad-frame" | "unknown-object" | "no-prompt" | "bad-data";

/** A request that cannot be answered. The message names the value and what was expected. */
export class SegmentError extends Error {
  override readonly name = "SegmentError";
  readonly code: SegmentErrorCode;

  constructor(code: SegmentErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
