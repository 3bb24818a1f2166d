/** `bad-prompt`: it does not fit the picture: outside of it, not a number, of another size. */
export type SegmentErrorCode = "bad-prompt";

/** A request that cannot be answered. The message names the value and what was expected. */
export class SegmentError extends Error {
  override readonly name = "SegmentError";
  readonly code: SegmentErrorCode;

  constructor(code: SegmentErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
