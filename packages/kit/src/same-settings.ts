/** Folders that belong to one run or job: later runs must have the same settings. */

/** Settings by the name that messages call them; the values are JSON. */
export type NamedSettings = Readonly<Record<string, unknown>>;

/**
 * @param what for the message: a run, a job
 * @throws Error naming the folder and the first setting that differs
 */
export function requireSame(folder: string, what: string, wanted: NamedSettings, found: NamedSettings): void {
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    const [expected, stored] = [asText(wanted[key]), asText(found[key])];
    if (expected !== stored)
      throw new Error(
        `${folder}: expected a ${what} ${withValue(expected, key)}, found one ${withValue(stored)}; choose another folder or delete it`,
      );
  }
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function withValue(value: string | undefined, key?: string): string {
  return [value === undefined ? "without" : "with", key, value]
    .filter((word) => word !== undefined)
    .join(" ");
}
