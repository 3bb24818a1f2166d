import { fromArray, HostRandom, type Tensor } from "@tessera-ml/tensor";
import type { Dataset, HostBatch, Random } from "./dataset.ts";

/** A batch as a step takes it: a tensor for each field. */
export type Tensors<H extends HostBatch> = { readonly [K in keyof H]: Tensor };

export interface DataLoaderOptions<H extends HostBatch, A extends HostBatch = H> {
  readonly batchSize: number;
  /** Another order in every epoch; default false. */
  readonly shuffle?: boolean;
  /** Decides the orders and the random changes. Default 0. */
  readonly seed?: number;
  /** Leaves out the last batch where it is smaller than the others. */
  readonly dropLast?: boolean;
  /** Changes a batch before it becomes tensors; `random` is the batch's own generator. */
  readonly augment?: (batch: H, random: Random) => A | Promise<A>;
}

/** Batches by epoch and number. */
export interface Batches<B> {
  /** Batches in an epoch. */
  readonly batches: number;
  /** The batches of an epoch, from number `from` on. */
  epoch(epoch: number, from?: number): AsyncIterable<B>;
}

/**
 * Batches of a data set. What batch i of epoch e holds depends on the seed alone, whatever was read before:
 * a run that is resumed in the middle of an epoch sees what it would have seen.
 *
 * While a step computes, the next batch is made.
 */
export class DataLoader<H extends HostBatch, A extends HostBatch = H> implements Batches<Tensors<A>> {
  readonly batches: number;
  readonly dataset: Dataset<H>;
  readonly #options: DataLoaderOptions<H, A>;
  #order: { epoch: number; indices: Uint32Array } | undefined;

  constructor(dataset: Dataset<H>, options: DataLoaderOptions<H, A>) {
    const { batchSize, dropLast = false } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new Error(`DataLoader: expected a whole batch size from 1 on, got ${batchSize}`);
    this.dataset = dataset;
    this.#options = options;
    this.batches = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    if (this.batches === 0)
      throw new Error(`DataLoader: ${dataset.length} samples make no batch of ${batchSize}`);
  }

  async *epoch(epoch: number, from = 0): AsyncGenerator<Tensors<A>> {
    let next = this.batch(epoch, from);
    for (let i = from; i < this.batches; i++) {
      const batch = await next;
      if (i + 1 < this.batches) {
        // Not at once: first the step that gets this batch shall start.
        next = new Promise((resolve) => setTimeout(resolve)).then(() => this.batch(epoch, i + 1));
        // Whoever waits for the batch is told of a failure; nobody may be waiting.
        next.catch(() => {});
      }
      yield batch;
    }
  }

  /** Batch `index` of an epoch. */
  async batch(epoch: number, index: number): Promise<Tensors<A>> {
    const { batchSize, seed = 0, augment } = this.#options;
    const indices = this.#indices(epoch).subarray(index * batchSize, (index + 1) * batchSize);
    const stream = (kind: number, id: number): Random => {
      const random = new HostRandom(seed, epoch, kind, id);
      return () => random.next();
    };
    const batch = await this.dataset.batch(indices, (sample) => stream(1, sample));
    const augmented = augment ? await augment(batch, stream(2, index)) : (batch as unknown as A);
    const tensors = Object.entries(augmented).map(([name, { data, shape }]) => [
      name,
      fromArray(data, shape),
    ]);
    return Object.fromEntries(tensors) as Tensors<A>;
  }

  /** The samples of an epoch in their order. */
  #indices(epoch: number): Uint32Array {
    const { shuffle = false, seed = 0 } = this.#options;
    if (this.#order?.epoch === epoch) return this.#order.indices;
    const { length } = this.dataset;
    const indices = shuffle
      ? new HostRandom(seed, epoch).permutation(length)
      : Uint32Array.from({ length }, (_, i) => i);
    this.#order = { epoch, indices };
    return indices;
  }
}
