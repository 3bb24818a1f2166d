/**
 * What a network cannot be asked:
 * - `no-attention`: it has no DINOv2 encoder, so there is no attention and there are no tokens to show
 * - `no-fusion`: it has no decoder that fuses maps of four resolutions
 */
export type DepthErrorCode = "no-attention" | "no-fusion";

export class DepthError extends Error {
  override readonly name = "DepthError";
  readonly code: DepthErrorCode;

  constructor(code: DepthErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
