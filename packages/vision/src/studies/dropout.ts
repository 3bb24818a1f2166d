import type { Finding } from "@tessera-ml/kit/studies";
import { Dropout, Linear, Sequential } from "@tessera-ml/nn";
import { average, type Run } from "./compare.ts";
import { costTable, defineStudy, errorPlots, last, percent, runOf, spread } from "./define.ts";
import { relu } from "./networks.ts";
import { reaches } from "./relu-tanh.ts";

/** Two wide hidden layers, with far more weights than so few digits can determine (Hinton et al. 2012, section 2). */
function perceptron(drop: boolean): Sequential {
  return new Sequential(
    (x) => x.flatten(1), // [N, 784]
    new Dropout(drop ? 0.2 : 0),
    new Linear(784, 512),
    relu,
    new Dropout(drop ? 0.5 : 0),
    new Linear(512, 512),
    relu,
    new Dropout(drop ? 0.5 : 0),
    new Linear(512, 10),
  );
}

export function dropoutFindings(runs: readonly Run[]): Finding[] {
  const [plain, drop] = ["plain", "dropout"].map((name) => runOf(runs, name)) as [Run, Run];
  const [without, with_] = [average(plain.finals), average(drop.finals)];
  const [early, late] = [reaches(plain.trainError, 10), reaches(drop.trainError, 10)];
  const epochs = last(plain.trainError.x);
  const slower = early === undefined ? 0 : (late ?? epochs) / early;
  const after = (at: number | undefined) =>
    at === undefined ? `not within ${epochs} epochs` : `after ${at.toFixed(1)} epochs`;
  const gap = (run: Run) => average(run.finals) - run.fitError;
  return [
    {
      paper:
        "On MNIST, the same network makes 160 errors in 10,000 without dropout and about 110 when dropping half of the hidden and a fifth of the input units: about 30 % fewer.",
      here: `${percent(without)} test error without, ${percent(with_)} with dropout: ${(100 * (1 - with_ / without)).toFixed(0)} % fewer errors (runs differ by up to ${Math.max(spread(plain.finals), spread(drop.finals)).toFixed(1)} points)`,
      holds: without - with_ > Math.max(spread(plain.finals), spread(drop.finals)) / 2,
    },
    {
      paper: "Without dropout the network exhibits substantial overfitting (AlexNet, section 4.2).",
      here: `test error minus training error, without dropping units: ${gap(plain).toFixed(1)} points without, ${gap(drop).toFixed(1)} with dropout`,
      holds: gap(plain) > 1 && gap(drop) < gap(plain),
    },
    {
      paper: "Dropout roughly doubles the number of iterations required to converge (AlexNet, section 4.2).",
      here: `training error falls below 10 % ${after(early)} without, ${after(late)} with dropout${slower > 0 ? `: ${slower.toFixed(1)} times as many${late === undefined ? " or more" : ""}` : ""}`,
      holds: slower >= 1.5,
    },
  ];
}

export const dropout = defineStudy({
  name: "dropout",
  title: "Dropout",
  claim: "Randomly dropping half of the units during training keeps a large network from overfitting.",
  paper:
    "Hinton, Srivastava, Krizhevsky, Sutskever & Salakhutdinov 2012, Improving neural networks by preventing co-adaptation of feature detectors",
  minutes: 1,
  async measure(context) {
    const runs = await context.compare(
      [
        { name: "plain", network: () => perceptron(false), rate: 0.05 },
        { name: "dropout", network: () => perceptron(true), rate: 0.05 },
      ],
      { data: "mnist", count: 2000, test: 5000, epochs: 25, seeds: 3, weightDecay: 0 },
    );
    return { plots: errorPlots(runs), tables: [costTable(runs)], findings: dropoutFindings(runs) };
  },
});
