/** A task's own command, such as `tessera classify`: from inputs to answers. */
import { basename } from "node:path";
import type { AnswerProgress, AnyTask, Medium, Opened, Runtime, Schemas } from "@tessera-ml/kit";
import { isMedia } from "@tessera-ml/kit/files";
import { Command } from "commander";
import { type CheckpointFlags, checkOneModel, checkpointOptions, loadCheckpoints } from "../checkpoints.ts";
import { describeError, untilInterrupted } from "../errors.ts";
import { findInputs, type Input } from "../inputs.ts";
import { examples, positive, several } from "../options.ts";
import { complain, print, terminal, toTerminal } from "../output.ts";
import { describeProgress, report, stopwatch, timeLeft } from "../progress.ts";
import { endings, planFiles } from "../save.ts";
import { addFlags, readFlags } from "../schema-flags.ts";
import { furtherCommands } from "./task-further.ts";

/** What the list of commands shows. The task's own options are in its schemas, which take time to load. */
export function taskOutline(task: AnyTask): Command {
  const command = new Command(task.command).description(task.summary);
  if (task.accepts.length > 0) command.argument("<inputs...>", describeInputs(task));
  return command.option(
    "-m, --model <name>",
    "checkpoint, network or checkpoint file; repeat to compare",
    several,
  );
}

/** @param words that follow the task's command */
export async function taskCommand(task: AnyTask, words: readonly string[]): Promise<Command> {
  const schemas = await task.schemas();
  const command = taskOutline(task);
  checkpointOptions(command);
  if (schemas.open) addFlags(command, schemas.open);
  addFlags(command, schemas.request);
  if (schemas.local) addFlags(command, schemas.local);
  if (task.accepts.includes("image")) command.option("--tolerant", "read truncated images as far as they go");
  if (isVisual(task))
    command.option(
      "--fps <number>",
      "take the images of a folder as a video of so many frames a second (25 if --out is a video)",
      positive,
    );
  if (task.saves)
    command.option(
      "-o, --out <path>",
      `file to write (${endings(task.saves)}), folder, or folder/*.${task.saves[0]}`,
    );
  command
    .option("--json", "print one JSON array instead of lines")
    .addHelpText(
      "after",
      [
        examples(...(task.examples ?? [usualExample(task)])),
        "",
        "`tessera models --here` lists the checkpoints on this machine, `tessera pull NAME` downloads another.",
        "An unreadable input is reported, the others are processed, and the exit code is 1.",
      ].join("\n"),
    )
    .action((words: readonly string[], options: object) => answer(task, schemas, words, options as Flags));
  await furtherCommands(command, task, words);
  return command;
}

type Flags = CheckpointFlags & {
  readonly model?: readonly string[];
  readonly json?: true;
  readonly tolerant?: true;
  readonly fps?: number;
  readonly out?: string;
} & Readonly<Record<string, unknown>>;

type Source = Extract<Input, { source: unknown }>;

async function answer(
  task: AnyTask,
  schemas: Schemas,
  words: readonly string[],
  flags: Flags,
): Promise<void> {
  const [{ askAll, decodeInput }, { Clip }] = [
    await import("@tessera-ml/kit"),
    await import("@tessera-ml/media"),
  ];
  const names = flags.model ?? [];
  const request = {
    ...readFlags(schemas.request, flags),
    ...(schemas.local && readFlags(schemas.local, flags)),
  };
  const details = schemas.open ? readFlags(schemas.open, flags) : {};
  checkOneModel(names, { ...flags, details });
  const isText = task.accepts.length === 1 && task.accepts[0] === "text";
  const media = task.accepts.length > 0;
  const inputs: Input[] = isText
    ? words.map((word) => ({ name: word, source: word }))
    : media
      ? await findInputs(words, task.accepts, { frameRate: frameRateOf(task, flags) })
      : [{ name: task.command, source: "" }];
  for (const input of inputs) if ("error" in input) fail(`${input.name}: ${input.error}`);
  const sources = inputs.filter((input): input is Source => "source" in input);
  if (sources.length === 0) return;
  const signal = untilInterrupted();
  const runtime = (await task.load()) as Runtime<unknown, object, unknown>;
  const openeds = (await loadCheckpoints(task, names, { ...flags, details, signal })) as Opened<
    unknown,
    object,
    unknown
  >[];
  // Runs while inputs are decoded. A failure recurs, and is reported, when the network runs.
  for (const opened of openeds) opened.warmUp?.(Math.min(8, sources.length)).catch(() => undefined);
  const fileOf =
    task.saves && flags.out !== undefined
      ? await planFiles(flags.out, task.saves, {
          inputs: sources.map(({ name, source }) => ({
            name,
            isVideo: source instanceof Clip || isMedia(name, ["video"]),
          })),
          models: openeds.map(({ record }) => record.name),
        })
      : undefined;
  const watch = stopwatch();
  const asked = askAll(openeds, sources, request, {
    decode: async ({ name, source }: Source) =>
      media ? await decodeInput(task.accepts, source, { name, tolerant: flags.tolerant }) : undefined,
    signal,
    answerProgress: frameProgress(),
    progress: (done, total) => {
      const { perSecond, secondsLeft } = watch(done, total);
      report(
        describeProgress(`${done} of ${total}`, done / total, [
          `${perSecond.toFixed(1)}/s`,
          timeLeft(secondsLeft),
        ]),
      );
    },
  });
  const shownName = (name: string) => basename(name) || name;
  const widest = Math.max(...sources.map(({ name }) => shownName(name).length));
  const all: object[] = [];
  for await (const { source, answers, models, errors } of asked) {
    for (const error of errors) fail(named(source.name, describeUnread(error, flags.tolerant)));
    if (answers.length === 0) continue;
    // An answer may be made only now: that of a video is, while its frames are read.
    const deliver = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        signal.throwIfAborted();
        fail(named(source.name, describeUnread(error, flags.tolerant)));
      }
    };
    if (!fileOf && !flags.json && toTerminal() && runtime.show) {
      const { show } = runtime;
      await deliver(async () => print(await show(shownName(source.name), answers, terminal(), widest)));
      continue;
    }
    for (const [i, one] of answers.entries())
      await deliver(async () => {
        const model = models[i] as string;
        if (fileOf) {
          const file = fileOf(source.name, model);
          const saved = await runtime.save?.(one, file);
          const json = { input: source.name, model, file, ...saved?.json };
          if (flags.json) all.push(json);
          else print(toTerminal() ? [file, ...(saved ? [saved.text] : [])].join("  ") : JSON.stringify(json));
          return;
        }
        const answered = (await (runtime.toJson?.(one) ?? one)) as object;
        const json = { ...(media && { input: source.name }), model, ...answered };
        if (flags.json) all.push(json);
        else print(JSON.stringify(json));
      });
  }
  if (flags.json) print(JSON.stringify(all, undefined, 2));
}

const isVisual = ({ accepts }: AnyTask) => accepts.includes("image") && accepts.includes("video");

/** Frames a second of a folder of images that is one video: as asked, or because a video is written. */
function frameRateOf(task: AnyTask, { fps, out }: Flags): number | undefined {
  if (fps !== undefined || !isVisual(task) || out === undefined) return fps;
  return isMedia(out, ["video"]) ? USUAL_FRAME_RATE : undefined;
}

const USUAL_FRAME_RATE = 25;

/** Shows how far an answer is that is made of frames. */
function frameProgress(): (progress: AnswerProgress) => void {
  let watch = stopwatch();
  return ({ what, done, total }) => {
    // The first frame includes making the session.
    if (done === 1) watch = stopwatch();
    const { perSecond, secondsLeft } = watch(done - 1, total - 1);
    const rest = done > 1 ? [`${perSecond.toFixed(1)}/s`, timeLeft(secondsLeft)] : [];
    report(describeProgress(basename(what) || what, done / total, rest));
  };
}

const USUAL_INPUTS: Readonly<Record<Medium, string>> = {
  image: "photo.jpg",
  video: "film.mp4",
  audio: "speech.wav",
  text: '"some text"',
  documents: "notes.pdf",
};

function usualExample({ command, accepts: [first] }: AnyTask): readonly [string, string] {
  const words = ["tessera", command, ...(first ? [USUAL_INPUTS[first]] : [])];
  return [words.join(" "), "with the best checkpoint on this machine"];
}

function describeInputs({ accepts }: AnyTask): string {
  if (accepts.length === 1 && accepts[0] === "text") return "texts";
  return "files, folders, glob patterns, http(s) URLs, or - for standard input";
}

function fail(message: string): void {
  complain(message);
  process.exitCode = 1;
}

function describeUnread(error: unknown, tolerant = false): string {
  const isCut = error instanceof Error && "code" in error && error.code === "cut-short";
  return describeError(error) + (isCut && !tolerant ? " (--tolerant reads it as far as it goes)" : "");
}

/** Puts the input's name before messages that lack it. */
function named(name: string, message: string): string {
  return message.includes(name) ? message : `${name}: ${message}`;
}
