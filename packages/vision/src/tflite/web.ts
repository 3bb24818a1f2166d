/** TensorFlow Lite checkpoints open on Node only. */
import type { Classifier } from "../classifier.ts";

export async function loadTFLite(): Promise<Classifier> {
  throw new Error("TensorFlow Lite checkpoints cannot be opened in a browser");
}
