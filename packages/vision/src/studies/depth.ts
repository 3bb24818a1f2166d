import type { Finding } from "@tessera-ml/kit/studies";
import { Sequential } from "@tessera-ml/nn";
import type { Run } from "./compare.ts";
import { costTable, defineStudy, errorPlots, last, percent, runOf } from "./define.ts";
import { type Block, convNorm, convUnit, Residual, relu, stages } from "./networks.ts";

/** Two 3x3 convolutions, as in a block of He et al. */
const two = (inputs: number, width: number, stride: number) =>
  new Sequential(convUnit(inputs, width, 3, { stride }), convNorm(width, width, 3));

const plain: Block = (inputs, width, stride) => new Sequential(two(inputs, width, stride), relu);
const residual: Block = (inputs, width, stride) =>
  new Residual(two(inputs, width, stride), inputs, width, stride);

/** Blocks per stage, shallow and deep, in three stages: 6n + 2 layers. */
const COUNTS = [1, 5] as const;
const nameOf = (kind: string, count: number) => `${kind} ${6 * count + 2}`;

export function depthFindings(runs: readonly Run[]): Finding[] {
  const [low, high] = COUNTS;
  const train = (kind: string, count: number) => last(runOf(runs, nameOf(kind, count)).trainError.y);
  const test = (kind: string, count: number) => last(runOf(runs, nameOf(kind, count)).testError.y);
  const both = (kind: string, of: typeof train) =>
    `${percent(of(kind, low))} with ${6 * low + 2} layers, ${percent(of(kind, high))} with ${6 * high + 2}`;
  return [
    {
      paper:
        "Degradation: a plain network of 56 layers has a higher training error on CIFAR-10 than one of 20 (figure 1), so it is not overfitting.",
      here: `plain, training error: ${both("plain", train)}`,
      holds: train("plain", high) > train("plain", low) + 1,
    },
    {
      paper:
        "With shortcuts, deeper is better: 8.75 % test error for ResNet-20, 7.51 % for ResNet-32, 6.97 % for ResNet-56.",
      here: `residual, test error: ${both("residual", test)}; training error: ${both("residual", train)}`,
      holds: test("residual", high) < test("residual", low),
    },
    {
      paper: "At the same depth the residual network is easier to train than the plain one (figure 6).",
      here: `${6 * high + 2} layers, training error: plain ${percent(train("plain", high))}, residual ${percent(train("residual", high))}`,
      holds: train("residual", high) < train("plain", high) - 1,
    },
  ];
}

export const depth = defineStudy({
  name: "depth",
  title: "Depth, plain and residual",
  claim: "Plain networks get worse with depth even on the training images; with shortcuts they do not.",
  paper: "He, Zhang, Ren & Sun 2015, Deep Residual Learning for Image Recognition, section 4.2",
  minutes: 2,
  async measure(context) {
    const variants = COUNTS.flatMap((count) =>
      Object.entries({ plain, residual }).map(([kind, block]) => ({
        name: nameOf(kind, count),
        network: () => stages({ widths: [8, 16, 32], count, block }),
        rate: 0.1,
      })),
    );
    const runs = await context.compare(variants, { data: "cifar10-jpeg", count: 4000, epochs: 5 });
    return { plots: errorPlots(runs), tables: [costTable(runs)], findings: depthFindings(runs) };
  },
});
