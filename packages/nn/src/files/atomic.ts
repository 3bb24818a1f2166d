/** Atomic file writes: a file has either its old or its new content, never a part of the new. Node only. */
import { nodeFs } from "./sources/node-fs.ts";

export interface FileWriter {
  /** Appends the bytes. */
  write(bytes: Uint8Array): Promise<void>;
}

// write(2) accepts at most 2^31 - 1 bytes per call.
const LARGEST_WRITE = 2 ** 30;

/**
 * Writes `path` through a temporary file in the same folder: written, flushed to disk, renamed. If the content (or
 * the machine) fails halfway, an existing `path` is unchanged.
 *
 * @param content text or bytes, or a function that writes them piece by piece
 * @throws whatever the file system or `content` throws; the temporary file is removed
 */
export async function atomicWrite(
  path: string,
  content: string | Uint8Array | ((file: FileWriter) => Promise<void>),
): Promise<void> {
  const fs = nodeFs(path);
  const temporary = `${path}.${process.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
  const handle = await fs.open(temporary, "wx");
  try {
    const file: FileWriter = {
      async write(bytes) {
        for (let done = 0; done < bytes.byteLength; ) {
          const piece = bytes.subarray(done, done + LARGEST_WRITE);
          done += (await handle.write(piece)).bytesWritten;
        }
      },
    };
    if (typeof content === "function") await content(file);
    else await file.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
    await handle.sync();
    await handle.close();
    await fs.rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => {});
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(path);
}

/** Makes the rename itself durable, on systems that can flush folders (not Windows). */
async function syncFolder(path: string): Promise<void> {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  const folder = end < 0 ? "." : path.slice(0, end + 1);
  const handle = await nodeFs(path)
    .open(folder, "r")
    .catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
