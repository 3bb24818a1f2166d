/** The program of a user who installed the packages: covers every entry point and checks that types resolve. */
import { parseRecord } from "@tessera-ml/hub/records";
import { readImage } from "@tessera-ml/media";
import { AdamW, crossEntropy, Linear, Module } from "@tessera-ml/nn";
import { openCheckpoint } from "@tessera-ml/nn/files";
import { backend, compile, fromArray, type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import type { DType } from "@tessera-ml/tensor/dtype";
import { type Classification, ImageClassifier } from "@tessera-ml/vision";
import { IMAGENET_CLASSES } from "@tessera-ml/vision/classes";
import { listDatasets } from "@tessera-ml/vision/data";
import { profile } from "@tessera-ml/vision/inspect";
import { recipes } from "@tessera-ml/vision/recipes";
import { findRecord } from "@tessera-ml/vision/records";
import { studies } from "@tessera-ml/vision/studies";

class Net extends Module {
  head = new Linear(4, 2);

  forward(x: Tensor): Tensor {
    return this.head.forward(x);
  }
}

const net = new Net();
const optimizer = new AdamW(net, { lr: 1e-2 });
const step = compile((x: Tensor, labels: Tensor) => {
  const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(x), labels));
  optimizer.update(grads);
  return value;
});
const type: DType = "int32";
const x = fromArray(Float32Array.of(1, 2, 3, 4), [1, 4]);
const loss: number = await step(x, fromArray(Int32Array.of(1), [1])).item();

const classifier = await ImageClassifier.load("cifar_resnet20");
const answer: Classification = await classifier.classify(await readImage(process.argv[2] as string));
// @ts-expect-error: a number is not an image. If types did not resolve, this would be allowed.
void (() => classifier.classify(42));

const parts = [IMAGENET_CLASSES, recipes, studies].map(({ length }) => length > 0);
const functions = [findRecord, listDatasets, openCheckpoint, parseRecord, profile].map(
  (value) => typeof value === "function",
);
console.log(
  JSON.stringify({
    backend: (await backend()).name,
    whole: [type === "int32", Number.isFinite(loss), ...parts, ...functions].every(Boolean),
    best: answer.predictions[0],
  }),
);
