/** A small nonlinear problem: which of two spirals a point is on. */
import { compile, HostRandom, type Tensor, tensor } from "@tessera-ml/tensor";
import { arrays, crossEntropy, DataLoader, Dropout, Linear, Module } from "../../src/index.ts";

export function spirals(count: number, seed: number) {
  const random = new HostRandom(seed);
  const points = new Float32Array(2 * count);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const label = i % 2;
    const turn = 0.3 + 1.5 * random.next();
    const angle = 2 * Math.PI * turn + label * Math.PI;
    points[2 * i] = turn * Math.cos(angle) + 0.03 * random.normal();
    points[2 * i + 1] = turn * Math.sin(angle) + 0.03 * random.normal();
    labels[i] = label;
  }
  return { points: { data: points, shape: [count, 2] }, labels };
}

export class Net extends Module {
  readonly first = new Linear(2, 64);
  readonly second = new Linear(64, 64);
  readonly drop = new Dropout(0.05);
  readonly head = new Linear(64, 2);

  forward(x: Tensor): Tensor {
    const hidden = this.second.forward(this.first.forward(x).tanh()).tanh();
    return this.head.forward(this.drop.forward(hidden));
  }
}

export function loader(seed = 1) {
  return new DataLoader(arrays(spirals(512, 7)), { batchSize: 32, shuffle: true, seed });
}

export const lossOf =
  (net: Net) =>
  ({ points, labels }: { points: Tensor; labels: Tensor }): Tensor =>
    crossEntropy(net.forward(points), labels);

/** Accuracy on held-out points. */
export function accuracyOf(net: Net): () => Promise<{ accuracy: number }> {
  const { points, labels } = spirals(400, 8);
  const [x, y] = [tensor(points.data, { shape: points.shape }), tensor(labels)];
  const right = compile(() => net.forward(x).argmax(1).equal(y).astype("float32").mean());
  return async () => ({ accuracy: await right().item() });
}
