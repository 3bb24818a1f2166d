import type { Finding } from "@tessera-ml/kit/studies";
import { Sequential } from "@tessera-ml/nn";
import type { Run } from "./compare.ts";
import { costTable, defineStudy, errorPlots, last, percent, runOf } from "./define.ts";
import { type Block, convNorm, convUnit, Residual, stages } from "./networks.ts";

const full: Block = (inputs, width, stride) =>
  new Residual(
    new Sequential(convUnit(inputs, width, 3, { stride }), convNorm(width, width, 3)),
    inputs,
    width,
    stride,
  );
/** 1x1 to a quarter of the channels, 3x3, and 1x1 back (ResNet, figure 5). */
const narrowed: Block = (inputs, width, stride) =>
  new Residual(
    new Sequential(
      convUnit(inputs, width / 4, 1),
      convUnit(width / 4, width / 4, 3, { stride }),
      convNorm(width / 4, width, 1),
    ),
    inputs,
    width,
    stride,
  );

const NETWORKS = {
  "3x3": () => stages({ widths: [24, 48, 96], count: 1, block: full }),
  "1x1, 3x3, 1x1": () => stages({ widths: [24, 48, 96], count: 1, block: narrowed }),
  "1x1, 3x3, 1x1, three deep": () => stages({ widths: [24, 48, 96], count: 3, block: narrowed }),
};

export function bottleneckFindings(runs: readonly Run[]): Finding[] {
  const [wide, reduced, deep] = Object.keys(NETWORKS).map((name) => runOf(runs, name)) as [Run, Run, Run];
  const error = (run: Run) => last(run.testError.y);
  const fewer = wide.macs / reduced.macs;
  return [
    {
      paper:
        "1x1 reductions keep computation in bounds (GoogLeNet, section 4): 3x3 and 5x5 convolutions run on fewer channels. A ResNet bottleneck on 256 channels costs about as much as two 3x3 on 64.",
      here: `${fewer.toFixed(1)} times fewer multiply-accumulates and ${(wide.parameters / reduced.parameters).toFixed(1)} times fewer parameters than two 3x3 on all channels; a training step is ${(wide.stepTime / reduced.stepTime).toFixed(1)} times faster`,
      holds: fewer >= 3,
    },
    {
      paper:
        "The savings buy depth, and depth buys accuracy: on ImageNet, ResNet-50 with bottlenecks (3.8 GMAC) has 22.85 % error, ResNet-34 with 3x3 pairs (3.6 GMAC) 25.03 %.",
      here: `3x3 pairs ${percent(error(wide))} at ${(wide.macs / 1e6).toFixed(1)} MMAC; bottlenecks ${percent(error(reduced))} at ${(reduced.macs / 1e6).toFixed(1)}, and three times as many ${percent(error(deep))} at ${(deep.macs / 1e6).toFixed(1)}`,
      holds: deep.macs <= wide.macs && error(deep) <= error(wide),
    },
    {
      paper:
        "More of the cheap blocks are better still: ResNet-101 and -152 with bottlenecks have 21.75 % and 21.43 % error.",
      here: `one bottleneck in each stage ${percent(error(reduced))}, three ${percent(error(deep))}`,
      holds: error(deep) < error(reduced),
    },
  ];
}

export const bottleneck = defineStudy({
  name: "bottleneck",
  title: "1x1 reduction",
  claim: "Narrowing by 1x1 before a 3x3 convolution saves most of its cost and little of its accuracy.",
  paper:
    "Szegedy et al. 2014, Going Deeper with Convolutions, section 4; He, Zhang, Ren & Sun 2015, Deep Residual Learning, section 4.1",
  minutes: 1,
  async measure(context) {
    const variants = Object.entries(NETWORKS).map(([name, network]) => ({ name, network, rate: 0.1 }));
    const runs = await context.compare(variants, { data: "cifar10-jpeg", count: 4000, epochs: 5 });
    return { plots: errorPlots(runs), tables: [costTable(runs)], findings: bottleneckFindings(runs) };
  },
});
