/**
 * What went wrong, as a code programs can branch on; the message is for people.
 * - `offline`: a download was needed and `TESSERA_OFFLINE` forbids it
 * - `unreachable`: no server answered (no network, wrong proxy, wrong mirror, untrusted certificate)
 * - `not-found`, `refused`: the server said 404/410, or another 4xx
 * - `server`: 5xx, 429, dropped or stalled connections, after all retries
 * - `size`, `checksum`: what arrived, or is on disk, is not the file requested
 * - `disk`: the disk is full or the folder cannot be written
 * - `absent`: the file is neither in the cache nor in the shared folder, and was not downloaded
 * - `unknown-name`: nothing of that kind has this name
 * - `bad-data`: a file of a data set, or the record of a checkpoint, cannot be read
 */
export type HubErrorCode =
  | "offline"
  | "unreachable"
  | "not-found"
  | "refused"
  | "server"
  | "size"
  | "checksum"
  | "disk"
  | "absent"
  | "unknown-name"
  | "bad-data";

/** The error this package throws. An aborted signal throws its own reason instead. */
export class HubError extends Error {
  override readonly name = "HubError";
  readonly code: HubErrorCode;

  constructor(code: HubErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The system error code (`ECONNRESET`, `ENOSPC`) of an error or of its causes. */
export function systemCode(error: unknown): string | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    if ("code" in e && typeof e.code === "string") return e.code;
    if (e instanceof AggregateError && e.errors.length > 0) return systemCode(e.errors[0]);
  }
  return undefined;
}
