/**
 * An error code for opening or using a checkpoint, for programs to branch on; `field` names the option at fault.
 * - `which-network`: a checkpoint file does not say which network it belongs to
 * - `no-checkpoint`: the network is known, but it has no named checkpoint
 * - `bad-option`: an option of a request is out of range
 * - `no-part`: a network has no part of that name
 */
export type KitErrorCode = "which-network" | "no-checkpoint" | "bad-option" | "no-part";

export class KitError extends Error {
  override readonly name = "KitError";
  readonly code: KitErrorCode;
  readonly field: string | undefined;

  constructor(code: KitErrorCode, message: string, options: ErrorOptions & { readonly field?: string } = {}) {
    super(message, options);
    this.code = code;
    this.field = options.field;
  }
}

/** What an error, or anything else that was thrown, says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
