/** Which checkpoints there are, what they cost, and where they lie. */
import { type CheckpointRecord, findModel, locateModel, modelRecords, requireModel } from "@tessera-ml/hub";
import { findNetwork } from "@tessera-ml/vision";
import { inputShape } from "../answers/inspect.ts";
import { type ModelInfo, titleOf } from "../api/index.ts";

import type { Cost, NetworkInput } from "./inference/jobs.ts";
import type { WorkerPool } from "./inference/pool.ts";
import type { Runs } from "./training/runs.ts";

/** A checkpoint that can be loaded: its name, and what `ImageClassifier.load` is given. */
export interface Loadable {
  readonly record: CheckpointRecord;
  readonly source: string;
}

export class Catalog {
  readonly #pool: WorkerPool;
  readonly #runs: Runs;
  /** By network, classes and shape. Counted once, as a network does not change. */
  readonly #costs = new Map<string, Promise<Cost>>();

  constructor(pool: WorkerPool, runs: Runs) {
    this.#pool = pool;
    this.#runs = runs;
  }

  /** Everything that has a name, those trained here first. */
  async list(): Promise<ModelInfo[]> {
    const trained = this.#runs.trained().map(({ record }) => record);
    return await this.#infos([...trained.toReversed(), ...modelRecords()]);
  }

  /** One checkpoint, on this machine or not. @throws HubError `unknown-name` */
  async find(name: string): Promise<{ info: ModelInfo; network: NetworkInput }> {
    const record = this.#trained(name)?.record ?? findModel(name);
    const [info] = await this.#infos([record]);
    return { info: info!, network: networkOf(record) };
  }

  /** One checkpoint to be loaded. @throws HubError `unknown-name`, `absent` saying how to get it */
  async require(name: string): Promise<Loadable> {
    const trained = this.#trained(name);
    if (trained) return { record: trained.record, source: trained.folder };
    const record = findModel(name);
    // `requireModel` verifies what it finds; that is left to the worker.
    if (!(await locateModel(record))) await requireModel(record.name);
    return { record, source: record.name };
  }

  #trained(name: string): ReturnType<Runs["trained"]>[number] | undefined {
    return this.#runs.trained().find(({ record }) => record.name === name);
  }

  async #infos(records: readonly CheckpointRecord[]): Promise<ModelInfo[]> {
    // A checkpoint of a network that the registry lacks cannot be shown.
    const known = records.filter((record) => hasNetwork(record));
    const costs = await this.#count(known.map(networkOf));
    return await Promise.all(known.map((record, index) => this.#info(record, costs[index]!)));
  }

  async #info(record: CheckpointRecord, { params, macs }: Cost): Promise<ModelInfo> {
    const { entry } = findNetwork(record);
    const trained = this.#trained(record.name) !== undefined;
    const found = trained ? undefined : await locateModel(record);
    const size = found?.size ?? record.size;
    const { name, classes, accuracy, note } = record;
    return {
      name,
      network: entry.name,
      title: titleOf(entry.name),
      family: entry.family,
      year: entry.year,
      paper: entry.paper,
      params,
      macs,
      inputSize: networkOf(record).shape[2]!,
      channels: record.preprocessing.mean.length,
      classes: { count: classes.count, kind: classes.labels },
      ...(accuracy && { accuracy: { dataset: accuracy.dataset, top1: accuracy.top1, top5: accuracy.top5 } }),
      place: trained ? "trained" : (found?.place ?? "absent"),
      ...(size !== undefined && { sizeBytes: size }),
      ...(note !== undefined && { note }),
    };
  }

  async #count(networks: readonly NetworkInput[]): Promise<Cost[]> {
    const keyed = new Map(networks.map((network) => [JSON.stringify(network), network]));
    const fresh = [...keyed].filter(([key]) => !this.#costs.has(key));
    if (fresh.length > 0) {
      const counted = this.#pool.run("count", { networks: fresh.map(([, network]) => network) });
      for (const [index, [key]] of fresh.entries()) {
        const cost = counted.then((costs) => costs[index]!);
        cost.catch(() => this.#costs.delete(key));
        this.#costs.set(key, cost);
      }
    }
    return await Promise.all(networks.map((network) => this.#costs.get(JSON.stringify(network))!));
  }
}

function hasNetwork(record: CheckpointRecord): boolean {
  try {
    return findNetwork(record) !== undefined;
  } catch {
    return false;
  }
}

function networkOf(record: CheckpointRecord): NetworkInput {
  const { name, entry } = findNetwork(record);
  const { classes, preprocessing } = record;
  return { network: name, classes: classes.count, shape: inputShape(entry, preprocessing) };
}
