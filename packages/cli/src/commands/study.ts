/** `tessera study`: tests claims of papers in minutes. */
import { join } from "node:path";
import type { Command } from "@commander-js/extra-typings";
import type { AnyTask } from "@tessera-ml/kit";
import type { OptionValues } from "@tessera-ml/kit/options";
import type { Study, StudyResult } from "@tessera-ml/kit/studies";
import { duration, table } from "@tessera-ml/kit/terminal";
import { UsageError, untilInterrupted } from "../errors.ts";
import { examples, wholeNumber } from "../options.ts";
import { clearStatus, note, paint, print, printJson } from "../output.ts";
import { ownOptions } from "../own-options.ts";
import { describeProgress, report, stopwatch, timeLeft } from "../progress.ts";
import { addFlags, readFlags } from "../schema-flags.ts";

/** @param after the words after a command's name; the study among them adds its own options */
export async function studyCommand(
  program: Command,
  tasks: readonly AnyTask[],
  after: (command: string) => readonly string[],
): Promise<void> {
  const command = program
    .command("study")
    .description("Test a paper's claim in minutes; without a name, list the studies.")
    .argument("[names...]", "names from the list")
    .option("--all", "run every study")
    .option("-o, --out <folder>", "folder for the reports", ".")
    .option("--scale <fraction>", "of the full training, for a quick look", readScale, 1)
    .option("--seed <number>", "for initial weights and data order", wholeNumber(0), 0)
    .option("--json", "also write NAME.json; without a name, print the list as JSON");
  const schema = await ownOptions(command.options, after("study"), async () => {
    const { listStudies } = await import("@tessera-ml/kit/catalogue");
    return await listStudies(tasks);
  });
  if (schema) addFlags(command.optionsGroup("Options of this study:"), schema);
  command
    .addHelpText(
      "after",
      [
        examples(
          ["tessera study", "the studies, with their claims"],
          ["tessera study depth", "runs one and writes depth.html"],
          ["tessera study --all --out reports", "all of them"],
          ["tessera study dropout --scale 0.2 --json", "a quick look, and its numbers"],
          ["tessera study depth-student --help", "with the study's own options, if it has any"],
        ),
        "",
        "The report is one HTML file with curves, and the measured numbers beside the paper's. A claim that does not",
        "hold here is a finding, not a failure: the exit code is 0. A study of long trainings keeps them in NAME-runs",
        "beside its report: stopped, it resumes from there. --all leaves out studies that need options.",
      ].join("\n"),
    )
    .action(async (names, options) => {
      const { all, out, scale, seed, json } = options;
      if (all && names.length > 0)
        throw new UsageError(`--all runs every study; leave out ${names.join(" ")}`);
      const { findStudy, listStudies } = await import("@tessera-ml/kit/catalogue");
      const studies = await listStudies(tasks);
      const named = await Promise.all(names.map((name) => findStudy(tasks, name)));
      const chosen = all ? studies.filter(needsNothing) : named;
      if (chosen.length === 0) return await list(studies, json);
      const signal = untilInterrupted();
      for (const study of chosen) {
        const own = study.options && !all ? readFlags(study.options, options) : {};
        await runStudy(study, { out, scale, seed, json, signal, own });
      }
    });
}

/** Whether a study runs without options. */
function needsNothing({ options }: Study): boolean {
  return options === undefined || options.safeParse({}).success;
}

function readScale(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw new UsageError(`--scale: expected a number above 0 and at most 1, got ${text}`);
}

async function list(studies: readonly Study[], json = false): Promise<void> {
  if (json) {
    const { toJSONSchema } = await import("zod");
    return printJson(
      studies.map(({ run: _, options, ...study }) => ({
        ...study,
        ...(options && { options: toJSONSchema(options, { io: "input" }) }),
      })),
    );
  }
  print(
    table(
      [{ title: "STUDY" }, { title: "MINUTES", align: "right" }, { title: "CLAIM" }],
      studies.map(({ name, minutes, claim }) => [name, String(minutes), claim]),
      (text) => paint("bold", text),
    ),
  );
  note("\n`tessera study NAME` runs one; MINUTES are for two cores.");
}

interface RunOptions {
  readonly out: string;
  readonly scale: number;
  readonly seed: number;
  readonly json?: true | undefined;
  readonly signal: AbortSignal;
  /** Values of the study's own options. */
  readonly own: OptionValues;
}

async function runStudy(study: Study, { out, scale, seed, json, signal, own }: RunOptions): Promise<void> {
  const { writeAtomic } = await import("@tessera-ml/hub");
  const { studyReport } = await import("@tessera-ml/kit/studies");
  note(`${study.title}: ${study.claim}`);
  const watch = stopwatch();
  const result = await study.run({
    scale,
    seed,
    signal,
    options: own,
    folder: join(out, `${study.name}-runs`),
    progress: (text, done) => report(describeProgress(text, done, [timeLeft(watch(done, 1).secondsLeft)])),
  });
  signal.throwIfAborted();
  clearStatus();
  const file = join(out, `${study.name}.html`);
  await writeAtomic(file, studyReport(study, result));
  if (json) await writeAtomic(join(out, `${study.name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
  print(describe(result, file));
}

function describe({ title, findings, seconds }: StudyResult, file: string): string {
  const lines = findings.flatMap(({ paper, here, holds }) => [
    `  ${holds ? paint("green", "seen    ") : paint("yellow", "not seen")}  ${here}`,
    `            ${paint("dim", `paper: ${paper}`)}`,
  ]);
  return [`${paint("bold", title)}  ${duration(seconds)}`, ...lines, `  ${file}`, ""].join("\n");
}
