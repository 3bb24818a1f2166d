/** What a system is to the command line, the server, the studio and the tests: one value, without heavy imports. */
import type { CheckpointRecord, DatasetRecord } from "@tessera-ml/hub";
import type { Module } from "@tessera-ml/nn";
import type { GoldenRunner } from "@tessera-ml/nn/golden";
import type * as z from "zod";
import type { Network, Networks } from "./networks/networks.ts";
import type { OpenOptions } from "./open/types.ts";
import type { Recipe } from "./recipes/recipe.ts";
import type { Study } from "./studies/study.ts";
import type { Terminal } from "./terminal.ts";

/** What a person can give a task. `documents` are files of any kind of text. */
export type Media = "image" | "video" | "audio" | "text" | "documents";

/** A figure by which checkpoints are compared. */
export interface Metric {
  /** As a table heads its column: `top-1`, `AbsRel`. */
  readonly label: string;
  /** Written behind the number: `%`, `m`. */
  readonly unit?: string;
  readonly better: "more" | "less";
  /** Digits behind the point; default 2. */
  readonly digits?: number;
}

/** How the server answers an error of a task: each kind has its status between 400 and 499. */
export type ErrorKind =
  | "bad-request"
  | "bad-input"
  | "not-found"
  | "absent"
  | "too-large"
  | "unsupported"
  | "unsuitable";

/** Everything a task lists. Loaded when a list or a name is asked for. */
export interface Catalogue {
  readonly networks: Networks;
  /** Published checkpoints, best first: a bare network's name means the first record that has it. */
  readonly records: readonly CheckpointRecord[];
  readonly data: readonly DatasetRecord[];
}

/**
 * Requests and answers. Command-line options, forms, the OpenAPI document and validation derive from them; `meta()`
 * carries the description, and `short` for a one-letter option.
 */
export interface Schemas {
  /** Options of one question, without the input itself. */
  readonly request: z.ZodObject;
  /** The answer as JSON; pictures and sounds are `data:` URLs. */
  readonly answer: z.ZodObject;
  /** Options for opening a checkpoint, beside those that all tasks share. */
  readonly open?: z.ZodObject;
  /** The task's own fields of a record. Default: none are checked. */
  readonly record?: z.ZodType;
  /** Further questions, under `POST /api/<path>`. */
  readonly operations?: Readonly<Record<string, OperationSchema>>;
}

/** A further question to a checkpoint: what is inside it, for example. */
export interface OperationSchema {
  /** Below `/api/`: `inspect/features`. */
  readonly path: string;
  readonly summary: string;
  /** Whether it asks about an input; else about the checkpoint alone. */
  readonly input: boolean;
  readonly request: z.ZodObject;
  readonly answer: z.ZodObject;
}

/** What happens while an answer is made. */
export interface AnswerContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: AnswerProgress) => void) | undefined;
}

export interface AnswerProgress {
  /** What is being done, for people. */
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** The answer so far, as JSON of the answer's schema. */
  readonly preview?: unknown;
}

/** An open checkpoint. `Input` is decoded: an `Image`, a text, … */
export interface Opened<Input, Options, Answer> {
  readonly record: CheckpointRecord;
  /** In inference mode. */
  readonly module: Module;
  /** Answers a batch, in its order. Options that are left out have their defaults. */
  answer(inputs: readonly Input[], options: Options, context: AnswerContext): Promise<Answer[]>;
  /** Makes the session for `count` inputs at a time before the first is asked. */
  warmUp?(count: number): Promise<void>;
  /** Frees the session; asking again makes another. */
  release(): void;
}

/** The heavy half that runs on Node and in browsers. */
export interface Runtime<Input = never, Options = never, Answer = unknown> {
  /** @param name a record's, a network's, or on Node a path; default the best checkpoint at hand */
  open(name: string | undefined, options: OpenOptions): Promise<Opened<Input, Options, Answer>>;
  /** The checkpoint to use when none is named. */
  defaultCheckpoint(): Promise<string>;
  /** What a person should know who got the default: what it cannot do, and how to get a better one. */
  defaultHint?(opened: Opened<Input, Options, Answer>): string | undefined;
  /** The answer as its schema has it. Default: the answer itself. */
  toJson?(answer: Answer): Promise<unknown>;
  /**
   * The answers of all asked checkpoints to one input, as text for a terminal. Default: their JSON.
   *
   * @param widest columns of the longest input name, to align single lines
   */
  show?(name: string, answers: readonly Answer[], terminal: Terminal, widest?: number): string;
  /** Writes an answer to a file, by its ending. */
  save?(answer: Answer, path: string): Promise<void>;
  /** What the studio shows of a network beside its layers. @param shape of its input, [1, …] */
  describe?(module: Module, shape: readonly number[]): object;
  /** By the names of {@link Schemas.operations}. */
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
  /** A data set's name, or a folder. Default: what the record's figures were measured on, else what is here. */
  readonly data?: string | undefined;
  readonly split?: string | undefined;
  /** Only so many samples, evenly spread. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: EvaluationProgress) => void) | undefined;
  /** How far a download or the check of a file is. */
  readonly hubProgress?: OpenOptions["progress"];
}

export interface EvaluationProgress {
  readonly done: number;
  readonly total: number;
  /** So far, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What an evaluation found. Tasks add their own details. */
export interface Evaluation {
  readonly checkpoint: string;
  readonly data: string;
  readonly split?: string | undefined;
  readonly count: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** How a system is checked against the outputs of its reference implementation. */
export interface Golden {
  /** The start of the names of its golden files. */
  readonly prefix: string;
  readonly run: GoldenRunner;
}

/** The heavy half that runs on Node alone: it trains and measures. */
export interface Workshop<Open = unknown> {
  readonly recipes?: readonly Recipe[];
  readonly studies?: readonly Study[];
  evaluate?(opened: Open, options: EvaluateOptions): Promise<Evaluation>;
  /** An evaluation for a terminal, below its figures. */
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
  /** Hugging Face's name of the task, where it has one: `image-classification`. */
  readonly name: Name;
  /** The word on the command line, in the API and in the page's address: `tessera classify`, `/api/classify`. */
  readonly command: string;
  readonly title: string;
  /** One sentence in the imperative, for lists of commands. */
  readonly summary: string;
  /** What an input can be; empty for tasks whose request says everything. */
  readonly accepts: readonly Media[];
  /** Commands and what they do, for the help text. */
  readonly examples?: readonly (readonly [command: string, meaning: string])[];
  /** The first is the one that lists show. */
  readonly metrics: Readonly<Record<string, Metric>>;
  /** Codes of the task's errors. */
  readonly errors: Readonly<Record<string, ErrorKind>>;
  /** Builds the network of a record, or the network alone, for a look at its layers. Default: `network.create()`. */
  readonly build?: (network: Network, record: CheckpointRecord | undefined) => Promise<Module>;
  /** Shape of one input of a checkpoint without the batch axis. Default: the network's. */
  readonly inputShape?: (network: Network, record: CheckpointRecord) => readonly number[] | undefined;
  /** Further fields of a checkpoint in the studio's list: `title`, for example. */
  readonly info?: (network: Network, record: CheckpointRecord) => object;
  /** Rows about the task's own fields of a record: preprocessing, labels, … */
  readonly describeRecord?: (record: CheckpointRecord) => readonly (readonly [name: string, value: string])[];
  /** Further fields of a checkpoint in `tessera models --json`. */
  readonly recordJson?: (network: Network, record: CheckpointRecord | undefined) => object;
  readonly catalogue: () => Promise<Catalogue>;
  readonly schemas: () => Promise<Schemas>;
  readonly load: () => Promise<Runtime<Input, Options, Answer>>;
  /** Absent in browsers. */
  readonly workshop?: () => Promise<Workshop>;
}

/** Any task, when its types do not matter. */
export type AnyTask = Task<string, never, never, unknown>;

/** A task's definition: the command is its name if there is no shorter word. */
export type TaskDefinition<Name extends string, Input, Options, Answer> = Omit<
  Task<Name, Input, Options, Answer>,
  "command" | "metrics" | "errors"
> &
  Partial<Pick<Task<Name, Input, Options, Answer>, "command" | "metrics" | "errors">>;

const WORD = /^[a-z][a-z0-9-]*$/;

/**
 * Declares a system. What it loads lazily is loaded at most once.
 *
 * @throws Error for a name or command that is no lower-case word with hyphens
 */
export function defineTask<const Name extends string, Input, Options, Answer>(
  definition: TaskDefinition<Name, Input, Options, Answer>,
): Task<Name, Input, Options, Answer> {
  const { command = definition.name, metrics = {}, errors = {}, workshop } = definition;
  for (const word of [definition.name, command])
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
