/**
 * A minimal program that classifies an image with an ONNX file: `bare-ort.js THREADS MODEL.onnx IMAGE`. Written in
 * JavaScript, as type stripping would add 30 ms to its startup.
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";

const [threads, model, image] = process.argv.slice(2);
const [mean, std] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
];
const side = 224;

const { width = 0, height = 0 } = await sharp(image).metadata();
const scale = 256 / Math.min(width, height);
const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
const pixels = await sharp(image)
  .resize(size.width, size.height)
  .extract({
    left: (size.width - side) >> 1,
    top: (size.height - side) >> 1,
    width: side,
    height: side,
  })
  .removeAlpha()
  .raw()
  .toBuffer();
const input = new Float32Array(3 * side * side);
for (let i = 0; i < side * side; i++)
  for (let c = 0; c < 3; c++) input[c * side * side + i] = (pixels[3 * i + c] / 255 - mean[c]) / std[c];

const session = await InferenceSession.create(model, { intraOpNumThreads: Number(threads) });
const { logits } = await session.run({ pixel_values: new Tensor("float32", input, [1, 3, side, side]) });
const scores = [...logits.data];
const largest = Math.max(...scores);
const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
const top = scores
  .map((score, index) => ({ index, probability: Math.exp(score - largest) / total }))
  .sort((a, b) => b.probability - a.probability)
  .slice(0, 5);
console.log(JSON.stringify(top));
