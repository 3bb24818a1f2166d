/** A toy system, all of it: an image to its mean colour, by a network that learns to average. */
import { setTimeout } from "node:timers/promises";
import {
  defaultOf,
  defineCommand,
  defineTask,
  Networks,
  type Opened,
  type OpenOptions,
  openNetwork,
} from "@tessera-ml/kit";
import { defineRecipe, pathOption } from "@tessera-ml/kit/training";
import { type ImageSource, readImage, resizePil, stack, toPlanes } from "@tessera-ml/media";
import { Adam, arrays, Conv2d, DataLoader, l1, Module, mse } from "@tessera-ml/nn";
import { compile, fromArray, HostRandom, type Tensor } from "@tessera-ml/tensor";
import * as z from "zod";

const SIDE = 8;

class MeanColour extends Module {
  mix = new Conv2d(3, 3, 1);
  forward(x: Tensor): Tensor {
    return this.mix.forward(x).mean([2, 3]); // [N, 3, H, W] → [N, 3]
  }
}

const about = { name: "mean_colour", family: "Toy", year: 2025, paper: "None" };
const create = () => new MeanColour();
const networks = new Networks([{ ...about, input: [3, SIDE, SIDE], sources: {}, create }]);
const opener = { task: "image-thumbnail", networks, records: [] };
const metrics = { mae: { label: "error", better: "less", digits: 4 } } as const;

/** Noise around random colours, [count, 3, H, W], and the means, [count, 3]. */
function randomImages(count: number, seed: number) {
  const random = new HostRandom(seed);
  const images = new Float32Array(count * 3 * SIDE * SIDE);
  const colours = new Float32Array(count * 3).map(() => random.next());
  for (let i = 0; i < images.length; i++)
    images[i] = colours[Math.floor(i / SIDE / SIDE)]! + 0.1 * random.normal();
  return {
    images: { data: images, shape: [count, 3, SIDE, SIDE] },
    colours: { data: colours, shape: [count, 3] },
  };
}

/** The mean absolute error on images that no training sees. */
async function measure(module: Module, count = 200): Promise<{ mae: number }> {
  const { images, colours } = randomImages(count, 1e6);
  const found = (module as MeanColour).forward(fromArray(images.data, images.shape));
  return { mae: await l1(found, fromArray(colours.data, colours.shape)).item() };
}

const recipe = defineRecipe({
  ...{ ...about, task: opener.task, network: "mean_colour", dataset: "random", metrics },
  ...{ title: "The mean colour of random images", epochs: 8, minutes: 0.1 },
  expected: { metric: "mae", atMost: 0.03 },
  options: z.strictObject({
    rate: z.number().positive().default(0.02).meta({ description: "learning rate" }),
    notes: pathOption("file").optional().meta({ description: "read by no one" }),
  }),
  prepare: async ({ seed, samples: most, options: { rate: lr } }) => {
    const [module, samples] = [new MeanColour(), Math.min(2000, most)];
    const optimizer = new Adam(module, { lr });
    const data = new DataLoader(arrays(randomImages(samples, seed)), { batchSize: 50, shuffle: true, seed });
    const loss = ({ images, colours }: { readonly images: Tensor; readonly colours: Tensor }) =>
      mse(module.forward(images), colours);
    return { module, samples, optimizer, data, loss, evaluate: () => measure(module) };
  },
});

async function open(name: string | undefined, options: OpenOptions) {
  const { record, module } = await openNetwork(opener, name, options);
  const ask = compile((x: Tensor) => module.forward(x), { freeze: true });
  const read = async (input: ImageSource) =>
    toPlanes(resizePil(await readImage(input), { width: SIDE, height: SIDE }, "box"));
  const answer = async (inputs: readonly ImageSource[], { upper }: { readonly upper?: boolean }) => {
    const { data, shape } = stack(await Promise.all(inputs.map(read)));
    const values = await ask(fromArray(data as Float32Array<ArrayBuffer>, [...shape])).data();
    return inputs.map((_, i) => {
      const [r = 0, g = 0, b = 0] = Uint8ClampedArray.from([0, 1, 2], (c) => 255 * Number(values[3 * i + c]));
      const colour = `#${[r, g, b].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
      return { colour: upper ? colour.toUpperCase() : colour, r, g, b };
    });
  };
  return { record, module, answer, release: () => ask.release() };
}

/** The mean of colours such as `ff8800`; its `--model` is not the task's. */
const mix = defineCommand({
  arguments: [{ name: "colours", description: "in hexadecimal", many: true }],
  options: z.strictObject({
    model: z.enum(["rgb", "grey"]).default("rgb").meta({ short: "m", description: "of colours" }),
  }),
  examples: [["tessera image-thumbnail mix ff0000 00ff00", "half of each"]],
  details: "Unreadable colours are left out.",
  run: async (words, { model }, { progress, note, signal }) => {
    const values: number[][] = [];
    for (const [i, word] of words.entries()) {
      if (word === "wait") await setTimeout(1e6, undefined, { signal });
      progress(i, words.length);
      if (/^[0-9a-f]{6}$/.test(word)) values.push(word.match(/../g)!.map((byte) => parseInt(byte, 16)));
      else note(`${word}: expected six hexadecimal digits`);
    }
    const means = [0, 1, 2].map((c) => values.reduce((sum, value) => sum + value[c]!, 0) / values.length);
    const colour = model === "rgb" ? means : means.slice(0, 1);
    return { text: colour.join(" "), json: { colour }, failed: values.length < words.length };
  },
});

export const imageThumbnail = defineTask({
  name: "image-thumbnail",
  title: "Thumbnails",
  summary: "Say the mean colour of images.",
  accepts: ["image"],
  metrics,
  commands: { mix: "Mix colours." },
  catalogue: async () => ({ networks, records: [], data: [] }),
  schemas: async () => ({
    request: z.strictObject({ upper: z.boolean().default(false).meta({ description: "in upper case" }) }),
    answer: z.object({ colour: z.string(), r: z.int(), g: z.int(), b: z.int() }),
  }),
  load: async () => ({ open, defaultCheckpoint: () => defaultOf(opener) }),
  workshop: async () => ({
    recipes: [recipe],
    commands: { mix },
    async evaluate({ record, module }: Opened<ImageSource, object, unknown>, { limit: count = 200 }) {
      const begin = performance.now();
      const found = { checkpoint: record.name, data: "random", count, metrics: await measure(module, count) };
      return { ...found, seconds: (performance.now() - begin) / 1000 };
    },
  }),
});
