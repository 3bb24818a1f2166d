/** Results as files, by the ending of their names. Node only. */
import { KitError } from "@tessera-ml/kit";
import { encodeImage } from "@tessera-ml/media";
import { atomicWrite, writeNpz } from "@tessera-ml/nn";
import type { Segmentation } from "../result.ts";
import { cocoFile, objectsAsJson } from "./coco.ts";
import { ENDINGS, type Ending } from "./endings.ts";
import { pictureOf } from "./pictures.ts";

/**
 * Writes a result: a picture as `.png`, `.jpg` or `.webp`, run lengths of COCO as `.json`, logits as `.npz`, one array
 * [guesses, H, W] for each object. The file is complete or not there.
 *
 * @throws KitError `bad-option` for other endings, and for pictures that the ending cannot hold
 */
export async function saveSegmentation(result: Segmentation, path: string): Promise<void> {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const known = ENDINGS.find((one) => one === ending);
  if (!known)
    throw new KitError(
      "bad-option",
      `${path}: expected a name that ends in ${ENDINGS.map((one) => `.${one}`).join(", ")}`,
      { field: "out" },
    );
  if (known === "npz") return await saveLogits(result, path);
  await atomicWrite(path, await encode(result, known, path));
}

async function encode(
  result: Segmentation,
  ending: Exclude<Ending, "npz">,
  path: string,
): Promise<Uint8Array> {
  if (ending === "json") {
    const name = path.replace(/^.*[\\/]|\.json$/gi, "");
    const file = cocoFile(result, objectsAsJson(result), name);
    return new TextEncoder().encode(`${JSON.stringify(file, undefined, 2)}\n`);
  }
  if (ending === "png") return await encodeImage(pictureOf(result, result.style), "png");
  const { style = "overlay" } = result;
  if (style === "cutout" && ending !== "webp")
    throw new KitError("bad-option", `style: ${path} cannot be transparent; write .png or .webp`, {
      field: "style",
    });
  return await encodeImage(pictureOf(result, style), ending === "webp" ? "webp" : "jpeg");
}

async function saveLogits({ objects }: Segmentation, path: string): Promise<void> {
  const arrays = objects.map(({ name, guesses }) => {
    const logits = guesses.flatMap((guess) => (guess.logits ? [guess.logits] : []));
    const [first] = logits;
    if (!first)
      throw new KitError("bad-option", `${path}: masks of everything have no logits; write .json`, {
        field: "out",
      });
    const size = first.width * first.height;
    const data = new Float32Array(logits.length * size);
    for (const [i, one] of logits.entries()) data.set(one.data, i * size);
    return { name, dtype: "float32" as const, shape: [logits.length, first.height, first.width], data };
  });
  await writeNpz(path, arrays);
}
