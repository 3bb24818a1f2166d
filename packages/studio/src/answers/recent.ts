/** The last few decoded inputs, in the server's worker or the page's. */

const PLACES = 4;
/** Enough for 50 megapixels in colour. */
const BYTES = 256e6;

/** Most recently used last. */
const inputs = new Map<string | number, unknown>();

/** The input called `id`, decoded by `read` unless it was used recently. */
export async function decodedOnce<T>(id: string | number, read: () => Promise<T>): Promise<T> {
  const input = inputs.has(id) ? (inputs.get(id) as T) : await read();
  inputs.delete(id);
  inputs.set(id, input);
  let bytes = inputs.values().reduce((sum: number, each) => sum + bytesOf(each), 0);
  for (const [oldest, each] of inputs) {
    if (inputs.size <= PLACES && bytes <= BYTES) break;
    inputs.delete(oldest);
    bytes -= bytesOf(each);
  }
  return input;
}

function bytesOf(input: unknown): number {
  if (typeof input === "string") return 2 * input.length;
  if (input instanceof Blob) return input.size;
  const { byteLength, data } = (input ?? {}) as { byteLength?: number; data?: { byteLength?: number } };
  return byteLength ?? data?.byteLength ?? 0;
}
