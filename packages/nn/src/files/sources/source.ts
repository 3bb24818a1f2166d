/** Sources of bytes: files, memory and `Blob`s; `http.ts` adds URLs. */
import { CheckpointError } from "../error.ts";
import { nodeFs } from "./node-fs.ts";

/** Random access to the bytes of one file. */
export interface ByteSource {
  /** The path or URL, for error messages. */
  readonly name: string;
  /** Total number of bytes. */
  readonly size: number;
  /**
   * Reads exactly `length` bytes from `offset` into newly allocated memory.
   *
   * @throws CheckpointError if the file ends before that
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Rejects a range beyond the file before allocating memory for it. */
export function checkRange(source: ByteSource, offset: number, length: number): void {
  if (offset < 0 || length < 0 || offset + length > source.size)
    throw new CheckpointError(
      `${source.name}: truncated or corrupt: expected bytes ${offset} to ${offset + length}, has ${source.size}`,
    );
}

export function memorySource(bytes: Uint8Array, name = "memory"): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.byteLength,
    async read(offset, length) {
      checkRange(source, offset, length);
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
    close: async () => {},
  };
  return source;
}

export function blobSource(blob: Blob, name = blob instanceof File ? blob.name : "blob"): ByteSource {
  const source: ByteSource = {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange(source, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    close: async () => {},
  };
  return source;
}

// read(2) accepts at most 2^31 - 1 bytes per call.
const LARGEST_READ = 2 ** 30;
/**
 * Minimum read size. Small tensors are adjacent, and each call is a round trip to another thread: reading the 314
 * tensors of a MobileNet one by one takes 29 ms, in blocks less than half of that.
 */
const BLOCK = 64 * 1024;

/** A file on disk (Node). It stays open until `close`. */
export async function fileSource(path: string | URL): Promise<ByteSource> {
  const handle = await nodeFs(path).open(path, "r");
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new CheckpointError(`${path}: not a file`);
    const readFully = async (offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> => {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const want = Math.min(length - done, LARGEST_READ);
        const { bytesRead } = await handle.read(bytes, done, want, offset + done);
        if (bytesRead === 0)
          throw new CheckpointError(`${path}: the file became shorter while it was being read`);
        done += bytesRead;
      }
      return bytes;
    };
    const nothing = { start: 0, bytes: new Uint8Array(0) };
    let block = nothing;
    const source: ByteSource = {
      name: String(path),
      size: stat.size,
      async read(offset, length) {
        checkRange(source, offset, length);
        if (length >= BLOCK) return await readFully(offset, length);
        let { start, bytes } = block;
        if (offset < start || offset + length > start + bytes.length) {
          start = offset;
          bytes = await readFully(start, Math.min(BLOCK, source.size - start));
          block = { start, bytes };
        }
        return bytes.slice(offset - start, offset - start + length);
      },
      async close() {
        block = nothing;
        await handle.close();
      },
    };
    return source;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
