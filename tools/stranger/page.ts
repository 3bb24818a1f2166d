/** The page of a user who installed the packages: classifies an image with a checkpoint served next to it. */
import { backend } from "@tessera-ml/tensor";
import { ImageClassifier } from "@tessera-ml/vision";

async function classify(): Promise<object> {
  const classifier = await ImageClassifier.load("cifar_resnet20.tessera", { base: "./models" });
  const response = await fetch("./photo.png");
  const { predictions } = await classifier.classify(new Uint8Array(await response.arrayBuffer()));
  return { backend: (await backend()).name, best: predictions[0] };
}

document.body.textContent = await classify().then(JSON.stringify, (error: Error) => `${error.stack}`);
