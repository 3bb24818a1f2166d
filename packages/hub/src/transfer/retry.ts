import { HubError, systemCode } from "../error.ts";

/** Something that another attempt may mend; never leaves this folder. */
export class Fault extends Error {
  /** `unreachable`: nobody answers, which seldom changes within seconds. `restart`: what is there cannot be continued. */
  readonly kind: "passing" | "unreachable" | "restart";
  /** ms the server asked to wait */
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

/** undici's codes but those for wrong arguments, the parser's, the system's, and OpenSSL's. */
const network = /^(UND_ERR_(?!INVALID|NOT_SUPPORTED)|HPE_|E[A-Z0-9]+$|ERR_SSL|ERR_STREAM)/;

/** Sorts what a connection threw: a `Fault` where trying again may help, a `HubError`, or what it was. */
export function networkFault(error: unknown, url: string): unknown {
  if (error instanceof Fault || error instanceof HubError) return error;
  const code = systemCode(error) ?? "";
  const { host } = new URL(url);
  if (certificate.test(code)) {
    return new HubError(
      "unreachable",
      `${host}: its certificate is not trusted (${code}). Behind a proxy that inspects traffic, name its ` +
        "certificate in NODE_EXTRA_CA_CERTS.",
      { cause: error },
    );
  }
  if (unreachable.has(code))
    return new Fault("unreachable", `${host} cannot be reached (${code})`, { cause: error });
  if (network.test(code))
    return new Fault("passing", `the connection to ${host} broke (${code})`, { cause: error });
  return error;
}

/** `Retry-After` in ms: seconds or a date (RFC 9110, 10.2.3). */
export function parseRetryAfter(value: string | undefined, now: number = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Too many requests, timeouts, and every 5xx but those that say "never". */
function isPassing(status: number): boolean {
  return (
    status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505)
  );
}

/** The error of a status that is no success. */
export function statusFault(status: number, retryAfter: string | undefined, url: string): Fault | HubError {
  const said = `${url}: the server answered ${status}`;
  if (isPassing(status)) return new Fault("passing", said, { retryAfter: parseRetryAfter(retryAfter) });
  if (status === 404 || status === 410) return new HubError("not-found", `${said}: there is no such file`);
  if (status === 401 || status === 403)
    return new HubError("refused", `${said}: it wants a permission we lack`);
  return new HubError(status >= 500 ? "server" : "refused", said);
}

/** ms to wait before attempt `failures + 1`: doubling, with up to a quarter of jitter so that clients spread. */
export function backOff(failures: number, base: number): number {
  return Math.min(base * 2 ** (failures - 1), 30_000) * (1 + Math.random() / 4);
}
