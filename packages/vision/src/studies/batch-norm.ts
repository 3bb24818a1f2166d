import type { Finding } from "@tessera-ml/kit/studies";
import { Conv2d, type Layer, Linear, Sequential } from "@tessera-ml/nn";
import type { Run } from "./compare.ts";
import { costTable, defineStudy, errorPlots, last, percent, runOf } from "./define.ts";
import { convUnit, globalMean, relu, started } from "./networks.ts";
import { reaches } from "./relu-tanh.ts";

/** Six 3x3 convolutions with or without batch norm. */
function sixLayers(norm: boolean): Sequential {
  const unit = (inputs: number, width: number, stride: number): Layer =>
    norm
      ? convUnit(inputs, width, 3, { stride })
      : new Sequential(new Conv2d(inputs, width, 3, { stride, padding: 1 }), relu);
  return started(
    new Sequential(
      unit(3, 16, 2), // [N, 16, 16, 16]
      unit(16, 16, 1),
      unit(16, 32, 2), // [N, 32, 8, 8]
      unit(32, 32, 1),
      unit(32, 64, 2), // [N, 64, 4, 4]
      unit(64, 64, 1),
      globalMean,
      new Linear(64, 10),
    ),
  );
}

/** A learning rate at which both train, and the paper's multiples of it. */
const RATE = 0.01;
const TIMES = [1, 5, 30] as const;
const nameOf = (norm: boolean, times: number) => `${norm ? "batch norm" : "plain"}, ${times}x rate`;

const error = (run: Run) => last(run.trainError.y);
/** Whether a network learned anything: clearly better than chance among ten classes. */
const learned = (run: Run) => run.diverged === 0 && error(run) < 80;

const outcome = (run: Run) => (run.diverged > 0 ? "NaN or infinity" : percent(error(run)));

export function batchNormFindings(runs: readonly Run[]): Finding[] {
  const run = (norm: boolean, times: number) => runOf(runs, nameOf(norm, times));
  const plain = TIMES.map((times) => run(false, times)).toSorted((a, b) => error(a) - error(b))[0] as Run;
  const goal = error(plain);
  const epochs = last(plain.trainError.x);
  const fastest = TIMES.map((times) => ({ times, at: reaches(run(true, times).trainError, goal) }))
    .filter(({ at }) => at !== undefined)
    .toSorted((a, b) => (a.at as number) - (b.at as number))[0];
  const speed = fastest && epochs / (fastest.at as number);
  const [highPlain, highNorm] = [run(false, 30), run(true, 30)];
  return [
    {
      paper:
        "Inception with batch norm reaches the accuracy of the plain network in 14 times fewer steps at five times its learning rate, in 11 times fewer at 30 times.",
      here:
        fastest && speed
          ? `with batch norm, the plain network's final ${percent(goal)} training error (${epochs} epochs at its best rate) is reached after ${(fastest.at as number).toFixed(1)} (at ${fastest.times} times the rate): ${speed.toFixed(1)} times sooner`
          : `no network with batch norm reaches the plain network's ${percent(goal)} training error`,
      holds: speed !== undefined && speed >= 1.5,
    },
    {
      paper:
        "With batch norm, training still works at 30 times the learning rate; the plain network's parameters reach machine infinity at five times.",
      here: `at 30 times the rate ${percent(error(highNorm))} training error with batch norm, ${outcome(highPlain)} without; at five times ${outcome(run(false, 5))} without`,
      holds: learned(highNorm) && !learned(highPlain),
    },
  ];
}

export const batchNorm = defineStudy({
  name: "batch-norm",
  title: "Batch normalisation",
  claim: "Normalising every layer over the batch speeds up training and allows much higher learning rates.",
  paper:
    "Ioffe & Szegedy 2015, Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift, section 4.2",
  minutes: 1,
  async measure(context) {
    const variants = [false, true].flatMap((norm) =>
      TIMES.map((times) => ({
        name: nameOf(norm, times),
        network: () => sixLayers(norm),
        rate: RATE * times,
      })),
    );
    const runs = await context.compare(variants, {
      data: "cifar10-jpeg",
      count: 4000,
      epochs: 5,
      schedule: "constant",
      points: 2,
    });
    return { plots: errorPlots(runs), tables: [costTable(runs)], findings: batchNormFindings(runs) };
  },
});
