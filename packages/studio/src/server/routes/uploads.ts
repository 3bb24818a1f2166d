import { ApiError, uploadAnswer } from "../../api/index.ts";
import { readBytes } from "../http/incoming.ts";
import type { Uploads } from "../uploads.ts";
import { type App, describe } from "./describe.ts";

/** Bodies that come in at the same time are in memory too. */
const MOST_AT_ONCE = 8;

/** Files that later requests refer to as `upload:ID`. */
export function uploadRoutes(app: App, uploads: Uploads, maxBytes: number): void {
  let coming = 0;
  describe(app, {
    method: "post",
    path: "/api/uploads",
    tag: "uploads",
    summary: "Stores a file for later requests",
    description:
      "The body is the file, Content-Type its type. Requests then say `input: upload:ID`. Files stay in memory for an hour " +
      "after their last use, or until newer ones need the room.",
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
