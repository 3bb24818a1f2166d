/** The child process that trains: takes an order, sends events to its parent, and exits with it. */
import { setPriority } from "node:os";
import { join } from "node:path";
import { writeAtomic } from "@tessera-ml/hub";
import { findRecipe } from "@tessera-ml/kit/catalogue";
import type { Recipe, RecipeResult } from "@tessera-ml/kit/training";
import { installedSystems } from "@tessera-ml/tessera/installed";
import { doneEvent, evaluationEvent, stepEvent } from "../../answers/training.ts";
import type { TrainEvent } from "../../api/index.ts";

/** The parent's first message, which starts the run; any later message stops it. */
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
  // Keeps the page responsive during training.
  setPriority(10);
  try {
    const { recipe } = await findRecipe(await installedSystems(), name);
    await send({
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
      progress: (report) => void send(stepEvent(report)),
      evaluated: (evaluation) => void send(evaluationEvent(evaluation)),
      signal: controller.signal,
    });
    await writeRecord(order, recipe, result);
    await send(doneEvent({ ...result, stopped: controller.signal.aborted, model: modelName(order, recipe) }));
  } catch (error) {
    if (controller.signal.aborted) await send({ type: "done", stopped: true });
    else await send({ type: "error", message: error instanceof Error ? error.message : String(error) });
  }
  process.exit(0);
}

/** Writes the record of the run's network, under a unique name. */
async function writeRecord(order: Order, recipe: Recipe, { figures, options }: RecipeResult): Promise<void> {
  const record = {
    ...recipe.record(modelName(order, recipe), figures, options),
    note: `Trained in the studio, run ${order.id}`,
  };
  await writeAtomic(join(order.folder, "record.json"), JSON.stringify(record));
}

function modelName({ id }: Order, { network }: Recipe): string {
  return `${network}.run_${id}`;
}

function send(event: TrainEvent): Promise<void> {
  return new Promise((resolve) => process.send!(event, undefined, undefined, () => resolve()));
}
