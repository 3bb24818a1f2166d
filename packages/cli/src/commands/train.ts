/** `tessera train`: networks from their recipes, with the result that is expected of them. */
import { join } from "node:path";
import type { Command } from "@commander-js/extra-typings";
import type { ProgressReport } from "@tessera-ml/nn";
import type { Recipe, RecipeResult } from "@tessera-ml/vision/recipes";
import { Interrupted, UsageError, untilInterrupted } from "../errors.ts";
import { duration, pairs, table } from "../format.ts";
import { examples, wholeNumber } from "../options.ts";
import { clearStatus, note, paint, print, printJson } from "../output.ts";
import { describeProgress, report, timeLeft } from "../progress.ts";

export function trainCommand(program: Command): void {
  program
    .command("train")
    .description("Train a network by its recipe; without a name, list the recipes.")
    .argument("[recipe]", "as the list names it")
    .option("-o, --out <folder>", "checkpoints, metrics and the trained network (default: runs/RECIPE)")
    .option("--epochs <count>", "instead of the recipe's own", wholeNumber(1))
    .option("--samples <count>", "use only so many training pictures", wholeNumber(1))
    .option("--seed <number>", "of initial values and order", wholeNumber(0), 0)
    .option("--ship", "add the trained network to models/, with a model card")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera train", "the recipes, with time and expected result"],
          ["tessera train lecun1989", "the network of 1989, in minutes"],
          ["tessera train lenet5 --epochs 1 --samples 2000", "a quick look"],
          ["tessera train lenet5 --out runs/second --seed 1", "another run beside the first"],
        ),
        "",
        "Ctrl-C stops with a checkpoint; the same command goes on from it. The exit code is 1 where a whole run",
        "misses its expected result; shortened runs are not judged.",
      ].join("\n"),
    )
    .action(async (name, options) => {
      const { findRecipe, listRecipes } = await import("@tessera-ml/vision/recipes");
      if (name === undefined) return list(listRecipes(), options.json);
      await train(findRecipe(name), options);
    });
}

function list(recipes: readonly Recipe[], json = false): void {
  if (json) {
    printJson(recipes.map(({ run: _, ...recipe }) => recipe));
    return;
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
      recipes.map((recipe) => [
        recipe.name,
        recipe.dataset,
        String(recipe.epochs),
        String(recipe.minutes),
        expectation(recipe),
        recipe.title,
      ]),
      (text) => paint("bold", text),
    ),
  );
  note("\n`tessera train RECIPE` runs one; minutes are those of two cores.");
}

function expectation({ expected: { metric, atLeast, atMost } }: Recipe): string {
  const what = metric === "top1" ? "top-1" : "error";
  return atLeast === undefined ? `${what} ≤ ${atMost} %` : `${what} ≥ ${atLeast} %`;
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
  recipe: Recipe,
  { out, epochs, samples, seed, ship, json }: TrainOptions,
): Promise<void> {
  if (ship && (epochs !== undefined || samples !== undefined))
    throw new UsageError("--ship wants a whole run: leave out --epochs and --samples");
  const folder = out ?? join("runs", recipe.name);
  note(`${recipe.title}: ${recipe.network} on ${recipe.dataset}, into ${folder}`);
  const signal = untilInterrupted();
  const result = await recipe.run({
    folder,
    seed,
    signal,
    ...(epochs !== undefined && { epochs }),
    ...(samples !== undefined && { samples }),
    progress: (progress) => report(describeTraining(progress)),
    evaluated: ({ epoch, loss, top1 }) =>
      note(`epoch ${epoch}: loss ${loss.toPrecision(4)}, top-1 ${top1.toFixed(2)} % of the test set`),
  });
  clearStatus();
  if (signal.aborted) {
    note("Stopped with a checkpoint: the same command goes on from it.");
    throw new Interrupted();
  }
  if (json) printJson(result);
  else print(describeResult(recipe, result));
  if (result.passed === false) process.exitCode = 1;
  else if (ship) await shipRun(recipe, folder);
}

async function shipRun(recipe: Recipe, folder: string): Promise<void> {
  const { shipRecipe } = await import("@tessera-ml/vision/recipes");
  const { name } = await shipRecipe(recipe, folder);
  note(`Shipped as ${name}: \`tessera classify --model ${name}\``);
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

function describeResult(
  recipe: Recipe,
  { figures, epochs, seconds, checkpoint, passed }: RecipeResult,
): string {
  const verdict = {
    true: paint("green", `reached: expected ${expectation(recipe)}`),
    false: paint("red", `missed: expected ${expectation(recipe)}`),
    undefined: `not judged, the run was shortened: expected of a whole one ${expectation(recipe)}`,
  };
  return pairs([
    ["top-1", `${figures.top1?.toFixed(2)} % of the test set, an error of ${figures.error?.toFixed(2)} %`],
    ["result", verdict[`${passed}`]],
    ["published", recipe.expected.published],
    ["epochs", `${epochs}, in ${duration(seconds)}`],
    ["network", checkpoint],
  ]);
}
