import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { HubError } from "../error.ts";
import { temporaryBeside } from "../files.ts";

const decoders: Record<string, () => Transform> = {
  gzip: zlib.createGunzip,
  "x-gzip": zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
  zstd: zlib.createZstdDecompress,
};

/** The content coding the server applied even though we asked for `identity`, or undefined. */
export function contentCoding(header: string | undefined): string | undefined {
  const coding = header?.trim().toLowerCase();
  return coding === undefined || coding === "" || coding === "identity" ? undefined : coding;
}

/**
 * Whether the coding is part of the file itself: some servers label a `.gz` file `Content-Encoding: gzip`, as if they
 * had compressed it in transit.
 */
export function belongsToFile(coding: string, file: string): boolean {
  return coding.endsWith("gzip") && /\.(gz|tgz)$/i.test(file);
}

function limited(most: number | undefined, what: string): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (most !== undefined && size > most) {
        done(new HubError("size", `${what}: expected ${most} bytes, got more after decompression`));
      } else done(null, chunk);
    },
  });
}

/** Decodes a file in place. Throws `refused` for an unsupported coding and `checksum` if decoding fails. */
export async function decodeFile(
  path: string,
  coding: string,
  most: number | undefined,
  what: string,
): Promise<void> {
  const decoder = decoders[coding];
  if (!decoder)
    throw new HubError("refused", `${what}: unsupported content coding ${JSON.stringify(coding)}`);
  const decoded = temporaryBeside(path);
  try {
    await pipeline(createReadStream(path), decoder(), limited(most, what), createWriteStream(decoded));
    await rename(decoded, path);
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new HubError("checksum", `${what}: sent as ${coding}, but does not decompress`, {
      cause: error,
    });
  } finally {
    await rm(decoded, { force: true });
  }
}
