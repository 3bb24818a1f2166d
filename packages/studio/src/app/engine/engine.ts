/** Where networks run: on the server this page came from, or in the page itself. */
import type * as z from "zod";
import type {
  LineageEntry,
  ModelAnswer,
  ModelInfo,
  RecipeInfo,
  TaskInfo,
  TaskProgress,
  TaskResult,
  TrainEvent,
  TrainRequest,
} from "../../api/index.ts";

export interface Engine {
  readonly kind: "server" | "browser";
  tasks(): Promise<readonly TaskInfo[]>;
  models(): Promise<readonly ModelInfo[]>;
  /** The network's layers and the chain of its parts. */
  model(name: string): Promise<ModelAnswer>;
  /**
   * Runs a task on an input, one result per model in the order of the models. The same `Blob` is uploaded and decoded
   * once, however many requests use it.
   */
  ask(
    task: Pick<TaskInfo, "name" | "command">,
    input: Blob,
    options: Readonly<Record<string, unknown>>,
    about?: AskOptions,
  ): Promise<readonly TaskResult[]>;
  /** One of a task's further questions to a checkpoint. */
  operate<T>(question: Question<T>, about: OperateAbout): Promise<T>;
  lineage(): Promise<readonly LineageEntry[]>;
  readonly training: Training;
  /** Prepares a network ahead of the first question, where that takes long. */
  warm?(model: string): Promise<void>;
  close(): void;
}

export interface AskOptions {
  /** Default: the task's own choice. */
  readonly models?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called while a long request runs, if the engine can tell how far it is. */
  readonly progress?: (progress: TaskProgress) => void;
}

/** A further question of a task, as its schemas define it. */
export interface Question<T> {
  readonly task: string;
  /** The operation's name. */
  readonly name: string;
  /** Below `api/`. */
  readonly path: string;
  readonly answer: z.ZodType<T>;
}

type OperationSchemas = Readonly<Record<string, { readonly path: string; readonly answer: z.ZodType }>>;

/** A task's operations as questions. */
export function questionsOf<O extends OperationSchemas>(
  task: string,
  operations: O,
): { readonly [N in keyof O]: Question<z.infer<O[N]["answer"]>> } {
  const questions = Object.entries(operations).map(([name, { path, answer }]) => [
    name,
    { task, name, path, answer },
  ]);
  return Object.fromEntries(questions) as never;
}

export interface OperateAbout {
  /** A checkpoint's name. */
  readonly model: string;
  readonly input?: Blob;
  readonly request?: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

export interface Training {
  recipes(): Promise<readonly RecipeInfo[]>;
  /** Starts a run and returns its id. */
  start(request: TrainRequest): Promise<string>;
  /** The current run, if any: a page that was closed finds it again. */
  running(): Promise<string | undefined>;
  /** Reports a run from its start. The function it returns stops the reports, not the run. */
  follow(id: string, heard: (event: TrainEvent) => void, failed: (message: string) => void): () => void;
  stop(id: string): Promise<void>;
}
