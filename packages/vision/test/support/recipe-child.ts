/** A run of a recipe in a process of its own, for the test that kills it: `node … FOLDER NAME EPOCHS SAMPLES`. */
import { findRecipe } from "../../src/recipes/index.ts";

const [folder = ".", name = "", epochs, samples] = process.argv.slice(2);
await findRecipe(name).run({ folder, epochs: Number(epochs), samples: Number(samples) });
