import type { Finding } from "@tessera-ml/kit/studies";
import { Sequential } from "@tessera-ml/nn";
import { average, type Run } from "./compare.ts";
import { costTable, defineStudy, errorPlots, percent, runOf } from "./define.ts";
import { type Block, convUnit, stages } from "./networks.ts";
import { theoreticalField } from "./receptive-field.ts";

/** `count` consecutive convolutions of the same size. */
const stack =
  (kernel: number, count: number): Block =>
  (inputs, width, stride) =>
    new Sequential(
      ...Array.from({ length: count }, (_, i) =>
        i === 0 ? convUnit(inputs, width, kernel, { stride }) : convUnit(width, width, kernel),
      ),
    );

const STACKS = {
  "one 5x5": [5, 1],
  "two 3x3": [3, 2],
  "one 7x7": [7, 1],
  "three 3x3": [3, 3],
} as const;

export function stackedFindings(runs: readonly Run[]): Finding[] {
  const run = (name: keyof typeof STACKS) => runOf(runs, name);
  const error = (name: keyof typeof STACKS) => average(run(name).finals);
  const fewer = (large: keyof typeof STACKS, small: keyof typeof STACKS) =>
    run(large).parameters / run(small).parameters;
  return [
    {
      paper:
        "Three 3x3 convolutions have 27 C² weights; one 7x7 with the same receptive field has 49 C², 81 % more. For 5x5 the ratio is 25 to 18.",
      here: `whole networks: 7x7 has ${fewer("one 7x7", "three 3x3").toFixed(2)} times the parameters of three 3x3, 5x5 ${fewer("one 5x5", "two 3x3").toFixed(2)} times those of two (the first convolution of a stack has fewer inputs)`,
      holds: fewer("one 7x7", "three 3x3") > 1 && fewer("one 5x5", "two 3x3") > 1,
    },
    {
      paper:
        "A shallow net with a 5x5 in place of each pair of 3x3 had a top-1 error 7 points higher (section 4.1).",
      here: `test error: one 5x5 ${percent(error("one 5x5"))}, two 3x3 ${percent(error("two 3x3"))}`,
      holds: error("two 3x3") < error("one 5x5"),
    },
    {
      paper: "Three nonlinearities instead of one make the function more discriminative (section 2.3).",
      here: `test error: one 7x7 ${percent(error("one 7x7"))}, three 3x3 ${percent(error("three 3x3"))}`,
      holds: error("three 3x3") < error("one 7x7"),
    },
  ];
}

export const stacked = defineStudy({
  name: "stacked-3x3",
  title: "Stacks of 3x3",
  claim:
    "Two 3x3 convolutions have the receptive field of one 5x5 and three that of one 7x7, with fewer weights and less error.",
  paper:
    "Simonyan & Zisserman 2014, Very Deep Convolutional Networks for Large-Scale Image Recognition, section 2.3",
  minutes: 1,
  async measure(context) {
    const variants = Object.entries(STACKS).map(([name, [kernel, count]]) => ({
      name,
      network: () => stages({ widths: [12, 24, 48], count: 1, block: stack(kernel, count) }),
      rate: 0.1,
    }));
    const runs = await context.compare(variants, { data: "cifar10-jpeg", count: 4000, epochs: 5 });
    const fields = {
      title: "On C channels",
      columns: ["stack", "receptive field", "weights", "nonlinearities"],
      rows: Object.entries(STACKS).map(([name, [kernel, count]]) => {
        const field = theoreticalField(Array.from({ length: count }, () => ({ kernel })));
        return [name, `${field} x ${field}`, `${count * kernel ** 2} C²`, count];
      }),
    };
    return { plots: errorPlots(runs), tables: [fields, costTable(runs)], findings: stackedFindings(runs) };
  },
});
