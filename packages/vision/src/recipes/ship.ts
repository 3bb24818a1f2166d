/** From a finished run to a checkpoint that comes with Tessera: `models/NETWORK.tessera/`. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatBytes, shipCheckpoint, shippedRoot, writeAtomic } from "@tessera-ml/hub";
import { crossEntropy } from "@tessera-ml/nn";
import { Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { findDataset } from "../data/index.ts";
import { accuracyOf, type Classes, type ClassifierRecord } from "../records/record.ts";
import { createModel } from "../registry.ts";
import { measure, type Pictures } from "./pictures.ts";
import { readPictures } from "./read.ts";
import type { Recipe, RecipeResult } from "./recipe.ts";
import { MODEL, recordOf } from "./record.ts";
import { readResult } from "./train.ts";

export interface ShipOptions {
  /** Also where the run was shortened or missed its expected result: the card says so. */
  readonly force?: boolean;
}

/** What half precision may cost, in points of top-1; the record has the accuracy of the file as it is. */
const TOLERATED = 0.05;

/**
 * Puts the network of a finished run into `models/` (or where `TESSERA_MODELS` says): the checkpoint, its
 * record, and a model card. The checkpoint is in half precision unless that costs accuracy.
 *
 * @param folder of the run
 * @throws where the run has not ended, or has not given the expected result
 */
export async function shipRecipe(
  recipe: Recipe,
  folder: string,
  options: ShipOptions = {},
): Promise<ClassifierRecord> {
  const result = await readResult(folder);
  if (!result) throw new Error(`${folder}: there is no finished run of ${recipe.name}`);
  if (result.recipe !== recipe.name)
    throw new Error(`${folder}: expected a run of ${recipe.name}, found one of ${result.recipe}`);
  if (!result.passed && !options.force)
    throw new Error(
      `${folder}: expected ${describeExpected(recipe)}, ${result.passed === false ? `got ${figure(result, recipe)}` : "but the run was shortened"}; not shipped`,
    );

  const model = createModel(recipe.network).eval();
  await model.load(result.checkpoint);
  const test = await readPictures(recipe.dataset, { split: "test" });
  const name = `${recipe.network}.tessera`;
  const path = join(shippedRoot(), name, MODEL);
  const top1 = await writeSmallest(model, recipe, test, path);

  const record = await shipCheckpoint({ ...recordOf(recipe, name, top1), params: model.parameterCount() });
  await writeAtomic(join(shippedRoot(), name, "README.md"), modelCard(recipe, result, record));
  return record;
}

/** Saves the model in the smallest form that keeps its accuracy, which is returned, in per cent. */
async function writeSmallest(
  model: Classifier,
  recipe: Recipe,
  test: Pictures,
  path: string,
): Promise<number> {
  const accuracy = async () => {
    const { top1 } = await measure(test, recipe.preprocessing, (x) => model.forward(x), crossEntropy);
    return top1;
  };
  const metadata = { network: recipe.network, recipe: recipe.name };
  await mkdir(dirname(path), { recursive: true });
  const full = await accuracy();
  const whole = new Map([...model.stateDict()].map(([key, variable]) => [key, new Tensor(variable.value)]));
  await model.save(path, { metadata, floats: "F16" });
  await model.load(path);
  const half = await accuracy();
  if (half >= full - TOLERATED) return half;
  await model.load(whole);
  await model.save(path, { metadata });
  return full;
}

function describeExpected({ expected }: Recipe): string {
  const { metric, atLeast, atMost } = expected;
  const what = metric === "top1" ? "top-1 accuracy" : "error";
  return `${what} of ${atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`} %`;
}

function figure({ figures }: RecipeResult, { expected }: Recipe): string {
  return `${figures[expected.metric]?.toFixed(2)} %`;
}

/** What the network cannot do, by what its outputs mean. */
const LIMITS: Partial<Record<Classes["labels"], string>> = {
  digits:
    "It knows one digit at a time, light on dark, centred and of the size that its data set has. Whatever else it is shown is called a digit too, often with a high probability. Its writers were Americans: a 1 with a long upstroke or a 7 with a bar may be misread.",
  cifar10:
    "It knows ten kinds of things in pictures of 32x32 pixels, and calls everything one of them. Photographs that are scaled down to that size are not like the pictures it learned from; its probabilities are then worth little.",
};

/** The README.md beside a checkpoint, from what the run gave. */
function modelCard(recipe: Recipe, result: RecipeResult, record: ClassifierRecord): string {
  const data = findDataset(recipe.dataset);
  const { classes, params = 0, files } = record;
  const [{ file, size = 0, sha256 }] = files;
  const top1 = accuracyOf(record)?.top1 ?? Number.NaN;
  const { published } = recipe.expected;
  const epochs = `${result.epochs} ${result.epochs === 1 ? "epoch" : "epochs"}`;
  const verdict = { true: "reached", false: "missed", undefined: "not checked: the run was shortened" };
  const rows = [
    ["Network", `\`${recipe.network}\`, ${recipe.paper}`],
    ["Parameters", params.toLocaleString("en")],
    ["Training data", `${data.title}: ${result.samples.toLocaleString("en")} pictures, ${epochs}`],
    ["Test accuracy (top-1)", `${top1.toFixed(2)} %, an error of ${(100 - top1).toFixed(2)} %`],
    ["Expected of the recipe", `${describeExpected(recipe)} (${verdict[`${result.passed}`]})`],
    ...(published ? [["Published", published]] : []),
    ["File", `\`${file}\`, ${formatBytes(size)}, SHA-256 \`${sha256}\``],
  ];
  return `# ${record.name}

${recipe.title}. Outputs ${classes.count} scores; the accuracy is that of this file, on all test pictures of ${data.title}.

| | |
|---|---|
${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}

## How it was made

\`\`\`sh
tessera data get ${recipe.dataset}
tessera train ${recipe.name} --seed ${result.seed}
\`\`\`

The recipe is \`packages/vision/src/recipes\`, under the name \`${recipe.name}\`; it takes about ${recipe.minutes} minutes on two cores.
How a picture becomes the network's input is in \`record.json\` under \`preprocessing\`.

## Limits

${[LIMITS[classes.labels] ?? "It calls everything one of its classes.", recipe.limits].join(" ").trim()}

## Licence

The file: ${record.licence}. The data it was trained on: ${data.licence} (${data.reference}).
`;
}
