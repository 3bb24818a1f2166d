/**
 * TensorFlow.js on its WebAssembly backend with SIMD. One thread: in Node the package does not load its threaded
 * binary (tensorflow/tfjs#3830), and even if forced to with a browser-style Worker, it reports and uses one thread
 * whatever `setThreadsCount` requests (tensorflow/tfjs#8513).
 *
 * The backend has no kernel for a convolution's filter gradient, so it cannot train a convolutional network out of
 * the box; its input gradient and its products with a transposed operand run at 1 to 3 GFLOP/s. `tfjs-ops.ts`
 * therefore writes the gradients in operators that run at 15 to 30 GFLOP/s.
 */
import * as tf from "@tensorflow/tfjs";
import { getThreadsCount, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import { type Job, serve } from "../harness/serve.ts";
import { digest, labels, parameter, uniform } from "../workloads/fill.ts";
import { conv, matmulSize, type Network, networks, type Optimizer } from "../workloads/list.ts";
import { size, trace } from "../workloads/trace.ts";
import { convolve, filter, fromNchw, operators } from "./tfjs-ops.ts";

type T = tf.Tensor;

await tf.setBackend("wasm");
await serve({
  about: `TensorFlow.js ${version_wasm} wasm (SIMD), ${getThreadsCount()} thread, gradients written by hand`,
  prepare(workload) {
    if (workload === "matmul") return matmul();
    if (workload.startsWith("conv.")) return convolution(workload === "conv.backward");
    const network = networks[workload]!;
    return network.optimizer ? train(network, network.optimizer) : infer(network);
  },
});

function matmul(): Job {
  const shape: [number, number] = [matmulSize, matmulSize];
  const a = tf.tensor(uniform("a", matmulSize ** 2), shape);
  const b = tf.tensor(uniform("b", matmulSize ** 2), shape);
  return job(() => [tf.matMul(a, b)]);
}

function convolution(backward: boolean): Job {
  const { batch, channels, size: side, kernel } = conv;
  const fill = (name: string) =>
    fromNchw(uniform(name, batch * channels * side ** 2), [batch, channels, side, side]);
  const x = fill("x");
  const w = filter(uniform("w", channels ** 2 * kernel ** 2), [channels, channels, kernel, kernel]);
  const forward = (x: T, w: T) => convolve(x, w, { out: channels, kernel, pad: 1 }, true);
  if (!backward) return job(() => [forward(x, w)], [[0, 3, 1, 2]]);
  const dy = fill("dy");
  const gradient = tf.valueAndGrads(forward);
  return job(() => {
    const { value, grads } = gradient([x, w], dy);
    return [value, ...grads];
  }, [
    [0, 3, 1, 2],
    [0, 3, 1, 2],
    [3, 2, 0, 1],
  ]);
}

/** Keeps the results of the last run; `layouts` permutes them to PyTorch's axis order for the fingerprint. */
function job(compute: () => T[], layouts: number[][] = []): Job {
  let last: T[] = [];
  return {
    run() {
      tf.dispose(last);
      last = tf.tidy(compute);
    },
    value: () =>
      last.flatMap((y, i) =>
        tf.tidy(() => digest((layouts[i] ? tf.transpose(y, layouts[i]) : y).dataSync() as Float32Array)),
      ),
  };
}

function train({ forward, input }: Network, optimizer: Optimizer): Job {
  const images = tf.tensor(uniform("images", size(input)), [...input]);
  const target = tf.oneHot(tf.tensor1d(labels(input[0]), "int32"), 10);
  const values = load(forward, input);
  const ops = operators(values, images, true);
  const trained = [...values].flatMap(([name, value]) => (name.includes(".running_") ? [] : [value]));
  const update = updater(optimizer);
  let loss = 0;
  return {
    run() {
      const { value, grads } = tf.variableGrads(
        () => tf.losses.softmaxCrossEntropy(target, forward(ops, images)),
        trained,
      );
      update(grads);
      loss = value.dataSync()[0]!;
      tf.dispose([value, grads]);
    },
    value: () => [loss],
  };
}

function infer({ forward, input }: Network): Job {
  const images = tf.tensor(uniform("images", size(input)), [...input]);
  const ops = operators(load(forward, input), images, false);
  return job(() => [forward(ops, images)]);
}

/** Parameters in the layout of the operators. */
function load(forward: Network["forward"], input: Network["input"]): Map<string, tf.Variable> {
  const values = new Map<string, tf.Variable>();
  for (const [name, shape] of trace(forward, input).parameters) {
    const data = parameter(name, shape);
    let value: T = tf.tensor(data, [...shape]);
    if (shape.length === 4) value = filter(data, shape);
    if (shape.length === 2) value = tf.transpose(value); // [out, in] to [in, out]
    values.set(name, tf.variable(value, !name.includes(".running_"), name));
  }
  return values;
}

function updater(optimizer: Optimizer): (grads: Record<string, T>) => void {
  if (optimizer.kind === "adam") {
    const adam = tf.train.adam(optimizer.lr, 0.9, 0.999, 1e-8);
    return (grads) => adam.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
  }
  const { lr, momentum, weightDecay } = optimizer;
  const velocities = new Map<string, tf.Variable>();
  return (grads) =>
    tf.tidy(() => {
      for (const [name, gradient] of Object.entries(grads)) {
        const value = tf.engine().registeredVariables[name]!;
        if (!velocities.has(name)) velocities.set(name, tf.variable(tf.zerosLike(value), false));
        const velocity = velocities.get(name)!;
        const decayed = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(value, weightDecay));
        velocity.assign(tf.add(tf.mul(velocity, momentum), decayed));
        value.assign(tf.sub(value, tf.mul(velocity, lr)));
      }
    });
}
