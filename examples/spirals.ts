/**
 * A small network learns to separate two spirals: a complete training run on one page.
 *
 *   node examples/spirals.ts
 *
 * Expected: a loss below 0.1 and at least 99 % of the points classified correctly, within seconds.
 */
import { AdamW, crossEntropy, Linear, Module, schedules } from "@tessera-ml/nn";
import { compile, fromArray, HostRandom, manualSeed, type Tensor, valueAndGrad } from "@tessera-ml/tensor";

manualSeed(1);
const random = new HostRandom(1);
const count = 512;
const steps = 600;

/** Points [N, 2], and the spiral each belongs to, [N]. */
function spirals(): { points: Tensor; labels: Tensor } {
  const points = new Float32Array(2 * count);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const arm = i % 2;
    const t = Math.sqrt(random.next()) * 3 * Math.PI;
    const angle = t + arm * Math.PI;
    points[2 * i] = (t * Math.cos(angle)) / 10 + 0.02 * random.normal();
    points[2 * i + 1] = (t * Math.sin(angle)) / 10 + 0.02 * random.normal();
    labels[i] = arm;
  }
  return { points: fromArray(points, [count, 2]), labels: fromArray(labels, [count]) };
}

class Net extends Module {
  fc1 = new Linear(2, 64);
  fc2 = new Linear(64, 64);
  head = new Linear(64, 2);
  forward(x: Tensor): Tensor {
    const y = this.fc2.forward(this.fc1.forward(x).tanh()).tanh(); // [N, 64]
    return this.head.forward(y); // [N, 2]
  }
}

const net = new Net();
const optimizer = new AdamW(net, { lr: schedules.oneCycle({ peak: 0.01, steps }) });
const step = compile((x: Tensor, y: Tensor) => {
  const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(x), y));
  optimizer.update(grads);
  return value;
});

const { points, labels } = spirals();
let loss = Number.NaN;
for (let i = 1; i <= steps; i++) {
  loss = await step(points, labels).item();
  if (i % 100 === 0) console.log(`step ${i}: loss ${loss.toFixed(4)}`);
}
const accuracy = await net.forward(points).argmax(1).equal(labels).astype("float32").mean().item();
console.log(`accuracy: ${(100 * accuracy).toFixed(1)} %`);
if (!(accuracy >= 0.99)) {
  console.error("expected at least 99 %");
  process.exitCode = 1;
}
