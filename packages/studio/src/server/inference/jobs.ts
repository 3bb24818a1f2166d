/** The worker's jobs: from bytes and names to answers of the API. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import {
  type AnyOpened,
  type AnyTask,
  answerAsJson,
  decodeInput,
  findTask,
  operate,
  Shelf,
} from "@tessera-ml/kit";
import { profile } from "@tessera-ml/nn/inspect";
import { installedSystems } from "@tessera-ml/tessera/installed";
import { decodedOnce } from "../../answers/recent.ts";
import type { Cost, ModelAnswer, TaskEvent, TaskProgress } from "../../api/index.ts";

/** An input file and its limits. */
export interface FileInput {
  readonly bytes: Uint8Array;
  readonly maxPixels: number;
  /** Reads truncated files as far as they go. */
  readonly tolerant?: boolean | undefined;
  /** Its name in messages. */
  readonly name: string;
  /** Uploads only: the last few are decoded once. */
  readonly id?: string | undefined;
}

/** A file, or a text. */
export type JobInput = FileInput | string;

export interface JobContext {
  readonly signal: AbortSignal;
  /** Sends an event before the result. */
  readonly emit: (event: TaskEvent) => void;
}

const shelf = new Shelf();

const taskNamed = async (name: string) => findTask(await installedSystems(), name);

export const jobs = {
  /** Runs checkpoints on one input, in order. */
  async ask(
    about: {
      task: string;
      input: JobInput | undefined;
      models: readonly string[];
      options: object;
    },
    { signal, emit }: JobContext,
  ): Promise<unknown[]> {
    const task = await taskNamed(about.task);
    const input = await decode(task, about.input);
    const progress = (data: TaskProgress) => emit({ type: "progress", data });
    const results: unknown[] = [];
    for (const name of about.models) {
      signal.throwIfAborted();
      const opened = (await shelf.open(task, name, { signal })) as AnyOpened;
      const result = await answerAsJson(task, opened, input, about.options, { signal, progress });
      emit({ type: "answer", data: result });
      results.push(result);
    }
    return results;
  },

  /** Runs one of a task's operations. */
  async operate(
    about: { task: string; operation: string; model: string; input: JobInput | undefined; request: object },
    { signal }: JobContext,
  ): Promise<unknown> {
    const task = await taskNamed(about.task);
    const input = about.input === undefined ? undefined : await decode(task, about.input);
    const opened = (await shelf.open(task, about.model, { signal })) as AnyOpened;
    return await operate(task, about.operation, opened, about.request, input, { signal });
  },

  /** The layers of a checkpoint, without reading its files: it need not be on this machine. */
  async describe({
    task: name,
    record,
  }: {
    task: string;
    record: CheckpointRecord;
  }): Promise<Omit<ModelAnswer, "model">> {
    const task = await taskNamed(name);
    const { module, shape } = await build(task, record);
    const layers = shape ? profile(module, shape) : [];
    const more = shape && (await task.load()).describe?.(module, shape);
    return { layers, parts: [], ...more };
  },

  /** Counts parameters and MACs, in the order of the records. */
  async count(
    { records }: { records: readonly { readonly task: string; readonly record: CheckpointRecord }[] },
    { signal }: JobContext,
  ): Promise<Cost[]> {
    const costs: Cost[] = [];
    for (const { task, record } of records) {
      signal.throwIfAborted();
      const { module, shape } = await build(await taskNamed(task), record);
      if (!shape) {
        costs.push({ params: record.params ?? module.parameterCount() });
        continue;
      }
      const layers = profile(module, shape);
      const sum = (what: "params" | "macs") => layers.reduce((total, layer) => total + layer[what], 0);
      costs.push({ params: sum("params"), macs: sum("macs") });
    }
    return costs;
  },
};

/** The network of a record, and the shape of one input [1, …] if it has a default. */
async function build(task: AnyTask, record: CheckpointRecord) {
  const { network } = (await task.catalogue()).networks.ofRecord(record);
  const module = (await task.build?.(network, record)) ?? network.create();
  const input = task.inputShape?.(network, record) ?? network.input;
  return { module: module.eval(), shape: input && [1, ...input] };
}

async function decode(task: AnyTask, input: JobInput | undefined): Promise<unknown> {
  if (input === undefined || typeof input === "string") return input;
  const { bytes, id, ...options } = input;
  const read = () => decodeInput(task.accepts, bytes, options);
  return id === undefined
    ? await read()
    : await decodedOnce(`${options.tolerant ? "tolerant " : ""}${id}`, read);
}
