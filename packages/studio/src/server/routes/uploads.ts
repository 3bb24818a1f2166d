import type { OpenAPIHono } from "@hono/zod-openapi";
import { ApiError, uploadAnswer } from "../../api/index.ts";
import { readBytes } from "../http/incoming.ts";
import type { Uploads } from "../uploads.ts";
import { describe } from "./describe.ts";

/** Limits simultaneous uploads, whose bodies are in memory too. */
const MOST_AT_ONCE = 8;

/** Stores files that later requests refer to as `upload:ID`. */
export function uploadRoutes(app: OpenAPIHono, uploads: Uploads, maxBytes: number): void {
  let coming = 0;
  describe(app, {
    method: "post",
    path: "/api/uploads",
    tag: "uploads",
    summary: "Stores a file for later requests",
    description:
      "The body is the file, Content-Type its type. Later requests refer to it by `input: upload:ID`. A file stays in " +
      "memory for an hour after its last use, or until newer files need the space.",
    file: true,
    answer: uploadAnswer,
    status: 201,
    errors: ["overloaded"],
  });
  app.post("/api/uploads", async (c) => {
    if (coming >= MOST_AT_ONCE)
      throw new ApiError("overloaded", `${coming} uploads are in progress; try again in a moment`);
    coming++;
    try {
      const bytes = await readBytes(c, maxBytes);
      if (bytes.length === 0) throw new ApiError("bad-request", "the body: expected a file, got no bytes");
      const mediaType = c.req.header("content-type") || "application/octet-stream";
      return c.json(uploadAnswer.parse(uploads.put(bytes, mediaType)), 201);
    } finally {
      coming--;
    }
  });
}
