/** Which checkpoints there are, what they cost, and where they lie. */
import { locateCheckpoint, requireCheckpoint } from "@tessera-ml/hub";
import { type ClassifierRecord, findNetwork } from "@tessera-ml/vision";
import { classifierRecords, findRecord } from "@tessera-ml/vision/records";
import { infoOf, type Where } from "../answers/info.ts";
import type { ModelInfo } from "../api/index.ts";
import type { Cost } from "./inference/jobs.ts";
import type { WorkerPool } from "./inference/pool.ts";
import type { Runs } from "./training/runs.ts";

export class Catalog {
  readonly #pool: WorkerPool;
  readonly #runs: Runs;
  /** By checkpoint. Counted once, as a network does not change. */
  readonly #costs = new Map<string, Promise<Cost>>();

  constructor(pool: WorkerPool, runs: Runs) {
    this.#pool = pool;
    this.#runs = runs;
  }

  /**
   * Everything that has a name, those trained here first. What networks cost that are not on this machine is
   * told only where it was asked for before: counting a hundred takes seconds.
   */
  async list(): Promise<ModelInfo[]> {
    const trained = [...this.#runs.trained.values()].map(({ record }) => record);
    const known = [...trained.toReversed(), ...classifierRecords()].filter(hasNetwork);
    const placed = await Promise.all(
      known.map(async (record) => ({ record, ...(await this.#place(record)) })),
    );
    await this.#count(
      placed
        .filter(({ record, place }) => place !== "absent" || record.params === undefined)
        .map(({ record }) => record),
    );
    const all = placed.map(({ record, ...where }) => this.#info(record, where));
    return await Promise.all(all);
  }

  /** One checkpoint, on this machine or not. @throws HubError `unknown-name` */
  async find(name: string): Promise<{ info: ModelInfo; record: ClassifierRecord }> {
    const record = this.#runs.trained.get(name)?.record ?? findRecord(name);
    const [where] = await Promise.all([this.#place(record), this.#count([record])]);
    return { info: await this.#info(record, where), record };
  }

  /**
   * What `ImageClassifier.load` is given for a checkpoint: a name or a folder.
   *
   * @throws HubError `unknown-name`, `absent` saying how to get it
   */
  async sourceOf(name: string): Promise<string> {
    const trained = this.#runs.trained.get(name);
    if (trained) return trained.folder;
    const record = findRecord(name);
    // `requireCheckpoint` verifies what it finds; that is left to the worker.
    if (!(await locateCheckpoint(record))) await requireCheckpoint(record);
    return record.name;
  }

  async #place(record: ClassifierRecord): Promise<Where> {
    if (this.#runs.trained.has(record.name)) return { place: "trained", size: undefined };
    const found = await locateCheckpoint(record);
    const published = record.files.reduce((sum, { size }) => sum + (size ?? Number.NaN), 0);
    return { place: found?.place ?? "absent", size: found?.size ?? (published || undefined) };
  }

  async #info(record: ClassifierRecord, where: Where): Promise<ModelInfo> {
    const cost = await this.#costs.get(record.name);
    // Those whose record does not say were counted.
    return infoOf(record, cost ?? { params: record.params! }, where);
  }

  /** Has the costs of these checkpoints counted, in one job of the worker. */
  async #count(records: readonly ClassifierRecord[]): Promise<void> {
    const fresh = records.filter(({ name }) => !this.#costs.has(name));
    if (fresh.length > 0) {
      const counted = this.#pool.run("count", { records: fresh });
      for (const [index, { name }] of fresh.entries()) {
        const cost = counted.then((costs) => costs[index]!);
        cost.catch(() => this.#costs.delete(name));
        this.#costs.set(name, cost);
      }
    }
    await Promise.all(records.map(({ name }) => this.#costs.get(name)));
  }
}

/** A checkpoint of a network that the registry lacks cannot be shown. */
function hasNetwork(record: ClassifierRecord): boolean {
  try {
    return findNetwork(record) !== undefined;
  } catch {
    return false;
  }
}
