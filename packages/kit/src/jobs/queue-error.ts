/** What can be wrong with a queue, in words. */
import { messageOf } from "../error.ts";

/** The queue cannot be used. */
export class QueueError extends Error {
  override readonly name = "QueueError";
}

/** The server's name without the password. @throws QueueError if the text is no such address */
export function parseQueue(queue: string): {
  readonly server: string;
  readonly user: string;
  readonly database: string;
} {
  const url = URL.canParse(queue) ? new URL(queue) : undefined;
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || url.pathname.length < 2)
    throw new QueueError(
      `queue: expected postgres://user:password@host:port/database, got ${url ? hidden(url) : JSON.stringify(queue)}`,
    );
  const { hostname, port, username, pathname } = url;
  return {
    server: `${hostname || "localhost"}:${port || 5432}`,
    user: decodeURIComponent(username),
    database: decodeURIComponent(pathname.slice(1)),
  };
}

function hidden(url: URL): string {
  const shown = new URL(url);
  if (shown.password) shown.password = "***";
  return shown.href;
}

/** A connection's or PostgreSQL's error as one that says what to do; others as they are. */
export function asQueueError(error: unknown, queue: string): unknown {
  const { server, user, database } = parseQueue(queue);
  const code = codeOf(error);
  const reason = REASONS[code ?? ""]?.({ user, database });
  if (reason) return new QueueError(`queue ${server}: ${reason} (${code})`, { cause: error });
  return isLost(error)
    ? new QueueError(`queue ${server}: no PostgreSQL server answers (${code ?? messageOf(error)})`, {
        cause: error,
      })
    : error;
}

const REASONS: Readonly<
  Record<string, (about: { readonly user: string; readonly database: string }) => string>
> = {
  "28P01": ({ user }) => `wrong password for user ${user}`,
  "28000": ({ user }) => `user ${user} may not log in`,
  "3D000": ({ database }) => `there is no database ${database}`,
  "42501": ({ user, database }) => `user ${user} may not create a schema in database ${database}`,
};

const LOST = /^(ECONN|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|57P0|08|53300)/;

/** Whether the server could not be reached or hung up: it may come back. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error);
  return code === undefined
    ? /connection (terminated|timeout)|timeout.*connect/i.test(messageOf(error))
    : LOST.test(code);
}

/** Several addresses of one host fail together. */
function codeOf(error: unknown): string | undefined {
  const own = (error as { readonly code?: unknown } | undefined)?.code;
  if (typeof own === "string") return own;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}
