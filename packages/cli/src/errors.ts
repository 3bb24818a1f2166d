/** Errors of the command line, their messages and exit codes. */

/** Wrong usage: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The first Ctrl-C: exit code 130, the shell's convention for SIGINT. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor() {
    super("interrupted");
  }
}

/** 0: done. 1: something failed. 2: wrong usage. 130: Ctrl-C. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return 130;
  if (error instanceof UsageError) return 2;
  // Unknown names and out-of-range options are wrong usage too. Importing their error classes would slow every start.
  const isUsage =
    error instanceof Error && "code" in error && /^(unknown-name|bad-option)$/.test(String(error.code));
  return isUsage ? 2 : 1;
}

/** The message of an error, or its stack trace if `TESSERA_DEBUG` is set. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (process.env.TESSERA_DEBUG) return error.stack ?? error.message;
  return describeSystemError(error) ?? error.message;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "no permission",
  EISDIR: "is a folder, not a file",
  ENOTDIR: "is not a folder",
  EROFS: "cannot be written: the disk is read-only",
  ENOSPC: "the disk is full",
};

/** File system errors, whose messages start with a code, in words. */
function describeSystemError(error: Error): string | undefined {
  if (!("code" in error && "path" in error) || !error.message.startsWith(String(error.code)))
    return undefined;
  const reason = REASONS[String(error.code)];
  return reason && `${String(error.path)}: ${reason}`;
}

/**
 * A signal that the first Ctrl-C aborts, so that work in progress can finish cleanly; the second Ctrl-C kills the
 * process.
 */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort(new Interrupted()));
  return controller.signal;
}
