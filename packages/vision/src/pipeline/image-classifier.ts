/** The image classification pipeline. */
import { loadNetwork, type Opened, type OpenOptions, openNamed } from "@tessera-ml/kit";
import { type ImageSource, stack } from "@tessera-ml/media";
import { type CheckpointInput, openCheckpoint } from "@tessera-ml/nn";
import { type Compiled, compile, fromArray, type Tensor, zeros } from "@tessera-ml/tensor";
import { loadTFLite } from "#tflite";
import type { Classifier } from "../classifier.ts";
import { inputShapeOf } from "../cost.ts";
import { labelsOf, labelsOrNumbers } from "../labels/labels.ts";
import { type ClassifierNetwork, networks } from "../networks/index.ts";
import type { ClassifierRecord } from "../records/record.ts";
import { opener } from "./opener.ts";
import { prepareImage } from "./pixels.ts";
import type {
  Classification,
  ClassifierOpenOptions,
  ClassifyAllOptions,
  ClassifyOptions,
  OpenedCheckpoint,
  Prediction,
  Prepared,
} from "./types.ts";

/**
 * A trained network with its preprocessing, labels and session.
 *
 * @example
 * const classifier = await ImageClassifier.load("resnet50");
 * const { predictions } = await classifier.classify("cat.jpg");
 * predictions[0]; // { index: 281, label: "tabby", probability: 0.62 }
 */
export class ImageClassifier implements Opened<ImageSource, ClassifyOptions, Classification> {
  /** The record's name: `cifar_resnet20.tessera`. */
  readonly name: string;
  readonly record: ClassifierRecord;
  readonly network: ClassifierNetwork;
  /** In inference mode. */
  readonly module: Classifier;
  /** Output labels, in order. */
  readonly labels: readonly string[];
  readonly #ask: Compiled<[Tensor], Tensor>;

  private constructor(record: ClassifierRecord, module: Classifier, labels?: readonly string[]) {
    this.name = record.name;
    this.record = record;
    this.network = networks.ofRecord(record).network;
    this.module = module.eval();
    this.labels = labels ?? labelsOf(record.classes);
    if (this.labels.length !== record.classes.count)
      throw new RangeError(
        `${record.name}: expected ${record.classes.count} labels, one per class, got ${this.labels.length}`,
      );
    this.#ask = compile((x: Tensor) => module.probabilities(module.forward(x)), {
      freeze: true,
      name: record.name,
    });
  }

  /**
   * Opens a checkpoint. On Node, it is looked up on this machine and downloaded if absent; a browser fetches it
   * from `base`.
   *
   * @param name the name of a record (`resnet50.tv_in1k_v2`) or a network (`resnet50`), or, on Node, the path of
   * a checkpoint, with `{ network }` if there is no record beside it
   * @throws HubError `unknown-name` with the closest names, `absent` or `offline` with what to do, …; VisionError
   * `which-network` or `no-checkpoint`
   */
  static async load(name: string, options: OpenOptions = {}): Promise<ImageClassifier> {
    const opened = await openNamed(opener, name, options);
    try {
      options.signal?.throwIfAborted();
      const { classes, labels } = (options.details ?? {}) as ClassifierOpenOptions;
      const record = classes === undefined ? opened.record : withClasses(opened.record, classes);
      // Only a file without its own record may have its own classes.
      const isOwn = options.network !== undefined || classes !== undefined;
      const names = labels ?? (isOwn ? labelsOrNumbers(record.classes) : undefined);
      return new ImageClassifier(record, await buildNetwork({ ...opened, record }), names);
    } finally {
      await opened.checkpoint.close();
    }
  }

  /** The same for a checkpoint in memory, such as an encoded `.safetensors`, with its record. */
  static async of(record: ClassifierRecord, file: CheckpointInput): Promise<ImageClassifier> {
    const checkpoint = await openCheckpoint(file);
    try {
      return new ImageClassifier(record, await buildNetwork({ record, checkpoint, paths: [] }));
    } finally {
      await checkpoint.close();
    }
  }

  /** Creates the session for batches of `count` while inputs are still loading; classifying waits for it. */
  async warmUp(count = 1): Promise<void> {
    const [, ...picture] = inputShapeOf(this.record);
    await this.#ask.prepare(zeros([count, ...picture]));
  }

  /** Preprocesses an image. */
  async prepare(source: ImageSource): Promise<Prepared> {
    return await prepareImage(source, this.record);
  }

  /** The `top` most probable classes of an image. */
  async classify(source: ImageSource, options: ClassifyOptions = {}): Promise<Classification> {
    const [only] = await this.answer([source], options);
    return only as Classification;
  }

  /** The same for many images, in batches, in order. */
  async classifyAll(
    sources: readonly ImageSource[],
    options: ClassifyAllOptions = {},
  ): Promise<Classification[]> {
    const { batchSize = 8 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new RangeError(`classifyAll: expected a batch size of at least 1, got ${batchSize}`);
    const found: Classification[] = [];
    for (let start = 0; start < sources.length; start += batchSize)
      found.push(...(await this.answer(sources.slice(start, start + batchSize), options)));
    return found;
  }

  /** Class probabilities of prepared images, one row each. */
  async probabilities(prepared: readonly Pick<Prepared, "planes">[]): Promise<Float32Array[]> {
    const { data, shape } = stack(prepared.map(({ planes }) => planes));
    const values = await this.#ask(fromArray(data as Float32Array<ArrayBuffer>, [...shape])).data();
    const count = this.labels.length;
    if (values.some(Number.isNaN))
      throw new RangeError(`${this.name}: the network outputs NaN: its weights are too large or damaged`);
    return prepared.map((_, i) => Float32Array.from(values.subarray(i * count, (i + 1) * count), Number));
  }

  /** Frees the session; the next call creates a new one. */
  release(): void {
    this.#ask.release();
  }

  /** The same for a single batch. */
  async answer(
    sources: readonly ImageSource[],
    { top = 5 }: ClassifyOptions = {},
  ): Promise<Classification[]> {
    if (!Number.isInteger(top) || top < 1)
      throw new RangeError(`classify: expected top to be a whole number of at least 1, got ${top}`);
    const prepared = await Promise.all(sources.map((source) => this.prepare(source)));
    const started = performance.now();
    const rows = await this.probabilities(prepared);
    const milliseconds = (performance.now() - started) / prepared.length;
    return prepared.map(({ image: { width, height }, seen }, i) => ({
      model: this.name,
      predictions: this.#best(rows[i] as Float32Array, top),
      milliseconds,
      image: { width, height },
      seen,
    }));
  }

  #best(row: Float32Array, top: number): Prediction[] {
    return Array.from(row, (probability, index) => ({
      index,
      label: this.labels[index] as string,
      probability,
    }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top);
  }
}

/** The record of a checkpoint whose head has a different number of classes. */
function withClasses(record: ClassifierRecord, count: number): ClassifierRecord {
  return { ...record, classes: { ...record.classes, count } };
}

async function buildNetwork({ record, checkpoint, paths }: OpenedCheckpoint): Promise<Classifier> {
  const { network } = networks.ofRecord(record);
  const create = { classes: record.classes.count };
  // TensorFlow names tensors by operator; the graph beside the file maps them to layers.
  if (record.source === "tensorflow") return await loadTFLite(network.create(create), checkpoint, paths);
  return (await loadNetwork(networks, network.name, checkpoint, { create })).module;
}
