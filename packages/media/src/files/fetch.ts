import { MediaError } from "../error.ts";

const TIMEOUT_MS = 60_000;

/** Fetches an http, data or blob URL; aborts as soon as the body exceeds `maxBytes`. */
export async function fetchBytes(url: URL, name: string, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (size: string) =>
    new MediaError("too-large", `${name}: ${size} bytes, over the limit of ${maxBytes}`);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) {
      const code = response.status === 404 ? "not-found" : "unreachable";
      throw new MediaError(code, `${name}: ${response.status} ${response.statusText}`.trim());
    }
    const announced = Number(response.headers.get("content-length") ?? 0);
    if (announced > maxBytes) throw tooLarge(String(announced));
    const chunks: Uint8Array[] = [];
    let length = 0;
    // Leaving the loop cancels the download.
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge(`more than ${maxBytes}`);
      chunks.push(chunk);
    }
    return join(chunks, length);
  } catch (error) {
    if (error instanceof MediaError) throw error;
    const reason = error instanceof Error ? ((error.cause as Error)?.message ?? error.message) : error;
    throw new MediaError("unreachable", `${name}: cannot be fetched (${reason})`, error);
  }
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
