/**
 * `node tools/depth-failures.ts [FOLDER]`: the picture of the card of `depth_lite0.tessera` that shows where it fails: of
 * 60 rendered scenes that no training saw, the four with the largest error and two ordinary ones, with the true depth.
 *
 * FOLDER has the network (default: models/depth_lite0.tessera); `failures.webp` is written into it.
 */
import { join } from "node:path";
import type { Frame } from "../packages/depth/src/data/index.ts";
import { evaluateSet } from "../packages/depth/src/evaluate/index.ts";
import { DepthEstimator } from "../packages/depth/src/index.ts";
import { mapOf } from "../packages/depth/src/outputs/values.ts";
import { renderPair } from "../packages/depth/src/render/index.ts";
import { setOf } from "../packages/depth/src/training/measure.ts";
import { colorize, contactSheet, type Image, Planes, writeImage } from "../packages/media/src/index.ts";

const folder = process.argv[2] ?? join(import.meta.dirname, "../models/depth_lite0.tessera");
/** Training uses seeds from 0 on. */
const FIRST = 2_000_000;
const SCENES = 60;
const SIZE = { width: 256, height: 192 };

const frames = Array.from({ length: SCENES }, (_, i): Frame => {
  const { image, depth } = renderPair(FIRST + i, { size: SIZE });
  // The sky is infinitely far away.
  const target = new Planes(
    1,
    depth.height,
    depth.width,
    depth.data.map((z) => (Number.isFinite(z) ? z : 0)),
  );
  return { image, kind: "depth", target, valid: Uint8Array.from(target.data, (z) => (z > 0 ? 1 : 0)) };
});
const estimator = await DepthEstimator.load(folder);
const cases: { error: number; image: Image; estimate: Planes; truth: Planes }[] = [];
await evaluateSet(async (image) => mapOf(await estimator.estimate(image)), setOf("rendered", frames), {
  inspect: (frame, { metrics, depth, target }) =>
    void cases.push({ error: metrics.absRel, image: frame.image, estimate: depth, truth: target }),
});
estimator.release();
cases.sort((a, b) => b.error - a.error);
const middle = cases.length >> 1;
const shown = [...cases.slice(0, 4), ...cases.slice(middle, middle + 2)];

/** Near things bright; black where there is no depth. */
function picture({ data, width, height }: Planes): Image {
  const inverse = data.map((metres) => (metres > 0 ? 1 / metres : 0));
  return colorize(new Planes(1, height, width, inverse), { colormap: "inferno" });
}

const sheet = await contactSheet(
  shown.flatMap(({ image, estimate, truth }) => [image, picture(truth), picture(estimate)]),
  {
    columns: 3,
    captions: shown.flatMap(({ error }) => ["", "true", `estimated, AbsRel ${error.toFixed(2)}`]),
  },
);
await writeImage(join(folder, "failures.webp"), sheet, { quality: 80 });
