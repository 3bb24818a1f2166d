/** TensorFlow Lite checkpoints are opened on Node alone. */
import type { Classifier } from "../classifier.ts";

export async function loadTFLite(): Promise<Classifier> {
  throw new Error("TensorFlow Lite checkpoints cannot be opened in a page");
}
