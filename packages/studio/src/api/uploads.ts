import * as z from "zod";

/** A reference to an uploaded file. */
export const uploadText = z
  .string()
  .regex(/^upload:[0-9a-f]{32}$/, "expected upload: and the id that POST /api/uploads returned")
  .meta({ description: "`upload:ID` of a file sent to /api/uploads; 404 if the server has dropped it" });

export const uploadAnswer = z
  .object({
    id: z.string().meta({ description: "A hash of the bytes" }),
    mediaType: z.string(),
    bytes: z.int(),
  })
  .meta({
    id: "Upload",
    example: { id: "0f343b0931126a20f133d67c2b018a3b", mediaType: "image/png", bytes: 20_480 },
  });

export type UploadAnswer = z.infer<typeof uploadAnswer>;
