/**
 * Memory stays flat over many steps and runs. Short by default; `TESSERA_SOAK=1` makes 2,000 training steps
 * and 10,000 runs of it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compile, fromArray, HostRandom, type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import {
  AdamW,
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Dropout,
  EMA,
  Flatten,
  Linear,
  Module,
  Sequential,
} from "../src/index.ts";

const long = Boolean(process.env.TESSERA_SOAK);
const MIB = 2 ** 20;

class Net extends Module {
  readonly layers = new Sequential(
    new Conv2d(1, 8, 3, { padding: 1 }),
    new BatchNorm2d(8),
    (x) => x.relu(),
    new Dropout(0.1),
    new Flatten(),
    new Linear(8 * 28 * 28, 64),
    (x) => x.relu(),
    new Linear(64, 10),
  );
  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

const random = new HostRandom(1);
function images(count: number): Tensor {
  return fromArray(
    Float32Array.from({ length: count * 784 }, () => random.next()),
    [count, 1, 28, 28],
  );
}
const labels = (count: number) =>
  fromArray(
    Int32Array.from({ length: count }, () => random.below(10)),
    [count],
  );

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
/** Resident memory once all that is garbage was collected. */
async function resident(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().rss;
}

/** Runs `step` `count` times; by how much memory grew in the second half. */
async function growth(count: number, step: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < count / 2; i++) await step();
  const before = await resident();
  for (let i = 0; i < count / 2; i++) await step();
  return (await resident()) - before;
}

test("training", async () => {
  const net = new Net();
  const optimizer = new AdamW(net, { lr: 1e-3 });
  const ema = new EMA(net);
  const step = compile((x: Tensor, y: Tensor) => {
    const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(x), y));
    optimizer.update(grads);
    ema.update();
    return value;
  });
  const grown = await growth(long ? 2000 : 300, async () => await step(images(16), labels(16)).item());
  expect(grown / MIB).toBeLessThan(12);
}, 600_000);

test("training that is not compiled", async () => {
  const net = new Net();
  const optimizer = new AdamW(net, { lr: 1e-3 });
  const grown = await growth(long ? 1000 : 60, async () => {
    const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(images(4)), labels(4)));
    optimizer.update(grads);
    return await value.item();
  });
  expect(grown / MIB).toBeLessThan(12);
}, 600_000);

test("inference", async () => {
  const net = new Net().eval();
  const run = compile((x: Tensor) => net.forward(x), { freeze: true });
  const grown = await growth(long ? 10_000 : 1500, async () => await run(images(1)).data());
  expect(grown / MIB).toBeLessThan(12);
}, 600_000);
