/** Where the scenes of a video begin. */
import { type Image, resizePil, toGrey, toRgb } from "@tessera-ml/media";

const THUMBNAIL = { width: 64, height: 36 } as const;
/** Below this mean change of its grey levels, a frame begins no scene. */
const CHANGED = 9;
/** Share of the pixels that get another colour: on 13 sequences of DAVIS at most 0.12 within one, at least 0.35 between two. */
const RECOLOURED = 0.2;
/** The mean change above which a frame of the same colours begins a scene if its depth map is another, too. */
const OTHER = 20;

/** Tells where scenes begin, from small pictures of the frames. A fade is no cut. */
export class CutDetector {
  #before: { readonly grey: Image; readonly colours: Float64Array } | undefined;

  /**
   * Whether the next frame begins another scene; false for the first.
   *
   * @param resembles whether its map resembles those before it; asked where the pictures leave it open
   */
  push(image: Image, resembles: () => boolean): boolean {
    const small = resizePil(toRgb(image), THUMBNAIL, "box");
    const now = { grey: toGrey(small), colours: coloursOf(small) };
    const before = this.#before;
    this.#before = now;
    if (!before) return false;
    const { data } = now.grey;
    const change =
      data.reduce((sum, level, i) => sum + Math.abs(level - before.grey.data[i]!), 0) / data.length;
    if (change < CHANGED) return false;
    const recoloured =
      now.colours.reduce((sum, share, i) => sum + Math.abs(share - before.colours[i]!), 0) / 2;
    return recoloured > RECOLOURED || (change > OTHER && !resembles());
  }
}

/** Shares of 64 colours: four levels of red, green and blue. */
function coloursOf({ data }: Image): Float64Array {
  const shares = new Float64Array(64);
  const each = 3 / data.length;
  for (let i = 0; i < data.length; i += 3)
    shares[(data[i]! >> 6) * 16 + (data[i + 1]! >> 6) * 4 + (data[i + 2]! >> 6)]! += each;
  return shares;
}
