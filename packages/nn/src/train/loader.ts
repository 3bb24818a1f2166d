import { fromArray, HostRandom, type Tensor } from "@tessera-ml/tensor";
import type { Dataset, HostBatch, Random } from "./dataset.ts";

/** A batch as passed to a step: one tensor per field. */
export type Tensors<H extends HostBatch> = { readonly [K in keyof H]: Tensor };

export interface DataLoaderOptions<H extends HostBatch, A extends HostBatch = H> {
  readonly batchSize: number;
  /** Reshuffle in every epoch; default false. */
  readonly shuffle?: boolean;
  /** Determines the order and the augmentations. Default 0. */
  readonly seed?: number;
  /** Drop the last batch of an epoch if it is incomplete. */
  readonly dropLast?: boolean;
  /** Transforms a batch before it is converted to tensors; `random` is the batch's own generator. */
  readonly augment?: (batch: H, random: Random) => A | Promise<A>;
}

/** Batches by epoch and index. */
export interface Batches<B> {
  /** Number of batches per epoch. */
  readonly batches: number;
  /** The batches of an epoch, starting at index `from`. */
  epoch(epoch: number, from?: number): AsyncIterable<B>;
}

/**
 * Batches of a data set. The contents of batch i of epoch e depend only on the seed, not on what was read before,
 * so that a run resumed in the middle of an epoch sees the same data.
 *
 * The next batch is prepared while a step computes.
 */
export class DataLoader<H extends HostBatch, A extends HostBatch = H> implements Batches<Tensors<A>> {
  readonly batches: number;
  readonly dataset: Dataset<H>;
  readonly #options: DataLoaderOptions<H, A>;
  #order: { epoch: number; indices: Uint32Array } | undefined;

  constructor(dataset: Dataset<H>, options: DataLoaderOptions<H, A>) {
    const { batchSize, dropLast = false } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new Error(`DataLoader: expected a positive integer batch size, got ${batchSize}`);
    this.dataset = dataset;
    this.#options = options;
    this.batches = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    if (this.batches === 0)
      throw new Error(`DataLoader: ${dataset.length} samples do not fill a batch of ${batchSize}`);
  }

  async *epoch(epoch: number, from = 0): AsyncGenerator<Tensors<A>> {
    let next = this.batch(epoch, from);
    for (let i = from; i < this.batches; i++) {
      const batch = await next;
      if (i + 1 < this.batches) {
        // Deferred, so that the step that gets this batch starts first.
        next = new Promise((resolve) => setTimeout(resolve)).then(() => this.batch(epoch, i + 1));
        // A failure reaches the consumer when it awaits the batch; if it never does, this avoids an unhandled rejection.
        next.catch(() => {});
      }
      yield batch;
    }
  }

  /** Returns batch `index` of an epoch. */
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

  /** The sample indices of an epoch in order. */
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
