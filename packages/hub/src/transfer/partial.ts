import { readFile, rm, truncate } from "node:fs/promises";
import * as z from "zod";
import { statFile, writeAtomic } from "../files.ts";
import { type Expectation, hasChecksum } from "../verify.ts";

/** Where the bytes of an unfinished download came from: what a later attempt needs to ask for the rest of them. */
const originSchema = z.object({
  url: z.string(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  /** The bytes are in a content coding: their offsets are not the file's. */
  coded: z.boolean().optional(),
  total: z.number().optional(),
});
export type Origin = z.infer<typeof originSchema>;

/** The unfinished file `<target>.partial` and, beside it, its origin. */
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
      return undefined; // absent, or damaged by a crash: the same thing
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

  /** After the file itself was renamed away. */
  async forgetOrigin(): Promise<void> {
    await rm(this.originPath, { force: true });
  }
}

/** How to go on with what is there: from which byte, on what condition. */
export interface Continuation {
  offset: number;
  /** A validator for `If-Range`: the server sends the rest only while the file is the same. */
  ifRange?: string | undefined;
  /** The entity tag the rest must carry, for servers that know no `If-Range`. */
  etag?: string | undefined;
}

/**
 * Bytes of an earlier attempt are continued only where a mixture of two versions would be noticed: the server gave
 * a validator, or the finished file has a checksum to meet.
 */
export function continuation(
  size: number,
  origin: Origin | undefined,
  url: string,
  expected: Expectation,
): Continuation {
  if (size === 0 || origin?.coded) return { offset: 0 };
  const same = origin?.url === url ? origin : undefined;
  // A weak tag promises equal meaning, not equal bytes (RFC 9110, 13.1.5).
  const strong = same?.etag?.startsWith('"') ? same.etag : undefined;
  const ifRange = strong ?? (same?.etag === undefined ? same?.lastModified : undefined);
  if (ifRange !== undefined) return { offset: size, ifRange, etag: strong };
  return { offset: hasChecksum(expected) ? size : 0 };
}
