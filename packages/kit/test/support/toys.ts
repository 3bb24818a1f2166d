/** Networks, records and tasks that exist for tests alone. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import { Linear, Module } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import * as z from "zod";
import { type AnyTask, defineTask, type Network, Networks, type Opened, rules } from "../../src/index.ts";

/** y = a x + b */
export class Line extends Module {
  fc = new Linear(1, 1);
  forward(x: Tensor): Tensor {
    return this.fc.forward(x); // [N, 1]
  }
}

export const line: Network<Line> = {
  name: "line",
  family: "Lines",
  year: 1805,
  paper: "Nouvelles méthodes pour la détermination des orbites des comètes",
  input: [1],
  sources: {},
  create: () => new Line(),
};

export interface BlockOptions {
  readonly classes?: number;
  /** With the head that only training needs. */
  readonly auxiliary?: boolean;
}

export class Block extends Module {
  qkv = new Linear(2, 6);
  head: Linear;
  aux: Linear | undefined;
  constructor({ classes = 3, auxiliary = false }: BlockOptions = {}) {
    super();
    this.head = new Linear(6, classes);
    this.aux = auxiliary ? new Linear(6, classes) : undefined;
  }
}

const fromLab = rules([/^qkv\./, "attention.in."], [/^head\./, "fc."]);

/** Published by a laboratory that keeps the three parts of `qkv` apart, and its head as a convolution. */
export const block: Network<Block, BlockOptions> = {
  name: "block_small",
  family: "Blocks",
  year: 2017,
  paper: "None",
  classes: 3,
  trainingOnly: /^aux\./,
  create: (options) => new Block(options),
  sources: {
    hub: { name: "block-s", also: ["block-s-long"], keyOf: (path) => path.replace(".", ".0.") },
    lab: {
      name: "small",
      keyOf: fromLab,
      partsOf: (key) => {
        const [, kind] = /^attention\.in\.(.*)$/.exec(key) ?? [];
        return kind === undefined ? [key] : ["q", "k", "v"].map((part) => `attention.${part}.${kind}`);
      },
      shapeOf: (key, shape) => (key === "fc.weight" ? [...shape, 1, 1] : shape),
    },
    "lab-old": {
      name: "oldest",
      keyOf: (path) => path.replace(".", "_v1."),
      create: (options) => new Block({ auxiliary: true, ...options }),
    },
  },
};

export const toys = (): Networks<Network<Module, BlockOptions>> => new Networks([block, line]);

export function recordOf(name: string, more: Partial<CheckpointRecord> = {}): CheckpointRecord {
  return {
    name,
    task: "fit-line",
    network: name.split(".")[0]!,
    source: "tessera",
    files: [{ file: "model.safetensors" }],
    licence: "MIT",
    reference: "None",
    ...more,
  };
}

/** A checkpoint that doubles numbers. It refuses negative ones, and keeps the batches that it was asked about. */
export class Doubler implements Opened<number, { readonly plus?: number }, number> {
  readonly record: CheckpointRecord;
  readonly module = new Line();
  readonly batches: number[][] = [];
  released = 0;

  constructor(name: string = "line.double") {
    this.record = recordOf(name);
  }

  async answer(inputs: readonly number[], { plus = 0 }: { readonly plus?: number }): Promise<number[]> {
    this.batches.push([...inputs]);
    return inputs.map((input) => {
      if (input < 0) throw new RangeError(`expected no negative number, got ${input}`);
      return 2 * input + plus;
    });
  }

  release(): void {
    this.released++;
  }
}

/** A task that lists the toys; further halves by name. */
export function toyTask(more: Partial<AnyTask> = {}): AnyTask {
  return defineTask({
    name: "fit-line",
    title: "Lines",
    summary: "Fit lines.",
    accepts: [],
    catalogue: async () => ({ networks: toys(), records: [], data: [] }),
    schemas: async () => ({ request: z.strictObject({}), answer: z.object({}) }),
    load: async () => ({ open: async () => new Doubler(), defaultCheckpoint: async () => "line.double" }),
    ...more,
  });
}
