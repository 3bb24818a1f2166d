/** A picture, checked before anything else sees it. */
import { checkImage, encodeImage, MediaError, readImage } from "@tessera-ml/media";

export interface Picture {
  readonly medium: "image";
  readonly blob: Blob;
  /** For `<img>`. */
  readonly url: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Networks that read digits are not those that read photographs. */
  readonly kind: "photo" | "digit";
}

/** What a server accepts by default. */
export const LIMITS = { maxBytes: 20e6, maxPixels: 50e6 };

/**
 * Opens a file.
 *
 * @param kind default: judged by its looks
 * @throws an error with a sentence for the user
 */
export async function openPicture(blob: Blob, name: string, kind?: Picture["kind"]): Promise<Picture> {
  const shown = await showable(blob, name).catch((error: unknown) => {
    if (error instanceof MediaError && error.code === "too-large")
      throw new Error(
        `${error.message}. A smaller copy will do: networks see a few hundred pixels to a side.`,
      );
    throw error;
  });
  const { width, height } = shown.bitmap;
  try {
    const found = kind ?? (looksWritten(shown.bitmap) ? "digit" : "photo");
    return { medium: "image", blob, url: URL.createObjectURL(shown.blob), name, width, height, kind: found };
  } finally {
    shown.bitmap.close();
  }
}

/** The file, or a PNG of it if only our own decoder reads it, as with some bitmaps. */
async function showable(blob: Blob, name: string): Promise<{ blob: Blob; bitmap: ImageBitmap }> {
  await checkImage(blob, { ...LIMITS, name });
  try {
    return { blob, bitmap: await createImageBitmap(blob) };
  } catch {
    const image = await readImage(blob, { ...LIMITS, name, mode: "file" });
    const png = new Blob([new Uint8Array(await encodeImage(image, "png"))], { type: "image/png" });
    return { blob: png, bitmap: await createImageBitmap(png) };
  }
}

const LOOK = 32;

/** Whether a picture is a little grey ink on plain paper, like a scanned or drawn digit. */
function looksWritten(bitmap: ImageBitmap): boolean {
  const context = canvas2d(LOOK, LOOK);
  context.fillStyle = "white";
  context.fillRect(0, 0, LOOK, LOOK);
  context.drawImage(bitmap, 0, 0, LOOK, LOOK);
  const { data } = context.getImageData(0, 0, LOOK, LOOK);
  const tones = new Array<number>(16).fill(0);
  let colour = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    colour += Math.max(r, g, b) - Math.min(r, g, b);
    tones[Math.floor((r + g + b) / 48)]! += 1;
  }
  const pixels = LOOK * LOOK;
  const paper = Math.max(...tones.map((count, tone) => count + (tones[tone + 1] ?? 0)));
  return colour / pixels < 12 && paper / pixels > 0.6;
}

export function canvas2d(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (!context) throw new Error("This browser has no canvas to draw on.");
  return context;
}
