/** The order of training: pictures first, then clips and pictures in turn. */
import type { Batches, DataLoader, HostBatch } from "@tessera-ml/nn";
import { type Compiled, compile, type Tensor } from "@tessera-ml/tensor";
import type { Sam2 } from "../models/sam2/sam2.ts";
import { liteTrunk } from "./encoder.ts";
import type { SceneInput } from "./step.ts";

const TRUNK = "image_encoder.trunk";
/** The stem and the first three stages, which see edges and textures, and all norms: as ImageNet taught them. */
const STILL = /^image_encoder\.trunk\.(conv_stem|bn1|blocks\.[0-2]|.*\.bn\d)\./;

/** Which epochs do what, counted from 0. */
export interface SceneStages {
  /** Clicks after the first prompt. */
  readonly corrections: number;
  /** Until this epoch there are none: an answer that knows nothing teaches nothing when it is fed back. */
  readonly correctionsFrom: number;
  /** Until this epoch pictures are small. */
  readonly largeFrom: number;
  /** Until this epoch only what follows the encoder learns, so that a decoder that knows nothing does it no harm. */
  readonly encoderFrom: number;
  /** From this epoch on, every second batch is of clips, and the encoder stays as it is. */
  readonly clipsFrom: number;
}

/** As many batches of small pictures as of pictures, and at least half as many of clips. */
export interface SceneLoaders {
  readonly small: DataLoader<HostBatch>;
  readonly pictures: DataLoader<HostBatch>;
  readonly clips: DataLoader<HostBatch>;
}

/**
 * Batches for `sam2_lite`: small pictures, pictures, for a while with the later stages of its encoder, then clips and pictures in turn.
 * What does not learn runs once before the step, in a graph of its own: there, norms are folded into convolutions, which
 * makes it several times faster.
 */
export class SceneBatches implements Batches<SceneInput> {
  readonly batches: number;
  readonly #model: Sam2;
  readonly #data: SceneLoaders;
  readonly #stages: SceneStages;
  readonly #early: Compiled<[Tensor], readonly Tensor[]>;
  readonly #trunk: Compiled<[Tensor], readonly Tensor[]>;

  constructor(model: Sam2, data: SceneLoaders, stages: SceneStages) {
    const trunk = liteTrunk(model);
    this.batches = data.pictures.batches;
    this.#model = model;
    this.#data = data;
    this.#stages = stages;
    this.#early = compile((x: Tensor) => trunk.early(x), { freeze: true, name: "early stages" });
    this.#trunk = compile((x: Tensor) => trunk.forward(x), { freeze: true, name: "encoder" });
  }

  async *epoch(epoch: number, from = 0): AsyncGenerator<SceneInput> {
    const { largeFrom, encoderFrom, clipsFrom } = this.#stages;
    const still = epoch < encoderFrom || epoch >= clipsFrom;
    this.#model.unfreeze(TRUNK).freeze(still ? TRUNK : (path) => STILL.test(path));
    // The running statistics of norms stay those of ImageNet: batches here are small.
    liteTrunk(this.#model).eval();
    const corrections = epoch < this.#stages.correctionsFrom ? 0 : this.#stages.corrections;
    const maps = still ? this.#trunk : this.#early;
    const see = ({ images, truth, points, labels }: Readonly<Record<string, Tensor>>): SceneInput => ({
      maps: maps((images as Tensor).flatten(0, 1)),
      truth: truth as Tensor,
      ...(points && labels && { points, labels }),
      corrections,
    });
    if (epoch < clipsFrom) {
      const data = epoch < largeFrom ? this.#data.small : this.#data.pictures;
      for await (const batch of data.epoch(epoch, from)) yield see(batch);
      return;
    }
    const pictures = this.#data.pictures.epoch(epoch, Math.ceil(from / 2));
    const clips = this.#data.clips.epoch(epoch, Math.floor(from / 2));
    try {
      for (let i = from; i < this.batches; i++) {
        const { value } = await (i % 2 === 0 ? pictures : clips).next();
        yield see(value as Readonly<Record<string, Tensor>>);
      }
    } finally {
      await Promise.all([pictures.return(undefined), clips.return(undefined)]);
    }
  }
}
