import type { Finding } from "@tessera-ml/kit/studies";
import { Sequential } from "@tessera-ml/nn";
import { SqueezeExcite } from "../models/resnet.ts";
import { average, type Run } from "./compare.ts";
import { costTable, defineStudy, errorPlots, percent, runOf, spread } from "./define.ts";
import { type Block, convNorm, convUnit, Residual, stages } from "./networks.ts";

/** A residual block; with a `reduction`, squeeze-and-excitation weights its channels before the sum. */
const block =
  (reduction?: number): Block =>
  (inputs, width, stride) => {
    const body = [convUnit(inputs, width, 3, { stride }), convNorm(width, width, 3)];
    const squeeze = reduction ? [new SqueezeExcite(width, Math.max(4, width / reduction))] : [];
    return new Residual(new Sequential(...body, ...squeeze), inputs, width, stride);
  };

export function squeezeFindings(runs: readonly Run[]): Finding[] {
  const [plain, squeezed] = ["residual", "with squeeze-and-excitation"].map((name) => runOf(runs, name)) as [
    Run,
    Run,
  ];
  const [without, with_] = [average(plain.finals), average(squeezed.finals)];
  const noise = Math.max(spread(plain.finals), spread(squeezed.finals));
  return [
    {
      paper:
        "ResNet-110 on CIFAR-10: 6.37 % test error without and 5.21 % with squeeze-and-excitation; ResNet-50 on ImageNet: 24.8 % and 23.29 %.",
      here: `${percent(without)} without, ${percent(with_)} with (runs of the same network differ by up to ${noise.toFixed(1)} points)`,
      holds: with_ < without,
    },
    {
      paper: "It costs next to nothing to compute: 0.26 % more for ResNet-50, with 10 % more parameters.",
      here: `${(100 * (squeezed.macs / plain.macs - 1)).toFixed(2)} % more multiply-accumulates, ${(100 * (squeezed.parameters / plain.parameters - 1)).toFixed(1)} % more parameters; a training step takes ${(squeezed.stepTime / plain.stepTime).toFixed(2)} times as long`,
      holds: squeezed.macs / plain.macs < 1.01 && squeezed.parameters / plain.parameters < 1.12,
    },
  ];
}

export const squeezeExcitation = defineStudy({
  name: "squeeze-excitation",
  title: "Squeeze and excitation",
  claim:
    "Weighting channels by the content of the whole image makes a network more accurate at almost no computational cost.",
  paper: "Hu, Shen & Sun 2017, Squeeze-and-Excitation Networks, sections 4 and 6.1",
  minutes: 1,
  async measure(context) {
    const net = (reduction?: number) => () =>
      stages({ widths: [16, 32, 64], count: 1, block: block(reduction) });
    const runs = await context.compare(
      [
        { name: "residual", network: net(), rate: 0.1 },
        { name: "with squeeze-and-excitation", network: net(16), rate: 0.1 },
      ],
      { data: "cifar10-jpeg", count: 4000, epochs: 5, seeds: 2 },
    );
    return { plots: errorPlots(runs), tables: [costTable(runs)], findings: squeezeFindings(runs) };
  },
});
