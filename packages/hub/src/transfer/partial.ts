import { readFile, rm, truncate } from "node:fs/promises";
import * as z from "zod";
import { statFile, writeAtomic } from "../files.ts";
import { type Expectation, hasChecksum } from "../verify.ts";

/** Where the bytes of an unfinished download came from: what a later attempt needs to request the rest. */
const originSchema = z.object({
  url: z.string(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  /** The bytes are content-coded, so their offsets are not the file's. */
  coded: z.boolean().optional(),
  total: z.number().optional(),
});
export type Origin = z.infer<typeof originSchema>;

/** The unfinished file `<target>.partial` and its origin, `<target>.partial.json`. */
export class PartialFile {
  readonly path: string;
  private readonly originPath: string;

  constructor(target: string) {
    this.path = `${target}.partial`;
    this.originPath = `${this.path}.json`;
  }

  async size(): Promise<number> {
    return (await statFile(this.path))?.size ?? 0;
  }

  async origin(): Promise<Origin | undefined> {
    try {
      return originSchema.parse(JSON.parse(await readFile(this.originPath, "utf8")));
    } catch {
      return undefined; // absent, or damaged by a crash
    }
  }

  async setOrigin(origin: Origin): Promise<void> {
    await writeAtomic(this.originPath, JSON.stringify(origin));
  }

  async truncate(size: number): Promise<void> {
    await truncate(this.path, size);
  }

  async discard(): Promise<void> {
    await Promise.all([rm(this.path, { force: true }), rm(this.originPath, { force: true })]);
  }

  /** Call once the file itself has been renamed to its target. */
  async forgetOrigin(): Promise<void> {
    await rm(this.originPath, { force: true });
  }
}

/** How to resume: from which byte, and on what condition. */
export interface Continuation {
  offset: number;
  /** Validator for `If-Range`: the server sends the rest only if the file has not changed. */
  ifRange?: string | undefined;
  /** The entity tag the rest must carry, for servers that ignore `If-Range`. */
  etag?: string | undefined;
}

/**
 * Resumes only if a mix of two versions would be detected: either the server gave a validator, or there is a checksum
 * to verify the finished file against.
 */
export function continuation(
  size: number,
  origin: Origin | undefined,
  url: string,
  expected: Expectation,
): Continuation {
  if (size === 0 || origin?.coded) return { offset: 0 };
  const same = origin?.url === url ? origin : undefined;
  // A weak tag guarantees equivalent content, not identical bytes (RFC 9110, 13.1.5).
  const strong = same?.etag?.startsWith('"') ? same.etag : undefined;
  const ifRange = strong ?? (same?.etag === undefined ? same?.lastModified : undefined);
  if (ifRange !== undefined) return { offset: size, ifRange, etag: strong };
  return { offset: hasChecksum(expected) ? size : 0 };
}
