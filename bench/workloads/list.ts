import { type Forward, lenet5, resnet18, resnet50, transformer, vitS14 } from "./models.ts";
import { trace } from "./trace.ts";

export type Optimizer =
  | { readonly kind: "sgd"; readonly lr: number; readonly momentum: number; readonly weightDecay: number }
  | { readonly kind: "adam"; readonly lr: number };

export interface Network {
  readonly forward: Forward;
  /** [N, H, W, C]. */
  readonly input: readonly [number, number, number, number];
  /** Absent for inference. */
  readonly optimizer?: Optimizer;
}

/** The square matrices of `matmul`. */
export const matmulSize = 1024;
/** The 3x3 convolution with padding 1 of `conv.*`. */
export const conv = { batch: 8, channels: 64, size: 56, kernel: 3 } as const;

export const networks: Readonly<Record<string, Network>> = {
  "train.lenet5": {
    forward: lenet5,
    input: [64, 28, 28, 1],
    optimizer: { kind: "sgd", lr: 0.01, momentum: 0.9, weightDecay: 0 },
  },
  "train.resnet18": {
    forward: resnet18,
    input: [64, 32, 32, 3],
    optimizer: { kind: "sgd", lr: 0.01, momentum: 0.9, weightDecay: 5e-4 },
  },
  "train.transformer": {
    forward: transformer,
    input: [64, 32, 32, 3],
    optimizer: { kind: "adam", lr: 1e-3 },
  },
  "infer.resnet50": { forward: resnet50, input: [1, 224, 224, 3] },
  "infer.vit-s14": { forward: vitS14, input: [1, 518, 518, 3] },
};

export interface Workload {
  readonly name: string;
  /** Floating-point operations per iteration: the forward pass, plus twice that for the gradients. */
  readonly flops: number;
  /** Iterations before timing; the value of the last one is compared between contestants. */
  readonly warmUp: number;
}

const convFlops = 2 * conv.batch * conv.size ** 2 * conv.channels ** 2 * conv.kernel ** 2;

export const workloads: readonly Workload[] = [
  { name: "matmul", flops: 2 * matmulSize ** 3, warmUp: 2 },
  { name: "conv.forward", flops: convFlops, warmUp: 2 },
  { name: "conv.backward", flops: 3 * convFlops, warmUp: 2 },
  ...Object.entries(networks).map(([name, { forward, input, optimizer }]) => ({
    name,
    flops: trace(forward, input).flops * (optimizer ? 3 : 1),
    warmUp: optimizer ? 3 : 2,
  })),
];
