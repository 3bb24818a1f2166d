/** Images and other files embedded in JSON answers. */
import { encodeImage, type Image } from "@tessera-ml/media";

/** The image as a `data:` URL of a PNG. */
export async function pngUrl(image: Image): Promise<string> {
  return dataUrl(await encodeImage(image, "png"), "image/png");
}

/** Bytes as a `data:` URL. */
export function dataUrl(bytes: Uint8Array, mediaType: string): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return `data:${mediaType};base64,${btoa(text)}`;
}
