import type { Finding } from "@tessera-ml/kit/studies";
import { type Layer, Linear, Module, Sequential } from "@tessera-ml/nn";
import { avgPool2d, concat, type Tensor } from "@tessera-ml/tensor";
import { average, type Run } from "./compare.ts";
import { costTable, defineStudy, errorPlots, percent, runOf, spread } from "./define.ts";
import { convNorm, convUnit, globalMean, Residual, stages, started } from "./networks.ts";

/** Layers that each take the outputs of all preceding ones as input and add `growth` channels. */
class DenseBlock extends Module {
  layers: Sequential[];
  constructor(inputs: number, growth: number, count: number) {
    super();
    this.layers = Array.from({ length: count }, (_, i) => convUnit(inputs + i * growth, growth, 3));
  }
  forward(x: Tensor): Tensor {
    return this.layers.reduce((seen, layer) => concat([seen, layer.forward(seen)], 1), x);
  }
}

/** Three dense blocks; 1x1 convolutions and 2x2 pooling in between halve channels and resolution (section 3). */
function denseNet({ growth, count, first }: { growth: number; count: number; first: number }): Sequential {
  const layers: Layer[] = [convUnit(3, first, 3, { stride: 2 })];
  let channels = first;
  for (let stage = 0; stage < 3; stage++) {
    layers.push(new DenseBlock(channels, growth, count)); // [N, channels + count·growth, 16/2ˢ, 16/2ˢ]
    channels += count * growth;
    if (stage === 2) break;
    const narrow = Math.floor(channels / 2);
    layers.push(convUnit(channels, narrow, 1), (x) => avgPool2d(x, 2));
    channels = narrow;
  }
  return started(new Sequential(...layers, globalMean, new Linear(channels, 10)));
}

const residualNet = () =>
  stages({
    widths: [12, 24, 38],
    count: 1,
    block: (inputs, width, stride) =>
      new Residual(
        new Sequential(convUnit(inputs, width, 3, { stride }), convNorm(width, width, 3)),
        inputs,
        width,
        stride,
      ),
  });

export function denseFindings(runs: readonly Run[]): Finding[] {
  const [dense, residual] = ["dense", "residual"].map((name) => runOf(runs, name)) as [Run, Run];
  const [a, b] = [average(dense.finals), average(residual.finals)];
  return [
    {
      paper:
        "Dense connections use parameters more efficiently: on CIFAR-10+, DenseNet-BC with 0.8 M parameters has 4.51 % test error, ResNet-1001 with 10.2 M has 4.62 %.",
      here: `with ${dense.parameters.toLocaleString("en")} parameters dense ${percent(a)}, with ${residual.parameters.toLocaleString("en")} residual ${percent(b)} test error (runs differ by up to ${Math.max(spread(dense.finals), spread(residual.finals)).toFixed(1)} points)`,
      holds: dense.parameters <= 1.05 * residual.parameters && a < b,
    },
  ];
}

export const dense = defineStudy({
  name: "dense",
  title: "Dense connections",
  claim:
    "With equally many parameters, a network whose layers see all preceding layers is more accurate than a residual one.",
  paper:
    "Huang, Liu, van der Maaten & Weinberger 2016, Densely Connected Convolutional Networks, section 4.3",
  minutes: 1,
  async measure(context) {
    const runs = await context.compare(
      [
        { name: "residual", network: residualNet, rate: 0.1 },
        { name: "dense", network: () => denseNet({ growth: 8, count: 4, first: 16 }), rate: 0.1 },
      ],
      { data: "cifar10-jpeg", count: 4000, epochs: 6, seeds: 2 },
    );
    return { plots: errorPlots(runs), tables: [costTable(runs)], findings: denseFindings(runs) };
  },
});
