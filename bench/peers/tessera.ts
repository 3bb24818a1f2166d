/** Tessera itself: training as one compiled step, inference with frozen parameters. */
import { Adam, crossEntropy, SGD } from "@tessera-ml/nn";
import {
  backend,
  compile,
  configure,
  conv2d,
  evaluate,
  fromArray,
  grad,
  matmul,
  type Tensor,
  valueAndGrad,
} from "@tessera-ml/tensor";
import { type Job, serve } from "../harness/serve.ts";
import { digest, labels, parameter, uniform } from "../workloads/fill.ts";
import { conv, matmulSize, type Network, networks, type Optimizer } from "../workloads/list.ts";
import { size, trace } from "../workloads/trace.ts";
import { type Net, nets } from "./tessera-models.ts";

const threads = Number(process.argv[2]);
configure({ threads });
await serve({
  about: `Tessera on ${(await backend()).name}, ${threads} threads`,
  async prepare(workload) {
    if (workload === "matmul") return multiplication();
    if (workload.startsWith("conv.")) return convolution(workload === "conv.backward");
    const network = networks[workload]!;
    const net = nets[workload]!();
    await net.load(parameters(network));
    const images = fromArray(uniform("images", size(network.input)), [...network.input]).permute([
      0, 3, 1, 2,
    ]);
    await evaluate(images);
    return network.optimizer ? train(net, images, network.optimizer) : infer(net, images);
  },
});

function multiplication(): Job {
  const a = fill("a", [matmulSize, matmulSize]);
  const b = fill("b", [matmulSize, matmulSize]);
  const multiply = compile((a: Tensor, b: Tensor) => [matmul(a, b)]);
  return job(() => multiply(a, b));
}

function convolution(backward: boolean): Job {
  const { batch, channels, size: side, kernel } = conv;
  const x = fill("x", [batch, channels, side, side]);
  const w = fill("w", [channels, channels, kernel, kernel]);
  const dy = fill("dy", [batch, channels, side, side]);
  const forward = (x: Tensor, w: Tensor) => conv2d(x, w, { padding: 1 });
  const gradient = grad((x: Tensor, w: Tensor, dy: Tensor) => forward(x, w).mul(dy).sum(), [0, 1]);
  const run = compile((x: Tensor, w: Tensor, dy: Tensor) =>
    backward ? [forward(x, w), ...gradient(x, w, dy)] : [forward(x, w)],
  );
  return job(() => run(x, w, dy));
}

function job(compute: () => Tensor[]): Job {
  let last: Tensor[] = [];
  return {
    async run() {
      last = compute();
      await evaluate(...last);
    },
    async value() {
      const parts: number[] = [];
      for (const y of last) parts.push(...digest((await y.data()) as Float32Array));
      return parts;
    },
  };
}

function train(net: Net, images: Tensor, optimizer: Optimizer): Job {
  const { kind, ...options } = optimizer;
  const update = kind === "adam" ? new Adam(net, options) : new SGD(net, options);
  const step = compile((images: Tensor, labels: Tensor) => {
    const { value, grads } = valueAndGrad(net, () => crossEntropy(net.forward(images), labels));
    update.update(grads);
    return value;
  });
  const classes = fromArray(labels(images.shape[0]!), [images.shape[0]!]);
  let loss = 0;
  return {
    async run() {
      loss = await step(images, classes).item();
    },
    value: () => [loss],
  };
}

function infer(net: Net, images: Tensor): Job {
  net.eval();
  const predict = compile((images: Tensor) => [net.forward(images)], { freeze: true });
  return job(() => predict(images));
}

function parameters({ forward, input }: Network): Map<string, Tensor> {
  const traced = trace(forward, input).parameters;
  return new Map([...traced].map(([name, shape]) => [name, fromArray(parameter(name, shape), [...shape])]));
}

function fill(name: string, shape: readonly number[]): Tensor {
  return fromArray(uniform(name, size(shape)), [...shape]);
}
