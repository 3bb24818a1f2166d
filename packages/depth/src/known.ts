/** Known distances: points as a person gives them, and the files of sparse sensors. */
import { MediaError, readDepth, readSource, type Size, type Source } from "@tessera-ml/media";
import type { KnownPoint } from "./align.ts";

/** `x,y=metres`, for example `120,80=1.5`. */
export const KNOWN = /^\s*(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*=\s*(\d+(?:\.\d+)?)\s*m?\s*$/;

/** @throws RangeError unless it is of the form `x,y=metres` */
export function parseKnown(text: string): KnownPoint {
  const found = KNOWN.exec(text);
  if (!found) throw new RangeError(`known: expected x,y=metres, for example 120,80=1.5; got ${text}`);
  const [x, y, distance] = found.slice(1).map(Number) as [number, number, number];
  return { x, y, distance };
}

const MAX_BYTES = 2 ** 28;
const NUMBER = "-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?";
const ROW = new RegExp(`^\\s*(${NUMBER})\\s*[,;\\t ]\\s*(${NUMBER})\\s*[,;\\t ]\\s*(${NUMBER})\\s*$`, "i");

/**
 * The points that a sparse sensor measured: those above 0 of a 16-bit PNG as large as the image, or the rows
 * `x,y,metres` of a text file, whose first line may be a heading. Node only.
 *
 * @param image the size of the image
 * @param unit metres per step of a PNG, default 0.001
 * @throws MediaError for files that cannot be read; RangeError naming the file for another size, a row that is not
 *   three numbers, and fewer than two points
 */
export async function readSensor(source: Source, image: Size, unit?: number): Promise<KnownPoint[]> {
  const { bytes, name } = await readSource(source, MAX_BYTES);
  const isPng = bytes[0] === 0x89 && bytes[1] === 0x50;
  const points = isPng ? await pixels(bytes, name, image, unit) : rows(bytes, name);
  if (points.length < 2)
    throw new RangeError(`${name}: expected at least 2 measured points, got ${points.length}`);
  return points;
}

async function pixels(
  bytes: Uint8Array,
  name: string,
  image: Size,
  unit: number | undefined,
): Promise<KnownPoint[]> {
  const { width, height, data } = await readDepth(bytes, unit === undefined ? {} : { unit }).catch(
    (error: unknown) => {
      if (error instanceof MediaError) throw new MediaError(error.code, `${name}: ${error.message}`, error);
      throw error;
    },
  );
  if (width !== image.width || height !== image.height)
    throw new RangeError(
      `${name}: expected ${image.width} x ${image.height} like the image, got ${width} x ${height}`,
    );
  const points: KnownPoint[] = [];
  for (const [i, distance] of data.entries())
    if (distance > 0) points.push({ x: i % width, y: Math.floor(i / width), distance });
  return points;
}

function rows(bytes: Uint8Array, name: string): KnownPoint[] {
  const points: KnownPoint[] = [];
  for (const [i, line] of new TextDecoder().decode(bytes).split(/\r?\n/).entries()) {
    const found = ROW.exec(line);
    if (found) {
      const [x, y, distance] = found.slice(1).map(Number) as [number, number, number];
      points.push({ x, y, distance });
    } else if (line.trim() !== "" && !line.startsWith("#") && i > 0)
      throw new RangeError(`${name}: line ${i + 1}: expected x,y,metres, got ${line.slice(0, 40)}`);
  }
  return points;
}
