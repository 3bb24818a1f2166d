/** All checkpoints, what they cost, and where they are. */
import { type CheckpointRecord, locateCheckpoint, requireCheckpoint } from "@tessera-ml/hub";
import { type AnyTask, findRecord, type Network, ownersOf, sizeOf } from "@tessera-ml/kit";
import { recordsOfTask } from "@tessera-ml/kit/catalogue";
import { infoOf, type Where } from "../answers/info.ts";
import { ApiError, type Cost, type ModelInfo } from "../api/index.ts";
import type { WorkerPool } from "./inference/pool.ts";
import type { Runs } from "./training/runs.ts";

/** A checkpoint with its task and network. */
interface Known {
  readonly task: AnyTask;
  readonly network: Network;
  readonly record: CheckpointRecord;
}

export class CheckpointList {
  readonly #tasks: readonly AnyTask[];
  readonly #pool: WorkerPool;
  readonly #runs: Runs;
  /** By checkpoint name; each is counted once. */
  readonly #costs = new Map<string, Promise<Cost>>();

  constructor(tasks: readonly AnyTask[], pool: WorkerPool, runs: Runs) {
    this.#tasks = tasks;
    this.#pool = pool;
    this.#runs = runs;
  }

  /**
   * All checkpoints, those trained by this server first. Absent ones have costs only if these were counted before:
   * counting a hundred takes seconds.
   */
  async list(): Promise<ModelInfo[]> {
    const known = await this.#known();
    const placed = await Promise.all(
      known.map(async (each) => ({ ...each, where: await this.#place(each.record) })),
    );
    await this.#count(
      placed.filter(({ record, where }) => where.place !== "absent" || record.params === undefined),
    );
    return await Promise.all(placed.map(({ where, ...each }) => this.#info(each, where)));
  }

  /** One checkpoint, on this machine or not. @throws HubError `unknown-name` */
  async find(name: string): Promise<{ info: ModelInfo; task: AnyTask; record: CheckpointRecord }> {
    const known = await this.#known();
    const record =
      this.#runs.trained.get(name)?.record ??
      findRecord(
        known.map((each) => each.record),
        name,
      );
    const found = known.find((each) => each.record === record)!;
    const [where] = await Promise.all([this.#place(record), this.#count([found])]);
    return { info: await this.#info(found, where), task: found.task, record };
  }

  /**
   * The argument of a task's `open` for a checkpoint: a name or a folder.
   *
   * @throws HubError `unknown-name`, `absent` saying how to get it; ApiError `bad-request` for another task's checkpoint
   */
  async sourceOf(task: AnyTask, name: string): Promise<string> {
    const trained = this.#runs.trained.get(name);
    if (trained) return trained.folder;
    const record = findRecord(await recordsOfTask(task), name);
    if (record.task !== (task.checkpoints ?? task.name))
      throw new ApiError(
        "bad-request",
        `model: ${name} is a checkpoint for ${record.task}, not ${task.name}`,
        "model",
      );
    // `requireCheckpoint` would verify the files, which is left to the worker.
    if (!(await locateCheckpoint(record))) await requireCheckpoint(record);
    return record.name;
  }

  /** Checkpoints of known networks; others cannot be shown. */
  async #known(): Promise<Known[]> {
    const trained = [...this.#runs.trained.values()].map(({ record }) => record).toReversed();
    const lists = await Promise.all(
      ownersOf(this.#tasks).map(async (task) => {
        const { networks } = await task.catalogue();
        const records = [
          ...trained.filter((record) => record.task === task.name),
          ...(await recordsOfTask(task)),
        ];
        return records.flatMap((record): Known[] => {
          try {
            return [{ task, record, network: networks.ofRecord(record).network }];
          } catch {
            return [];
          }
        });
      }),
    );
    const all = lists.flat();
    const isTrained = ({ record }: Known) => this.#runs.trained.has(record.name);
    return [...all.filter(isTrained), ...all.filter((each) => !isTrained(each))];
  }

  async #place(record: CheckpointRecord): Promise<Where> {
    if (this.#runs.trained.has(record.name)) return { place: "trained", size: undefined };
    const found = await locateCheckpoint(record);
    const exact = record.files.every(({ size }) => size !== undefined);
    return { place: found?.place ?? "absent", size: found?.size ?? (exact ? sizeOf(record) : undefined) };
  }

  async #info({ task, network, record }: Known, where: Where): Promise<ModelInfo> {
    const cost = await this.#costs.get(record.name);
    // A record without parameters has had its costs counted.
    return infoOf(task, network, record, cost ?? { params: record.params! }, where);
  }

  /** Counts the costs of these checkpoints, in one job for the worker. */
  async #count(known: readonly Known[]): Promise<void> {
    const fresh = known.filter(({ record }) => !this.#costs.has(record.name));
    if (fresh.length > 0) {
      const records = fresh.map(({ task, record }) => ({ task: task.name, record }));
      const counted = this.#pool.run("count", { records });
      for (const [index, { record }] of fresh.entries()) {
        const cost = counted.then((costs) => costs[index]!);
        cost.catch(() => this.#costs.delete(record.name));
        this.#costs.set(record.name, cost);
      }
    }
    await Promise.all(known.map(({ record }) => this.#costs.get(record.name)));
  }
}
