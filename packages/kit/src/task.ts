/** A system as the command line, the server, the studio and the tests see it: one value without heavy imports. */
import type { CheckpointRecord, DatasetRecord } from "@tessera-ml/hub";
import { unknownName } from "@tessera-ml/hub/names";
import type { Clip } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import type { GoldenRunner } from "@tessera-ml/nn/golden";
import type * as z from "zod";
import type { Network, Networks } from "./networks/networks.ts";
import type { OpenOptions } from "./open/types.ts";
import type { Recipe } from "./recipes/recipe.ts";
import type { Study } from "./studies/study.ts";
import type { TaskCommand } from "./task-command.ts";
import type { Terminal } from "./terminal.ts";

export {
  type CommandArgument,
  type CommandContext,
  type CommandResult,
  defineCommand,
  type TaskCommand,
} from "./task-command.ts";

/** The kinds of input a task accepts. `documents` are text files of any kind. */
export type Medium = "image" | "video" | "audio" | "text" | "documents";

/** A metric for comparing checkpoints. */
export interface Metric {
  /** Column heading: `top-1`, `AbsRel`. */
  readonly label: string;
  /** Written after the number: `%`, `m`. */
  readonly unit?: string;
  readonly better: "more" | "less";
  /** Decimal places; default 2. */
  readonly digits?: number;
}

/** How the server reports an error of a task: each kind maps to a status from 400 to 499. */
export type ErrorKind =
  | "bad-request"
  | "bad-input"
  | "not-found"
  | "absent"
  | "too-large"
  | "unsupported"
  | "unsuitable";

/** Everything a task lists. Loaded when a list or a name is needed. */
export interface Catalogue {
  readonly networks: Networks;
  /** Published checkpoints, best first: a bare network name refers to its first record. */
  readonly records: readonly CheckpointRecord[];
  readonly data: readonly DatasetRecord[];
}

/**
 * Request and answer schemas. Command-line options, forms, the OpenAPI document and validation derive from them;
 * `meta()` carries the description, and `short` for a one-letter option.
 */
export interface Schemas {
  /** Options of a request, without the input itself. */
  readonly request: z.ZodObject;
  /** Options of a request that name files: the command line has them, the server does not. */
  readonly local?: z.ZodObject;
  /** The answer as JSON; images and audio are `data:` URLs. */
  readonly answer: z.ZodObject;
  /** Options for opening a checkpoint, in addition to those all tasks share. */
  readonly open?: z.ZodObject;
  /** The task's own fields of a record. Default: none are checked. */
  readonly record?: z.ZodType;
  /** Options of an evaluation, in addition to those all tasks share. */
  readonly evaluate?: z.ZodObject;
  /** Additional operations, under `POST /api/<path>`. */
  readonly operations?: Readonly<Record<string, OperationSchema>>;
}

/** An additional operation on a checkpoint, such as inspecting a layer. */
export interface OperationSchema {
  /** Below `/api/`: `inspect/features`. */
  readonly path: string;
  readonly summary: string;
  /** Whether it takes an input; otherwise it concerns the checkpoint alone. */
  readonly input: boolean;
  readonly request: z.ZodObject;
  readonly answer: z.ZodObject;
}

/** Callbacks and signal for a request in progress. */
export interface AnswerContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: AnswerProgress) => void) | undefined;
}

/** What there is to say about an answer that was saved. */
export interface Saved {
  /** For a terminal, after the name of the file. */
  readonly text: string;
  /** Fields for JSON. */
  readonly json: object;
}

export interface AnswerProgress {
  /** The current step, for display. */
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** The partial answer, as JSON in the form of the answer schema. */
  readonly preview?: unknown;
}

/** An open checkpoint. `Input` is decoded: an `Image`, a text, … */
export interface Opened<Input, Options, Answer> {
  readonly record: CheckpointRecord;
  /** In inference mode. */
  readonly module: Module;
  /** Answers a batch, in order. Omitted options take their defaults. */
  answer(inputs: readonly Input[], options: Options, context: AnswerContext): Promise<Answer[]>;
  /**
   * Answers a video; without it, `answer` gets videos too. The frames may be read later, when the runtime shows, saves or
   * converts the answer.
   */
  video?(clip: Clip, options: Options, context: AnswerContext): unknown;
  /** Creates the session for batches of `count` inputs ahead of the first request. */
  warmUp?(count: number): Promise<void>;
  /** Frees the session; the next call creates a new one. */
  release(): void;
}

/** The heavy half that runs on Node and in browsers. */
export interface Runtime<Input = never, Options = never, Answer = unknown> {
  /** @param name the name of a record or network or, on Node, a path; default the best available checkpoint */
  open(name: string | undefined, options: OpenOptions): Promise<Opened<Input, Options, Answer>>;
  /** The checkpoint to use when none is named. */
  defaultCheckpoint(): Promise<string>;
  /** A hint for users of the default checkpoint: its limits, and how to get a better one. */
  defaultHint?(opened: Opened<Input, Options, Answer>): string | undefined;
  /** Converts the answer to the form of its schema. Default: the answer itself. */
  toJson?(answer: Answer): Promise<unknown>;
  /**
   * Renders all checkpoints' answers to one input as text for a terminal. Default: their JSON.
   *
   * @param widest columns of the longest input name, for aligning single lines
   */
  show?(
    name: string,
    answers: readonly Answer[],
    terminal: Terminal,
    widest?: number,
  ): string | Promise<string>;
  /** Writes an answer to a file, by its ending: one of {@link Task.saves}. */
  save?(answer: Answer, path: string): Promise<Saved | undefined>;
  /** What the studio shows of a network besides its layers. @param shape of its input, [1, …] */
  describe?(module: Module, shape: readonly number[]): object;
  /** Keyed like {@link Schemas.operations}. */
  readonly operations?: Readonly<Record<string, Operation<Input, Options, Answer>>>;
}

/** A method rather than a function type, so that a task's own types fit where any task is expected. */
export type Operation<Input, Options, Answer> = {
  ask(
    opened: Opened<Input, Options, Answer>,
    request: never,
    input: Input | undefined,
    context: AnswerContext,
  ): Promise<unknown>;
}["ask"];

export interface EvaluateOptions {
  /** A data set's name, or a folder. Default: the one the record's metrics refer to, else one on this machine. */
  readonly data?: string | undefined;
  readonly split?: string | undefined;
  /** Evaluates this many samples, evenly spaced. */
  readonly limit?: number | undefined;
  /** The task's own options, validated by {@link Schemas.evaluate}. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** Writes a report: {@link Evaluation.report}. */
  readonly report?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: EvaluationProgress) => void) | undefined;
  /** Progress of a download or of verifying a file. */
  readonly hubProgress?: OpenOptions["progress"];
}

export interface EvaluationProgress {
  readonly done: number;
  readonly total: number;
  /** Current metrics, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The result of an evaluation. Tasks add their own details. */
export interface Evaluation {
  readonly checkpoint: string;
  readonly data: string;
  readonly split?: string | undefined;
  readonly count: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** A self-contained HTML document, if it was asked for and the task offers reports. */
  readonly report?: string | undefined;
}

/** How a system is checked against the outputs of its reference implementation. */
export interface Golden {
  /** Prefix of its golden files' names. */
  readonly prefix: string;
  readonly run: GoldenRunner;
}

/** The heavy half that runs on Node only: training, evaluation and further commands. */
export interface Workshop<Open = unknown> {
  /** Keyed like {@link Task.commands}. */
  readonly commands?: Readonly<Record<string, TaskCommand>>;
  readonly recipes?: readonly Recipe[];
  readonly studies?: readonly Study[];
  evaluate?(opened: Open, options: EvaluateOptions): Promise<Evaluation>;
  /** Whether evaluations offer reports. */
  readonly reports?: boolean;
  /** Details of an evaluation for a terminal, below its metrics. */
  showEvaluation?(evaluation: Evaluation, terminal: Terminal): string;
  /** Writes the network as ONNX. `description` names inputs and outputs with their shapes. */
  exportOnnx?(
    opened: Open,
    file: string,
    options: { readonly batch?: number | undefined },
  ): Promise<{ readonly bytes: number; readonly description: string }>;
  readonly golden?: Golden;
}

export interface Task<Name extends string = string, Input = never, Options = never, Answer = unknown> {
  /** Hugging Face's name for the task, if it has one: `image-classification`. */
  readonly name: Name;
  /** The word on the command line, in the API and in the page's URL: `tessera classify`, `/api/classify`. */
  readonly command: string;
  readonly title: string;
  /** One sentence in the imperative, for lists of commands. */
  readonly summary: string;
  /** Accepted kinds of input; empty for tasks whose request says everything. */
  readonly accepts: readonly Medium[];
  /** Endings of the files that an answer can be saved to, the usual one first: `png`. Default: none. */
  readonly saves?: readonly string[];
  /** Commands and what they do, for the help text. */
  readonly examples?: readonly (readonly [command: string, meaning: string])[];
  /**
   * Further commands below the task's own, and what they do: `{ "pseudo-label": "Label a folder of images." }` is
   * `tessera depth pseudo-label`.
   */
  readonly commands?: Readonly<Record<string, string>>;
  /** Lists show the first. */
  readonly metrics: Readonly<Record<string, Metric>>;
  /** Kind of each of the task's error codes. */
  readonly errors: Readonly<Record<string, ErrorKind>>;
  /** Builds a record's network, or the network alone, to inspect its layers. Default: `network.create()`. */
  readonly build?: (network: Network, record: CheckpointRecord | undefined) => Promise<Module>;
  /** Shape of one input of a checkpoint without the batch axis. Default: the network's. */
  readonly inputShape?: (network: Network, record: CheckpointRecord) => readonly number[] | undefined;
  /** Additional fields of a checkpoint in the studio's list, such as `title`. */
  readonly info?: (network: Network, record: CheckpointRecord) => object;
  /**
   * The name of the task whose checkpoints this one uses; its catalogue and record schema are those of that task. Default:
   * it has its own.
   */
  readonly checkpoints?: string;
  /** Table rows for the task-specific fields of a record: preprocessing, labels, … */
  readonly describeRecord?: (record: CheckpointRecord) => readonly (readonly [name: string, value: string])[];
  /** Additional fields of a checkpoint in `tessera models --json`. */
  readonly recordJson?: (network: Network, record: CheckpointRecord | undefined) => object;
  readonly catalogue: () => Promise<Catalogue>;
  readonly schemas: () => Promise<Schemas>;
  readonly load: () => Promise<Runtime<Input, Options, Answer>>;
  /** Absent in browsers. */
  readonly workshop?: () => Promise<Workshop>;
}

/** Any task, when its types do not matter. */
export type AnyTask = Task<string, never, never, unknown>;

/**
 * A task by its name.
 *
 * @throws HubError `unknown-name` with the closest names
 */
export function findTask<T extends AnyTask>(tasks: readonly T[], name: string): T {
  const found = tasks.find((task) => task.name === name);
  if (found) return found;
  const names = tasks.map((task) => task.name);
  throw unknownName("task", name, names, "tessera --help");
}

/** Tasks that have checkpoints of their own: lists of checkpoints are made of these. */
export function ownersOf<T extends AnyTask>(tasks: readonly T[]): T[] {
  return tasks.filter(({ checkpoints }) => checkpoints === undefined);
}

/** A task's definition; the command defaults to its name. */
export type TaskDefinition<Name extends string, Input, Options, Answer> = Omit<
  Task<Name, Input, Options, Answer>,
  "command" | "metrics" | "errors"
> &
  Partial<Pick<Task<Name, Input, Options, Answer>, "command" | "metrics" | "errors">>;

const WORD = /^[a-z][a-z0-9-]*$/;

/**
 * Defines a system. Its lazy modules are loaded at most once.
 *
 * @throws Error if the name or a command is not lower-case words with hyphens
 */
export function defineTask<const Name extends string, Input, Options, Answer>(
  definition: TaskDefinition<Name, Input, Options, Answer>,
): Task<Name, Input, Options, Answer> {
  const { command = definition.name, metrics = {}, errors = {}, commands = {}, workshop } = definition;
  for (const word of [definition.name, command, ...Object.keys(commands)])
    if (!WORD.test(word))
      throw new Error(`task ${JSON.stringify(word)}: expected lower-case words with hyphens`);
  return {
    ...definition,
    command,
    metrics,
    errors,
    catalogue: once(definition.catalogue),
    schemas: once(definition.schemas),
    load: once(definition.load),
    ...(workshop && { workshop: once(workshop) }),
  };
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () =>
    (loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    }));
}
