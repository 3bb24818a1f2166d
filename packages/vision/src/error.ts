/**
 * An error code for programs to branch on; the message is for people.
 * - `no-digit`: a digit network was given an image without a digit
 * - `no-attention`: the network has no attention maps
 * - `no-places`: the part's output has no spatial positions, or the class does not depend on them
 * - `which-network`: a checkpoint file does not say which network it belongs to
 * - `no-checkpoint`: the network is known, but no checkpoint is published for it
 */
export type VisionErrorCode = "no-digit" | "no-attention" | "no-places" | "which-network" | "no-checkpoint";

/** A request that the network or the image cannot satisfy. */
export class VisionError extends Error {
  override readonly name = "VisionError";
  readonly code: VisionErrorCode;

  constructor(code: VisionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
