import type { Curve, Finding } from "@tessera-ml/kit/studies";
import { Conv2d, init, Linear, Sequential } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import type { Run } from "./compare.ts";
import { costTable, defineStudy, errorPlots, runOf } from "./define.ts";
import { halve, relu, started } from "./networks.ts";

/**
 * Four layers with one kind of nonlinearity, as in the paper's figure 1. "Then": inputs are centred bytes, initial
 * weights normal with standard deviation 0.01. "Now": inputs are standardised, initial weights those of He et al.
 */
function fourLayers(activation: (x: Tensor) => Tensor, time: "then" | "now"): Sequential {
  const net = started(
    new Sequential(
      time === "then" ? (x) => x.mul(64) : (x) => x, // about the standard deviation of bytes
      new Conv2d(3, 24, 5, { padding: 2 }), // [N, 24, 32, 32]
      activation,
      halve,
      new Conv2d(24, 32, 3, { padding: 1 }), // [N, 32, 16, 16]
      activation,
      halve,
      new Conv2d(32, 48, 3, { padding: 1 }), // [N, 48, 8, 8]
      activation,
      halve,
      (x) => x.flatten(1), // [N, 768]
      new Linear(768, 10),
    ),
  );
  if (time === "then")
    for (const module of net.namedModules().values())
      if (module instanceof Conv2d) module.weight.assign(init.normal(module.weight.shape, { std: 0.01 }));
  return net;
}

const tanh = (x: Tensor): Tensor => x.tanh();

/** The error that figure 1 uses as its goal, in per cent. */
const GOAL = 25;

/** Where a falling curve first reaches the goal, linearly interpolated; undefined if it never does. */
export function reaches({ x, y }: Curve, goal: number): number | undefined {
  const at = y.findIndex((value) => value <= goal);
  if (at < 0) return undefined;
  if (at === 0) return x[0];
  const [x0, x1, y0, y1] = [x[at - 1], x[at], y[at - 1], y[at]] as [number, number, number, number];
  return x0 + ((x1 - x0) * (y0 - goal)) / (y0 - y1);
}

function compareSpeed(relu: Curve, tanh: Curve): Pick<Finding, "here" | "holds"> {
  const [fast, slow] = [reaches(relu, GOAL), reaches(tanh, GOAL)];
  const epochs = relu.x.at(-1) as number;
  const times = fast === undefined ? 0 : (slow ?? epochs) / fast;
  const after = (at: number | undefined) =>
    at === undefined ? `not within ${epochs} epochs` : `after ${at.toFixed(1)} epochs`;
  const ratio = times > 0 ? `: ${times.toFixed(1)} times as many${slow === undefined ? " or more" : ""}` : "";
  // The claim is that ReLU is clearly faster; six times is what the authors' network gave.
  return { here: `ReLU ${after(fast)}, tanh ${after(slow)}${ratio}`, holds: times >= 1.5 };
}

export function reluTanhFindings(runs: readonly Run[]): Finding[] {
  const speed = (time: string) =>
    compareSpeed(runOf(runs, `ReLU, ${time}`).trainError, runOf(runs, `tanh, ${time}`).trainError);
  return [
    {
      paper: `On CIFAR-10, a four-layer network with ReLUs reaches ${GOAL} % training error six times sooner than with tanh (figure 1). With weights and images scaled as in the paper:`,
      ...speed("then"),
    },
    {
      paper: "The same with initial weights and images scaled as is usual today (He et al. 2015):",
      ...speed("now"),
    },
  ];
}

export const reluTanh = defineStudy({
  name: "relu-tanh",
  title: "ReLU against tanh",
  claim: "Networks with ReLUs learn several times faster than the same networks with tanh.",
  paper:
    "Krizhevsky, Sutskever & Hinton 2012, ImageNet Classification with Deep Convolutional Neural Networks, section 3.1",
  minutes: 2,
  async measure(context) {
    const runs = await context.compare(
      [
        // The best of 0.001, 0.003 and 0.006; 0.001, 0.01 and 0.02; 0.01, 0.02 and 0.04; 0.01 and 0.02.
        { name: "ReLU, then", network: () => fourLayers(relu, "then"), rate: 0.003 },
        { name: "tanh, then", network: () => fourLayers(tanh, "then"), rate: 0.02 },
        { name: "ReLU, now", network: () => fourLayers(relu, "now"), rate: 0.01 },
        { name: "tanh, now", network: () => fourLayers(tanh, "now"), rate: 0.02 },
      ],
      { data: "cifar10-jpeg", count: 2000, epochs: 20, schedule: "constant", weightDecay: 0, points: 2 },
    );
    return { plots: errorPlots(runs), tables: [costTable(runs)], findings: reluTanhFindings(runs) };
  },
});
