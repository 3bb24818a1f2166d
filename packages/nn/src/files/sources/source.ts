/** Where the bytes of a file come from: a file, memory, a `Blob`; `http.ts` adds URLs. */
import { CheckpointError } from "../error.ts";
import { nodeFs } from "./node-fs.ts";

/** Random access to the bytes of one file. */
export interface ByteSource {
  /** The path or address, for messages. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`, in memory that nobody else holds.
   *
   * @throws CheckpointError where the file ends before
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Refuses a range outside of the file before anything is allocated for it. */
export function checkRange(source: ByteSource, offset: number, length: number): void {
  if (offset < 0 || length < 0 || offset + length > source.size)
    throw new CheckpointError(
      `${source.name}: truncated or corrupt: needs the bytes ${offset} to ${offset + length}, has ${source.size}`,
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

// One call of read(2) takes at most 2^31 - 1 bytes.
const LARGEST_READ = 2 ** 30;
/**
 * So much is read at least: small tensors lie one behind the other, and each call goes to another thread and
 * back. The 314 of a MobileNet took 29 ms one by one, and less than half of it so.
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
