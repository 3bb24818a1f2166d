/** The error class for checkpoint files, and formatting of names and shapes in messages. */

/** A checkpoint cannot be read, written or matched. The message names the file and the tensor. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
}

/** Prefixes the message of an error with `where: `, unless it already starts with it. */
export function locate(where: string, error: unknown): CheckpointError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CheckpointError && message.startsWith(`${where}: `)) return error;
  return new CheckpointError(`${where}: ${message}`, { cause: error });
}

const LONGEST_NAME = 120;
const LONGEST_SHAPE = 8;

/** Makes a name from a file, which may be megabytes of arbitrary text, short and printable. */
export function showName(name: string): string {
  const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  return /^[\p{L}\p{N}\p{P}\p{S}]+( [\p{L}\p{N}\p{P}\p{S}]+)*$/u.test(short) ? short : JSON.stringify(short);
}

/** `[64, 3, 7, 7]`; long shapes are abbreviated. */
export function showShape(shape: readonly unknown[]): string {
  const dims = shape.slice(0, LONGEST_SHAPE).map(String).join(", ");
  return shape.length > LONGEST_SHAPE ? `[${dims}, … ${shape.length} in all]` : `[${dims}]`;
}

/** Lists the first items: `a, b, c, … and 12 more`; pass `total` if `items` is itself incomplete. */
export function showList(items: readonly string[], limit: number, total: number = items.length): string {
  const rest = total - limit;
  return rest > 0 ? `${items.slice(0, limit).join(", ")}, … and ${rest} more` : items.join(", ");
}
