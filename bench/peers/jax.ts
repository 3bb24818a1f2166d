/**
 * jax-js on its WebAssembly backend, one `jit` call per iteration. For threads, jax-js needs the browser's `Worker`,
 * which `web-worker.ts` provides in Node.
 */
import "./web-worker.ts"; // jax-js looks for `Worker` while loading
import { readFileSync } from "node:fs";
import {
  blockUntilReady,
  init,
  type JsTree,
  jit,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
  vjp,
} from "@jax-js/jax";
import { type Job, serve } from "../harness/serve.ts";
import { digest, labels, parameter, uniform } from "../workloads/fill.ts";
import { conv, matmulSize, type Network, networks, type Optimizer } from "../workloads/list.ts";
import { size, trace } from "../workloads/trace.ts";
import { convolve, operators, type T, type Values } from "./jax-ops.ts";

const manifest = new URL("../package.json", import.meta.resolve("@jax-js/jax"));
const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };

await init("wasm");
await serve({
  about: `jax-js ${version} wasm, ${process.argv[2]} threads, convolution written as matrix products`,
  prepare(workload) {
    if (workload === "matmul") return matmul();
    if (workload.startsWith("conv.")) return convolution(workload === "conv.backward");
    const network = networks[workload]!;
    return network.optimizer ? train(network, network.optimizer) : infer(network);
  },
});

function matmul(): Job {
  const shape = [matmulSize, matmulSize];
  const a = tensor(uniform("a", matmulSize ** 2), shape);
  const b = tensor(uniform("b", matmulSize ** 2), shape);
  const multiply = jit((a: T, b: T) => [np.matmul(a, b)]);
  return job(() => multiply(a.ref, b.ref));
}

function convolution(backward: boolean): Job {
  const { batch, channels, size: side, kernel } = conv;
  const fill = (name: string) =>
    np.transpose(
      tensor(uniform(name, batch * channels * side ** 2), [batch, channels, side, side]),
      [0, 2, 3, 1],
    );
  const x = fill("x");
  const w = filter(uniform("w", channels ** 2 * kernel ** 2), [channels, channels, kernel, kernel]);
  const forward = (x: T, w: T) => convolve(x, w, { out: channels, kernel, pad: 1 });
  if (!backward) {
    const run = jit((x: T, w: T) => [forward(x, w)]);
    return job(() => run(x.ref, w.ref), [[0, 3, 1, 2]]);
  }
  const dy = fill("dy");
  const run = jit((x: T, w: T, dy: T) => {
    const [y, pull] = vjp(forward, [x, w]);
    return [y, ...pull(dy)] as T[];
  });
  const layouts = [
    [0, 3, 1, 2],
    [0, 3, 1, 2],
    [3, 2, 0, 1],
  ];
  return job(() => run(x.ref, w.ref, dy.ref), layouts);
}

/** Keeps the results of the last run; `layouts` permutes them to PyTorch's axis order for the fingerprint. */
function job(compute: () => T[], layouts: number[][] = []): Job {
  let last: T[] = [];
  return {
    async run() {
      tree.dispose(last);
      last = await blockUntilReady(compute());
    },
    async value() {
      const parts: number[] = [];
      for (const [i, y] of last.entries()) {
        const ordered = layouts[i] ? np.transpose(y.ref, layouts[i]) : y.ref;
        parts.push(...digest((await ordered.data()) as Float32Array));
      }
      return parts;
    },
  };
}

type State = { values: Values; moments: Values; first: Values; second: Values; step: T };

function train({ forward, input }: Network, optimizer: Optimizer): Job {
  const images = tensor(uniform("images", size(input)), input);
  const target = nn.oneHot(np.array(labels(input[0])), 10);
  const all = Object.entries(load(forward, input));
  const values = Object.fromEntries(all.filter(([name]) => !name.includes(".running_")));
  const moments = Object.fromEntries(all.filter(([name]) => name.includes(".running_")));
  const zeros = () => tree.map((x: T) => np.zeros(x.shape), values) as Values;
  let state: State = { values, moments, first: zeros(), second: zeros(), step: np.array(0) };

  function lossOf(values: Values, moments: Values, images: T, target: T): [T, Values] {
    const updated: Values = {};
    const logits = forward(operators({ ...values, ...moments }, updated), images);
    const loss = np.mean(nn.logSoftmax(logits, -1).mul(target).sum(-1)).mul(-1);
    return [loss, updated];
  }
  const step = jit(({ values, moments, first, second, step }: State, images: T, target: T): [T, State] => {
    const [result, gradient] = valueAndGrad(lossOf, { hasAux: true })(
      tree.ref(values),
      moments,
      images,
      target,
    );
    const [loss, updated] = result as [T, Values];
    const next = update(optimizer, { values, moments: updated, first, second, step }, gradient as Values);
    return [loss, next];
  });

  let loss = 0;
  return {
    async run() {
      const [value, next] = step(state as never, images.ref, target.ref) as [T, State];
      state = next;
      await blockUntilReady(state as unknown as JsTree<T>);
      loss = ((await value.data()) as Float32Array)[0]!;
    },
    value: () => [loss],
  };
}

function update(optimizer: Optimizer, state: State, gradient: Values): State {
  const next: State = { ...state, values: {}, first: {}, second: {}, step: state.step.add(1) };
  for (const [name, g] of Object.entries(gradient)) {
    const [value, m, v] = [state.values[name]!, state.first[name]!, state.second[name]!];
    if (optimizer.kind === "adam") {
      const first = m.mul(0.9).add(g.ref.mul(0.1));
      const second = v.mul(0.999).add(np.square(g).mul(0.001));
      const correct = (x: T, beta: number) =>
        x.div(np.array(1).sub(np.exp(next.step.ref.mul(Math.log(beta)))));
      const change = correct(first.ref, 0.9).div(np.sqrt(correct(second.ref, 0.999)).add(1e-8));
      next.values[name] = value.sub(change.mul(optimizer.lr));
      next.first[name] = first;
      next.second[name] = second;
    } else {
      const decayed = g.add(value.ref.mul(optimizer.weightDecay));
      const velocity = m.mul(optimizer.momentum).add(decayed);
      next.values[name] = value.sub(velocity.ref.mul(optimizer.lr));
      next.first[name] = velocity;
      next.second[name] = v;
    }
  }
  return next;
}

function infer({ forward, input }: Network): Job {
  const images = tensor(uniform("images", size(input)), input);
  const values = fold(load(forward, input));
  const run = jit((values: Values, images: T) => [forward(operators(values), images)]);
  return job(() => run(tree.ref(values) as never, images.ref));
}

/** Folds batch norms into the preceding convolutions, as a converter for inference would. */
function fold(values: Values): Values {
  const folded: Values = { ...values };
  for (const name of Object.keys(values)) {
    if (!name.endsWith(".running_var")) continue;
    const norm = name.slice(0, -".running_var".length);
    const conv = norm.endsWith("downsample.1") ? norm.replace(/1$/, "0") : norm.replace(/bn(\d)$/, "conv$1");
    const field = (name: string) => values[`${norm}.${name}`]!.ref;
    const scale = field("weight").mul(np.reciprocal(np.sqrt(field("running_var").add(1e-5))));
    folded[`${norm}.bias`] = field("bias").sub(field("running_mean").mul(scale.ref));
    folded[`${conv}.weight`] = values[`${conv}.weight`]!.mul(scale);
    for (const gone of ["weight", "running_mean", "running_var"]) delete folded[`${norm}.${gone}`];
  }
  return folded;
}

/** Parameters in the layout of the operators: [in, out] and [h, w, in, out]. */
function load(forward: Network["forward"], input: Network["input"]): Values {
  const values: Values = {};
  for (const [name, shape] of trace(forward, input).parameters) {
    const data = parameter(name, shape);
    values[name] = shape.length === 4 ? filter(data, shape) : tensor(data, shape);
    if (shape.length === 2) values[name] = np.transpose(values[name]);
  }
  return values;
}

function tensor(data: Float32Array<ArrayBuffer>, shape: readonly number[]): T {
  return np.array(data).reshape([...shape]);
}

/** [out, in, h, w] to [h, w, in, out]. */
function filter(data: Float32Array<ArrayBuffer>, shape: readonly number[]): T {
  return np.transpose(tensor(data, shape), [2, 3, 1, 0]);
}
