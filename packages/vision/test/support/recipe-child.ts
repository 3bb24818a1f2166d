/**
 * Runs a recipe in a separate process: `node … FOLDER NAME EPOCHS SAMPLES [LAST]`. Once it has evaluated
 * epoch LAST, with the checkpoint of the one before in its folder, it is killed.
 */
import { recipes } from "../../src/recipes/index.ts";

const [folder = ".", name = "", epochs, samples, last] = process.argv.slice(2);
await recipes
  .find((recipe) => recipe.name === name)!
  .run({
    folder,
    epochs: Number(epochs),
    samples: Number(samples),
    evaluated: ({ epoch }) => void (epoch === Number(last) && process.kill(process.pid, "SIGKILL")),
  });
