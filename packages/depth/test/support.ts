import type { Module } from "@tessera-ml/nn";
import { fillGolden, uniformTensor } from "@tessera-ml/nn/golden";
import { type Tensor, valueAndGrad } from "@tessera-ml/tensor";
import { expect } from "vitest";
import type { DepthAnythingConfig } from "../src/index.ts";

/** 4 x 4 patches of 2 x 2 pixels. */
export const TINY: DepthAnythingConfig = {
  encoder: { dim: 12, depth: 4, heads: 2, patch: 2, image: 8 },
  features: 8,
  outChannels: [4, 6, 8, 10],
  taps: [0, 1, 2, 3],
};

/** Fills a network so that its output is far from the kink of the last activation. */
export function fillTiny<M extends Module>(model: M): M {
  fillGolden(model, {
    rules: [
      { match: /pos_embed$/, gain: 0.5 },
      { match: /output_conv2\.2\.weight$/, gain: 0.1 },
      { match: /output_conv2\.2\.bias$/, offset: 2, gain: 0.1 },
    ],
  });
  return model.eval();
}

/** Fills a network so that the maps of its head are positive: differences do not cross the kink of a ReLU. */
export function fillSmooth<M extends Module>(model: M): M {
  fillGolden(model, {
    rules: [
      { match: /pos_embed$/, gain: 0.5 },
      { match: /projects\.\d\.bias$/, offset: 4 },
      { match: /head.*weight$/, offset: 0.03, gain: 0.03 },
    ],
  });
  return model.eval();
}

/**
 * Checks gradients of parameters against differences: the gradient along a direction must equal the slope of the loss
 * along it, up to 2 % of the norm of the gradient.
 */
export async function checkParameterGradients(
  model: Module,
  paths: readonly string[],
  loss: () => Tensor,
  step = 2 ** -6,
): Promise<void> {
  const { grads } = valueAndGrad(model, loss);
  for (const path of paths) {
    const [parameter, gradient] = [model.parameters().get(path)!, grads.get(path)!];
    const before = parameter.mul(1);
    const direction = uniformTensor(`along ${path}`, parameter.shape);
    const at = async (times: number) => {
      parameter.assign(before.add(direction.mul(times * step)));
      return Number(await loss().item());
    };
    const measured = (8 * ((await at(1)) - (await at(-1))) - ((await at(2)) - (await at(-2)))) / (12 * step);
    parameter.assign(before);
    const slope = Number(await gradient.mul(direction).sum().item());
    const norm = Math.sqrt(Number(await gradient.square().sum().item()));
    expect(norm, path).toBeGreaterThan(0);
    expect(Math.abs(slope - measured), `${path}: ${slope}, measured ${measured}`).toBeLessThan(0.02 * norm);
  }
}
