/** Turns a finished run into a checkpoint shipped with Tessera: `models/NETWORK.tessera/`. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type CheckpointRecord,
  formatBytes,
  shipCheckpoint,
  shippedRoot,
  writeAtomic,
} from "@tessera-ml/hub";
import { Tensor } from "@tessera-ml/tensor";
import { flagsOf, type OptionValues } from "../options.ts";
import { MODEL } from "../records.ts";
import type { Metric } from "../task.ts";
import { type Measurable, readResult } from "./define.ts";
import { describeExpected, type Expectation, type Recipe, type RecipeResult } from "./recipe.ts";

/** What shipping needs of a recipe's definition. */
export interface Shipping {
  readonly measure: () => Promise<Measurable>;
  /** The training data's title and licence. */
  readonly about: { readonly data: string; readonly licence: string } | undefined;
  readonly metrics: Readonly<Record<string, Metric>> | undefined;
}

export interface ShipOptions {
  /** Ships even if the run was shortened or missed its expected result; the card says so. */
  readonly force?: boolean | undefined;
}

/** Tolerated loss in the expected metric at half precision, relative to it. The record has the file's own metrics. */
const TOLERATED = 0.0005;

/**
 * Adds the network of a finished run to `models/` (or `TESSERA_MODELS`): the checkpoint, its record, and a model card.
 * The checkpoint is in half precision unless that costs accuracy.
 *
 * @param shippingWith given the values of the run's options
 */
export async function shipRecipe(
  recipe: Recipe,
  shippingWith: (options: OptionValues | undefined) => Shipping,
  folder: string,
  { force = false }: ShipOptions = {},
): Promise<CheckpointRecord> {
  const result = await readResult(folder);
  if (!result) throw new Error(`${folder}: no finished run of ${recipe.name}`);
  if (result.recipe !== recipe.name)
    throw new Error(`${folder}: expected a run of ${recipe.name}, found one of ${result.recipe}`);
  if (!result.passed && !force)
    throw new Error(
      `${folder}: expected ${describeExpected(recipe.expected)}, ${result.passed === false ? `got ${figure(recipe.expected, result.figures)}` : "but the run was shortened"}; not shipped`,
    );
  const { measure, about, metrics = {} } = shippingWith(result.options);
  const measurable = await measure();
  await measurable.module.eval().load(result.checkpoint);
  const name = `${result.network}.tessera`;
  const path = join(shippedRoot(), name, MODEL);
  const figures = await writeSmallest(measurable, recipe, result.network, path);
  const record = await shipCheckpoint({
    ...recipe.record(name, figures, result.options),
    params: measurable.module.parameterCount(),
  });
  await writeAtomic(
    join(shippedRoot(), name, "README.md"),
    modelCard(recipe, result, record, metrics, about),
  );
  return record;
}

/** Saves the network at the lowest precision that keeps its quality, and returns that file's metrics. */
async function writeSmallest(
  { module, evaluate }: Measurable,
  { expected, name }: Recipe,
  network: string,
  path: string,
): Promise<Record<string, number>> {
  const metadata = { network, recipe: name };
  await mkdir(dirname(path), { recursive: true });
  const full = await evaluate();
  const whole = new Map([...module.stateDict()].map(([key, variable]) => [key, new Tensor(variable.value)]));
  await module.save(path, { metadata, floats: "F16" });
  await module.load(path);
  const half = await evaluate();
  const [before, after] = [full[expected.metric] as number, half[expected.metric] as number];
  const loss = expected.atLeast === undefined ? after - before : before - after;
  if (loss <= TOLERATED * Math.abs(before)) return half;
  await module.load(whole);
  await module.save(path, { metadata });
  return full;
}

function figure({ metric, unit }: Expectation, figures: Readonly<Record<string, number>>): string {
  return [figures[metric]?.toFixed(2), unit].filter(Boolean).join(" ");
}

/** The README.md beside a checkpoint, generated from the run. */
function modelCard(
  recipe: Recipe,
  result: RecipeResult,
  record: CheckpointRecord,
  metrics: Readonly<Record<string, Metric>>,
  about: Shipping["about"],
): string {
  const { expected } = recipe;
  const [{ file, size = 0, sha256 }] = record.files;
  const epochs = `${result.epochs} ${result.epochs === 1 ? "epoch" : "epochs"}`;
  const verdict = { true: "reached", false: "missed", undefined: "not checked: the run was shortened" };
  const measured = Object.entries(record.evaluation?.metrics ?? {});
  const rows = [
    ["Network", `\`${result.network}\`, ${recipe.paper}`],
    ["Parameters", (record.params ?? 0).toLocaleString("en")],
    [
      "Training data",
      `${about?.data ?? recipe.dataset}: ${result.samples.toLocaleString("en")} samples, ${epochs}`,
    ],
    ...measured.map(([name, value]) => {
      const { label = name, unit, digits = 2 } = metrics[name] ?? {};
      return [label, [value.toFixed(digits), unit].filter(Boolean).join(" ")];
    }),
    ["Expected result", `${describeExpected(expected)} (${verdict[`${result.passed}`]})`],
    ...(expected.published ? [["Published", expected.published]] : []),
    ["File", `\`${file}\`, ${formatBytes(size)}, SHA-256 \`${sha256}\``],
  ];
  const command = [
    `tessera train ${recipe.name} --seed ${result.seed}`,
    ...(recipe.options ? flagsOf(recipe.options, result.options ?? {}) : []),
  ].join(" ");
  return `# ${record.name}

${recipe.title}. The metrics are those of this file, on the whole test set.

| | |
|---|---|
${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}

## How it was made

\`\`\`sh
${command}
\`\`\`

It takes about ${recipe.minutes} minutes on two cores. \`record.json\` has the rest of what is known of it.

## Limits

${recipe.limits ?? "None were measured."}

## Licence

The file: ${record.licence}.${about ? ` The data it was trained on: ${about.licence}.` : ""}
`;
}
