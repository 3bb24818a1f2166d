/** The last few decoded pictures, in the server's worker or the page's. */
import type { Image } from "@tessera-ml/media";

const PLACES = 4;
/** 50 million pixels in colour fit. */
const BYTES = 256e6;

/** The most recently used last. */
const images = new Map<string | number, Image>();

/** The picture called `id`, decoded by `read` unless it was used a moment ago. */
export async function openImage(id: string | number, read: () => Promise<Image>): Promise<Image> {
  const image = images.get(id) ?? (await read());
  images.delete(id);
  images.set(id, image);
  let bytes = images.values().reduce((sum, { data }) => sum + data.byteLength, 0);
  for (const [oldest, { data }] of images) {
    if (images.size <= PLACES && bytes <= BYTES) break;
    images.delete(oldest);
    bytes -= data.byteLength;
  }
  return image;
}
