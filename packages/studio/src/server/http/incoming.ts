/** Reads the bytes of a request's body, up to a limit. */
import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { ApiError } from "../../api/index.ts";

/** Limits for reading an unwanted body: bytes, and milliseconds without data. */
const DISCARDED = 100e6;
const PATIENCE = 5000;

function incomingOf(c: Context): IncomingMessage {
  return (c.env as HttpBindings).incoming;
}

/** @throws ApiError `too-large`, before reading anything if Content-Length says so */
export function readBytes(c: Context, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const incoming = incomingOf(c);
  const tooLarge = (length: string) =>
    new ApiError("too-large", `the body: expected at most ${maxBytes} bytes, got ${length}`);
  const announced = Number(incoming.headers["content-length"] ?? 0);
  if (announced > maxBytes) return Promise.reject(tooLarge(String(announced)));
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    incoming.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length <= maxBytes) return chunks.push(chunk);
      chunks.length = 0;
      return reject(tooLarge("more"));
    });
    incoming.once("end", () => resolve(new Uint8Array(Buffer.concat(chunks))));
    const gone = () => reject(new ApiError("bad-request", "the body: the connection closed early"));
    incoming.once("error", gone).once("close", gone);
  });
}

/**
 * Reads and drops the rest of a body. Without this, a client that is still sending may see a broken connection instead
 * of the response.
 */
export async function discardBody(c: Context): Promise<void> {
  const incoming = incomingOf(c);
  if (incoming.readableEnded || incoming.destroyed) return;
  await new Promise<void>((resolve) => {
    let length = 0;
    const timer = setTimeout(resolve, PATIENCE);
    const finish = () => {
      clearTimeout(timer);
      resolve();
    };
    incoming.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > DISCARDED) finish();
      else timer.refresh();
    });
    incoming.once("end", finish).once("close", finish).resume();
  });
  if (!incoming.readableEnded) c.header("Connection", "close");
}
