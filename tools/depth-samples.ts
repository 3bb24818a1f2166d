/** `node tools/depth-samples.ts`: the sample pictures of the studio's Depth page, rendered. Takes a minute. */
import { join } from "node:path";
import { renderPair } from "../packages/depth/src/render/index.ts";
import { resizePil, writeImage } from "../packages/media/src/index.ts";

const FOLDER = join(import.meta.dirname, "../packages/studio/src/app/systems/depth-estimation/samples");
const SEEDS = { study: 37, room: 29, house: 26, fence: 16 };
const SIZE = { width: 480, height: 360 };
/** Rendered at twice the size for smooth edges. */
const FINE = { width: 2 * SIZE.width, height: 2 * SIZE.height };

for (const [name, seed] of Object.entries(SEEDS)) {
  const { image } = renderPair(seed, { size: FINE });
  await writeImage(join(FOLDER, `${name}.webp`), resizePil(image, SIZE, "lanczos"), { quality: 82 });
}
