/**
 * Image classification in one call: a checkpoint as a function.
 *
 *   node examples/pipeline.ts [CHECKPOINT] [IMAGE…]
 *
 * Without arguments it draws a one and a nothing, for one of the bundled digit networks.
 */
import { Image } from "@tessera-ml/media";
import { pipeline } from "@tessera-ml/tessera";

/** White paper, with an upright stroke if `ink`. */
function paper(ink: boolean): Image {
  const image = new Image(60, 80, 1, new Uint8Array(60 * 80).fill(255));
  for (let y = 12; ink && y < 68; y++) image.data.fill(10, 60 * y + 27, 60 * y + 34);
  return image;
}

const [checkpoint = "digitnet", ...paths] = process.argv.slice(2);
using classify = await pipeline("image-classification", checkpoint);
const inputs = paths.length > 0 ? paths : [paper(true), paper(false)];

// One input gives its answer, several give an array: `await classify(["cat.jpg", "dog.jpg"])`.
const { predictions } = await classify(inputs[0] as string | Image, { top: 3 });
for (const { label, probability } of predictions)
  console.log(`${label}  ${(100 * probability).toFixed(1)} %`);

// A stream reports a bad input in its place and goes on with the others.
for await (const outcome of classify.stream(inputs, { top: 1, batchSize: 4 }))
  if ("answer" in outcome) console.log(`input ${outcome.index}: ${outcome.answer.predictions[0]?.label}`);
  else console.log(`input ${outcome.index}: ${outcome.error}`);
