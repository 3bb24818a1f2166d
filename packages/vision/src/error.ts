/**
 * What went wrong, in one word a program can branch on; the message is for people.
 * - `no-digit`: a network for digits was given a picture without one
 * - `no-attention`: the network has no attention maps
 * - `no-places`: the class cannot be traced to places in what comes out of the part
 * - `which-network`: a checkpoint file does not say which network it is of
 * - `no-checkpoint`: a network of the registry, and nobody's checkpoint has its name
 */
export type VisionErrorCode = "no-digit" | "no-attention" | "no-places" | "which-network" | "no-checkpoint";

/** What a network, or a picture, cannot be asked for. */
export class VisionError extends Error {
  override readonly name = "VisionError";
  readonly code: VisionErrorCode;

  constructor(code: VisionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
