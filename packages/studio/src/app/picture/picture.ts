/** A picture in the page, checked before anything else sees it. */

export interface Picture {
  readonly blob: Blob;
  /** For `<img>`. */
  readonly url: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Digits are read by other networks than photographs. */
  readonly kind: "photo" | "digit";
}

/** What a server reads where nobody says otherwise. */
const MOST_BYTES = 20e6;
const MOST_PIXELS = 50e6;

/** Opens a file; without a kind it is looked at. Throws with a sentence for the person who chose it. */
export async function openPicture(blob: Blob, name: string, kind?: Picture["kind"]): Promise<Picture> {
  if (blob.size === 0) throw new Error(`“${name}” is empty: it holds no bytes. Choose another picture.`);
  if (blob.size > MOST_BYTES) throw tooLarge(name, blob.size, MOST_BYTES, "MB");
  const bitmap = await createImageBitmap(blob).catch(() => {
    throw new Error(
      `“${name}” is not a picture that this browser can read. JPEG, PNG, WebP, GIF and AVIF work; anything else has to be saved as one of them.`,
    );
  });
  const { width, height } = bitmap;
  try {
    if (width * height > MOST_PIXELS) throw tooLarge(name, width * height, MOST_PIXELS, "million pixels");
    const found = kind ?? (looksWritten(bitmap) ? "digit" : "photo");
    return { blob, url: URL.createObjectURL(blob), name, width, height, kind: found };
  } finally {
    bitmap.close();
  }
}

function tooLarge(name: string, size: number, most: number, unit: string): Error {
  const [has, read] = [Math.ceil(size / 1e6), most / 1e6];
  return new Error(
    `“${name}” has ${has} ${unit}; pictures up to ${read} ${unit} are read. A smaller copy will do as well: networks see a few hundred pixels to a side.`,
  );
}

const LOOK = 32;

/** Whether a picture is a little grey ink on much of one tone, as a scanned or drawn digit is. */
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
