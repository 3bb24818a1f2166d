/** Results as files, by the ending of their names. Node only. */
import { KitError } from "@tessera-ml/kit";
import { encodeImage } from "@tessera-ml/media";
import { atomicWrite, encodeNpy } from "@tessera-ml/nn";
import type { DepthResult } from "../result.ts";
import { ENDINGS, type Ending } from "./endings.ts";
import { encodeExr } from "./exr.ts";
import { encodeGlb } from "./glb.ts";
import { encodePfm } from "./pfm.ts";
import { colourPicture, deepPng, sideBySide } from "./pictures.ts";
import { encodePly } from "./ply.ts";
import { mapOf } from "./values.ts";

type Encode = (result: DepthResult, path: string) => Promise<Uint8Array>;

/** By the ending of a file's name. */
const ENCODERS: Readonly<Record<Ending, Encode>> = {
  png: async (result) =>
    (result.style ?? "16-bit") === "16-bit" ? await deepPng(result) : await picture(result, "png"),
  jpg: (result, path) => lossy(result, "jpeg", path),
  jpeg: (result, path) => lossy(result, "jpeg", path),
  webp: (result, path) => lossy(result, "webp", path),
  pfm: async (result) => encodePfm(mapOf(result)),
  npy: async (result) => {
    const { data, height, width } = mapOf(result);
    return await encodeNpy({
      name: "depth",
      dtype: "float32",
      shape: [height, width],
      data: Float32Array.from(data),
    });
  },
  exr: (result) => encodeExr(mapOf(result)),
  ply: async (result) => encodePly(result),
  glb: (result) => encodeGlb(result),
};

async function picture(result: DepthResult, format: "png" | "jpeg" | "webp"): Promise<Uint8Array> {
  return await encodeImage(
    result.style === "side-by-side" ? sideBySide(result) : colourPicture(result),
    format,
  );
}

async function lossy(result: DepthResult, format: "jpeg" | "webp", path: string): Promise<Uint8Array> {
  if (result.style === "16-bit")
    throw new KitError("bad-option", `style: ${path} cannot hold 16 bits; write .png`, { field: "style" });
  return await picture(result, format);
}

/**
 * Writes a result: `.png` with 16 bits or as a picture, `.jpg`, `.webp`, the values as `.pfm`, `.npy` or `.exr`, points as `.ply`,
 * a surface as `.glb`. The file is complete or not there.
 *
 * @throws KitError `bad-option` for other endings
 */
export async function saveDepth(result: DepthResult, path: string): Promise<void> {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const known = ENDINGS.find((one) => one === ending);
  if (!known)
    throw new KitError(
      "bad-option",
      `${path}: expected a name that ends in ${ENDINGS.map((one) => `.${one}`).join(", ")}`,
      { field: "out" },
    );
  await atomicWrite(path, await ENCODERS[known](result, path));
}
