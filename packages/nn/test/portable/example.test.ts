import {
  compile,
  manualSeed,
  randint,
  randomKey,
  type Tensor,
  uniform,
  valueAndGrad,
} from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import { AdamW, Conv2d, crossEntropy, Linear, Module } from "../../src/index.ts";

class Net extends Module {
  conv = new Conv2d(1, 16, 3, { padding: 1 });
  head = new Linear(16, 10);

  forward(x: Tensor): Tensor {
    return this.head.forward(this.conv.forward(x).relu().mean([2, 3]));
  }
}

test("the README example, with and without compile", async () => {
  const train = async (compiled: boolean): Promise<number[]> => {
    manualSeed(0);
    const net = new Net();
    const optimizer = new AdamW(net, { lr: 1e-2 });
    const plain = (images: Tensor, labels: Tensor) => {
      const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(images), labels));
      optimizer.update(grads);
      return value;
    };
    const step = compiled ? compile(plain) : plain;
    const images = uniform(randomKey(1), [8, 1, 28, 28]);
    const labels = randint(randomKey(2), [8], 0, 10);
    const losses: number[] = [];
    for (let i = 0; i < 6; i++) losses.push(await step(images, labels).item());
    return losses;
  };
  const losses = await train(true);
  expect(losses.slice(1).every((loss, i) => loss < (losses[i] as number))).toBe(true);
  for (const [i, loss] of (await train(false)).entries()) expect(loss).toBeCloseTo(losses[i] as number, 4);
});
