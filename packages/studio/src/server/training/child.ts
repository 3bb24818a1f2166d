/** The process that trains: `child.ts RECIPE FOLDER`, events to its parent, which it does not outlive. */
import { setPriority } from "node:os";
import { basename, dirname, join } from "node:path";
import { type CheckpointRecord, writeAtomic } from "@tessera-ml/hub";
import { findModel } from "@tessera-ml/vision";
import { findRecipe, type Recipe, type RecipeResult } from "@tessera-ml/vision/recipes";
import type { TrainEvent } from "../../api/index.ts";

/** What the parent sends to begin; any other message stops the run. */
export interface Order {
  readonly id: string;
  readonly recipe: string;
  readonly folder: string;
  readonly epochs?: number | undefined;
  readonly samples?: number | undefined;
}

const controller = new AbortController();

process.on("disconnect", () => process.exit(1));
process.once("message", (order: Order) => {
  process.on("message", () => controller.abort());
  void train(order);
});

async function train(order: Order): Promise<void> {
  const { id, recipe: name, folder, epochs, samples } = order;
  // The page should stay quick while a network trains.
  setPriority(10);
  try {
    const recipe = findRecipe(name);
    await tell({
      type: "start",
      id,
      recipe: name,
      epochs: epochs ?? recipe.epochs,
      ...(samples !== undefined && { samples }),
    });
    const result = await recipe.run({
      folder,
      ...(epochs !== undefined && { epochs }),
      ...(samples !== undefined && { samples }),
      progress: ({ step, steps, epoch, loss, stepsPerSecond, secondsLeft }) =>
        void tell({
          type: "step",
          step,
          steps,
          epoch,
          loss: real(loss),
          stepsPerSecond,
          secondsLeft: real(secondsLeft),
        }),
      evaluated: ({ epoch, loss, top1 }) =>
        void tell({ type: "evaluation", epoch, loss: real(loss), top1: real(top1) }),
      signal: controller.signal,
    });
    await writeRecord(order, recipe, result);
    const { figures, seconds, passed } = result;
    const told = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, real(value)]));
    const stopped = controller.signal.aborted;
    const verdict = passed === undefined ? {} : { passed };
    await tell({
      type: "done",
      stopped,
      figures: told,
      seconds,
      ...verdict,
      model: modelName(order, recipe),
    });
  } catch (error) {
    if (controller.signal.aborted) await tell({ type: "done", stopped: true });
    else await tell({ type: "error", message: error instanceof Error ? error.message : String(error) });
  }
  process.exit(0);
}

/** With a record beside it the trained network is a checkpoint like any other. */
async function writeRecord(
  order: Order,
  recipe: Recipe,
  { figures, checkpoint }: RecipeResult,
): Promise<void> {
  const { top1 } = figures;
  const record: CheckpointRecord = {
    name: modelName(order, recipe),
    family: findModel(recipe.network).entry.family,
    preset: recipe.network,
    source: "tessera",
    file: basename(checkpoint),
    licence: "Apache-2.0",
    preprocessing: recipe.preprocessing,
    classes: recipe.classes,
    ...(top1 !== undefined && { accuracy: { dataset: recipe.dataset, top1 } }),
    reference: recipe.paper,
    note: `Trained in the studio, run ${order.id}`,
  };
  await writeAtomic(join(dirname(checkpoint), "record.json"), JSON.stringify(record));
}

function modelName({ id }: Order, { network }: Recipe): string {
  return `${network}.run_${id}`;
}

/** JSON has no other numbers. */
function real(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function tell(event: TrainEvent): Promise<void> {
  return new Promise((resolve) => process.send!(event, undefined, undefined, () => resolve()));
}
