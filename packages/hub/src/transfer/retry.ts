import { HubError, systemCode } from "../error.ts";

/** A failure that a retry may fix. Never escapes this folder. */
export class Fault extends Error {
  /** `unreachable`: no answer, which seldom changes within seconds. `restart`: the partial file cannot be resumed. */
  readonly kind: "passing" | "unreachable" | "restart";
  /** ms the server asked us to wait */
  readonly retryAfter: number | undefined;

  constructor(
    kind: Fault["kind"],
    message: string,
    options: ErrorOptions & { retryAfter?: number | undefined } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.retryAfter = options.retryAfter;
  }
}

const unreachable = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ECONNREFUSED",
]);
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/;

/** Error codes of undici (except those for invalid arguments), its HTTP parser, the system and OpenSSL. */
const network = /^(UND_ERR_(?!INVALID|NOT_SUPPORTED)|HPE_|E[A-Z0-9]+$|ERR_SSL|ERR_STREAM)/;

/** Classifies a connection error: a `Fault` if a retry may help, a `HubError`, or the error itself if unrelated. */
export function networkFault(error: unknown, url: string): unknown {
  if (error instanceof Fault || error instanceof HubError) return error;
  const code = systemCode(error) ?? "";
  const { host } = new URL(url);
  if (certificate.test(code)) {
    return new HubError(
      "unreachable",
      `${host}: its certificate is not trusted (${code}). Behind a proxy that inspects traffic, set ` +
        "NODE_EXTRA_CA_CERTS to the proxy's certificate.",
      { cause: error },
    );
  }
  if (unreachable.has(code))
    return new Fault("unreachable", `${host} cannot be reached (${code})`, { cause: error });
  if (network.test(code))
    return new Fault("passing", `the connection to ${host} failed (${code})`, { cause: error });
  return error;
}

/** `Retry-After` in ms: seconds or a date (RFC 9110, 10.2.3). */
export function parseRetryAfter(value: string | undefined, now: number = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Timeouts, rate limits, and every 5xx except the permanent ones. */
function isPassing(status: number): boolean {
  return (
    status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505)
  );
}

/** The error for a response status other than success. */
export function statusFault(status: number, retryAfter: string | undefined, url: string): Fault | HubError {
  const said = `${url}: the server answered ${status}`;
  if (isPassing(status)) return new Fault("passing", said, { retryAfter: parseRetryAfter(retryAfter) });
  if (status === 404 || status === 410) return new HubError("not-found", `${said}: no such file`);
  if (status === 401 || status === 403) return new HubError("refused", `${said}: access denied`);
  return new HubError(status >= 500 ? "server" : "refused", said);
}

/** ms to wait before attempt `failures + 1`: exponential, at most 30 s, plus up to 25 % jitter to spread clients out. */
export function backOff(failures: number, base: number): number {
  return Math.min(base * 2 ** (failures - 1), 30_000) * (1 + Math.random() / 4);
}
