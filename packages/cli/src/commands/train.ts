/** `tessera train`: trains a network by its recipe and checks the expected result. */
import { join } from "node:path";
import type { Command } from "@commander-js/extra-typings";
import type { AnyTask } from "@tessera-ml/kit";
import type { OfferedRecipe } from "@tessera-ml/kit/catalogue";
import { duration, pairs, table } from "@tessera-ml/kit/terminal";
import type { OptionValues, Recipe, RecipeResult } from "@tessera-ml/kit/training";
import type { ProgressReport } from "@tessera-ml/nn";
import { Interrupted, UsageError, untilInterrupted } from "../errors.ts";
import { examples, wholeNumber } from "../options.ts";
import { clearStatus, note, paint, print, printJson } from "../output.ts";
import { ownOptions } from "../own-options.ts";
import { describeProgress, report, timeLeft } from "../progress.ts";
import { addFlags, readFlags } from "../schema-flags.ts";
import { figure } from "./models.ts";

/** @param after the words after a command's name; the recipe among them adds its own options */
export async function trainCommand(
  program: Command,
  tasks: readonly AnyTask[],
  after: (command: string) => readonly string[],
): Promise<void> {
  const command = program
    .command("train")
    .description("Train a network by its recipe; without a name, list the recipes.")
    .argument("[recipe]", "name from the list")
    .option("-o, --out <folder>", "for checkpoints, metrics and the trained network (default: runs/RECIPE)")
    .option("--epochs <count>", "epochs, instead of the recipe's", wholeNumber(1))
    .option("--samples <count>", "use only this many training samples", wholeNumber(1))
    .option("--seed <number>", "for initial weights and data order", wholeNumber(0), 0)
    .option("--ship", "add the trained network to models/, with a model card")
    .option("--json", "as JSON");
  const schema = await ownOptions(command.options, after("train"), async () => {
    const { listRecipes } = await import("@tessera-ml/kit/catalogue");
    return (await listRecipes(tasks)).map(({ recipe }) => recipe);
  });
  if (schema) addFlags(command.optionsGroup("Options of this recipe:"), schema);
  command
    .addHelpText(
      "after",
      [
        examples(
          ["tessera train", "the recipes, with time and expected result"],
          ["tessera train lecun1989", "the network of 1989, in minutes"],
          ["tessera train lenet5 --epochs 1 --samples 2000", "a quick look"],
          ["tessera train lenet5 --out runs/second --seed 1", "a second run"],
          ["tessera train lenet5 --help", "with the recipe's own options, if it has any"],
        ),
        "",
        "Ctrl-C stops with a checkpoint; the same command resumes from it. The exit code is 1 if a full run misses its",
        "expected result; shortened runs are not judged.",
      ].join("\n"),
    )
    .action(async (name, options) => {
      const { findRecipe, listRecipes } = await import("@tessera-ml/kit/catalogue");
      if (name === undefined) return await list(await listRecipes(tasks), options.json);
      const { task, recipe } = await findRecipe(tasks, name);
      const own = recipe.options && readFlags(recipe.options, options);
      await train(task, recipe, options, own);
    });
}

async function list(recipes: readonly OfferedRecipe[], json = false): Promise<void> {
  const { describeExpected } = await import("@tessera-ml/kit/training");
  if (json) {
    const { toJSONSchema } = await import("zod");
    return printJson(
      recipes.map(({ recipe: { run: _, ship: __, record: ___, options, ...recipe } }) => ({
        ...recipe,
        ...(options && { options: toJSONSchema(options, { io: "input" }) }),
      })),
    );
  }
  print(
    table(
      [
        { title: "RECIPE" },
        { title: "DATA" },
        { title: "EPOCHS", align: "right" },
        { title: "MINUTES", align: "right" },
        { title: "EXPECTED" },
        { title: "WHAT" },
      ],
      recipes.map(({ recipe }) => [
        recipe.name,
        recipe.dataset,
        String(recipe.epochs),
        String(recipe.minutes),
        describeExpected(recipe.expected),
        recipe.title,
      ]),
      (text) => paint("bold", text),
    ),
  );
  note("\n`tessera train RECIPE` runs one; MINUTES are for two cores.");
}

interface TrainOptions {
  readonly out?: string | undefined;
  readonly epochs?: number | undefined;
  readonly samples?: number | undefined;
  readonly seed: number;
  readonly ship?: true | undefined;
  readonly json?: true | undefined;
}

async function train(
  task: AnyTask,
  recipe: Recipe,
  { out, epochs, samples, seed, ship, json }: TrainOptions,
  options: OptionValues | undefined,
): Promise<void> {
  if (ship && (epochs !== undefined || samples !== undefined))
    throw new UsageError("--ship needs a full run: leave out --epochs and --samples");
  const folder = out ?? join("runs", recipe.name);
  note(`${recipe.title}: ${recipe.networkOf(options)} on ${recipe.dataset}, into ${folder}`);
  const signal = untilInterrupted();
  const result = await recipe.run({
    folder,
    seed,
    signal,
    ...(epochs !== undefined && { epochs }),
    ...(samples !== undefined && { samples }),
    ...(options && { options }),
    progress: (progress) => report(describeTraining(progress)),
    evaluated: ({ epoch, figures }) =>
      note(`epoch ${epoch}: ${describeFigures(task, figures)} on the test set`),
  });
  clearStatus();
  if (signal.aborted) {
    note("Stopped with a checkpoint: the same command resumes from it.");
    throw new Interrupted();
  }
  if (json) printJson(result);
  else print(await describeResult(task, recipe, result));
  if (result.passed === false) process.exitCode = 1;
  else if (ship) {
    const { name } = await recipe.ship(folder);
    note(`Shipped as ${name}: \`tessera ${task.command} --model ${name}\``);
  }
}

/** `loss 0.1234, top-1 98.70 %` */
function describeFigures(task: AnyTask, figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .filter(([name]) => name === "loss" || name in task.metrics)
    .map(([name, value]) => {
      const metric = task.metrics[name];
      return metric ? `${metric.label} ${figure(value, metric)}` : `${name} ${value.toPrecision(4)}`;
    })
    .join(", ");
}

function describeTraining({ step, steps, epoch, loss, stepsPerSecond, secondsLeft }: ProgressReport): string {
  const speed =
    stepsPerSecond >= 1
      ? `${stepsPerSecond.toFixed(1)} steps/s`
      : `${(1 / stepsPerSecond).toFixed(1)} s/step`;
  return describeProgress(`epoch ${epoch}`, step / steps, [
    `step ${step} of ${steps}`,
    `loss ${loss.toPrecision(4)}`,
    speed,
    timeLeft(secondsLeft),
  ]);
}

async function describeResult(
  task: AnyTask,
  { expected }: Recipe,
  { figures, epochs, seconds, checkpoint, passed }: RecipeResult,
): Promise<string> {
  const { describeExpected } = await import("@tessera-ml/kit/training");
  const verdict = {
    true: paint("green", `reached: expected ${describeExpected(expected)}`),
    false: paint("red", `missed: expected ${describeExpected(expected)}`),
    undefined: `not judged: the run was shortened; a full run should reach ${describeExpected(expected)}`,
  };
  return pairs([
    ["measured", `${describeFigures(task, figures)} on the test set`],
    ["result", verdict[`${passed}`]],
    ["published", expected.published],
    ["epochs", `${epochs}, in ${duration(seconds)}`],
    ["network", checkpoint],
  ]);
}
