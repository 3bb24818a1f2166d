/**
 * Memory stays flat over many steps and runs. Short by default; with `TESSERA_SOAK=1`, 2,000 training steps
 * and 10,000 inference runs.
 */
import { compile, fromArray, HostRandom, type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import { growth } from "../../tensor/test/support/memory.ts";
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
/** Less than leaking one set of parameters and moments per step would take. */
const LIMIT = 12 * MIB;

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

/** Memory growth over `count` calls of a step. */
const grownBy = (count: number, step: () => Promise<unknown>): Promise<number> =>
  growth(LIMIT, async () => {
    for (let i = 0; i < count; i++) await step();
  });

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
  const grown = await grownBy(long ? 1000 : 150, async () => await step(images(16), labels(16)).item());
  expect(grown).toBeLessThan(LIMIT);
}, 600_000);

test("eager training", async () => {
  const net = new Net();
  const optimizer = new AdamW(net, { lr: 1e-3 });
  const grown = await grownBy(long ? 500 : 30, async () => {
    const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(images(4)), labels(4)));
    optimizer.update(grads);
    return await value.item();
  });
  expect(grown).toBeLessThan(LIMIT);
}, 600_000);

test("inference", async () => {
  const net = new Net().eval();
  const run = compile((x: Tensor) => net.forward(x), { freeze: true });
  const grown = await grownBy(long ? 5000 : 750, async () => await run(images(1)).data());
  expect(grown).toBeLessThan(LIMIT);
}, 600_000);
