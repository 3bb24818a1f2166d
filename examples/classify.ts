/**
 * Classifies an image and shows where the network looked.
 *
 *   node examples/classify.ts [IMAGE] [MODEL]
 *
 * Without an image it draws a seven, for one of the bundled digit networks.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crop, Image, overlayHeat, writeImage } from "@tessera-ml/media";
import { fromArray } from "@tessera-ml/tensor";
import { ImageClassifier } from "@tessera-ml/vision";
import { gradCam } from "@tessera-ml/vision/inspect";

/** A seven in black on white: a horizontal bar, and a diagonal down from its right end. */
function seven(): Image {
  const side = 120;
  const ink = (x: number, y: number) => {
    const bar = y > 20 && y < 32 && x > 30 && x < 90;
    const slanted = y >= 32 && y < 104 && Math.abs(x - (86 - (y - 32) * 0.5)) < 7;
    return bar || slanted;
  };
  const pixels = Uint8Array.from({ length: side * side }, (_, i) =>
    ink(i % side, Math.floor(i / side)) ? 0 : 255,
  );
  return new Image(side, side, 1, pixels);
}

const [input = seven(), name = "digitnet"] = process.argv.slice(2);
const classifier = await ImageClassifier.load(name);
const { predictions } = await classifier.classify(input, { top: 3 });
for (const { label, probability } of predictions)
  console.log(`${label}  ${(100 * probability).toFixed(1)} %`);

const { image, planes, seen } = await classifier.prepare(input);
const x = fromArray(planes.data as Float32Array<ArrayBuffer>, [1, ...planes.shape]);
const heat = await gradCam(classifier.module, x, predictions[0]!.index); // [1, h, w]
const path = join(tmpdir(), "tessera-example.png");
const { left, top, width, height } = seen;
const [x0, y0, x1, y1] = [left, top, left + width, top + height].map(Math.round) as [
  number,
  number,
  number,
  number,
];
const part = crop(image, { left: x0, top: y0, width: x1 - x0, height: y1 - y0 });
await writeImage(path, overlayHeat(part, heat));
console.log(`where it looked: ${path}`);
