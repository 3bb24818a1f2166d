/**
 * Learning rates as functions of the number of updates so far (a float tensor, 0 at the first update),
 * evaluated in the graph of the step, so that a resumed run continues where it stopped.
 *
 * `new AdamW(net, { lr: warmUp(500, cosine({ from: 1e-3, steps: 10_000 })) })`
 */
import { arange, maximum, scalar, type Tensor, where } from "@tessera-ml/tensor";

/** Elementwise, so that it can be evaluated for many steps at once. */
export type Schedule = (step: Tensor) => Tensor;

/** Progress through a phase of `steps` steps, in [0, 1]. */
function progress(step: Tensor, steps: number): Tensor {
  return step.mul(1 / steps).clamp(0, 1);
}
/** Half a cosine wave, from `from` at progress 0 to `to` at 1. */
function halfWave(at: Tensor, from: number, to: number): Tensor {
  return at
    .mul(Math.PI)
    .cos()
    .add(1)
    .mul((from - to) / 2)
    .add(to);
}

export function constant(rate: number): Schedule {
  return (step) => step.mul(0).add(rate);
}
/** Linear over `steps` steps, then constant at `to`. */
export function linear({ from, to = 0, steps }: { from: number; to?: number; steps: number }): Schedule {
  return (step) =>
    progress(step, steps)
      .mul(to - from)
      .add(from);
}
/** `from` · (1 − progress)^power over `steps` steps, then 0. */
export function polynomial({ from, steps, power }: { from: number; steps: number; power: number }): Schedule {
  return (step) => progress(step, steps).rsub(1).pow(power).mul(from);
}
/** Half a cosine wave over `steps` steps (Loshchilov & Hutter 2017), then constant at `to`. */
export function cosine({ from, to = 0, steps }: { from: number; to?: number; steps: number }): Schedule {
  return (step) => halfWave(progress(step, steps), from, to);
}
/** Multiplied by `factor` every `every` steps, or at each step listed in `at`. */
export function steps(
  options: { from: number; factor?: number } & ({ every: number } | { at: readonly number[] }),
): Schedule {
  const { from, factor = 0.1 } = options;
  return (step) => {
    const drops =
      "every" in options
        ? step.div(options.every).floor()
        : options.at.reduce((count, at) => count.add(step.greaterEqual(at).astype("float32")), step.mul(0));
    return drops.mul(Math.log(factor)).exp().mul(from);
  };
}
/**
 * Rises along a cosine from `peak / divisor` to `peak` in the first `share` of all steps, then falls to the
 * initial rate divided by `finalDivisor` (Smith & Topin 2018; the defaults are PyTorch's).
 */
export function oneCycle(options: {
  peak: number;
  steps: number;
  share?: number;
  divisor?: number;
  finalDivisor?: number;
}): Schedule {
  const { peak, steps: total, share = 0.3, divisor = 25, finalDivisor = 1e4 } = options;
  const [first, top] = [peak / divisor, share * total - 1];
  return (step) =>
    where(
      step.less(top),
      halfWave(progress(step, top), first, peak),
      halfWave(progress(step.sub(top), total - 1 - top), peak, first / finalDivisor),
    );
}
/** peak / √(step / warmUp), after a linear warm-up to the peak (Vaswani et al. 2017, section 5.3). */
export function inverseSquareRoot({ peak, warmUp }: { peak: number; warmUp: number }): Schedule {
  return (step) => {
    const count = step.add(1);
    return count
      .mul(1 / warmUp)
      .minimum(
        maximum(count, warmUp)
          .mul(1 / warmUp)
          .rsqrt(),
      )
      .mul(peak);
  };
}

/** Linear warm-up over `count` steps from `from` to the initial rate of `then`, followed by `then`. */
export function warmUp(count: number, then: Schedule, options: { from?: number } = {}): Schedule {
  const { from = 0 } = options;
  if (count === 0) return then;
  return (step) => {
    const peak = then(step.mul(0));
    const rising = peak
      .sub(from)
      .mul(step.add(1).mul(1 / count))
      .add(from);
    return where(step.less(count), rising, then(step.sub(count).maximum(0)));
  };
}
/** Schedules in sequence, each counting from its own start; the last one never ends. */
export function joined(...phases: readonly (readonly [steps: number, schedule: Schedule])[]): Schedule {
  return (step) => {
    const start = phases.slice(0, -1).reduce((sum, [count]) => sum + count, 0);
    let at = start;
    return phases.reduceRight<Tensor | undefined>((later, [count, schedule]) => {
      const own = schedule(step.sub(later ? (at -= count) : at).maximum(0));
      return later ? where(step.less(at + count), own, later) : own;
    }, undefined) as Tensor;
  };
}

/** The rates of the first `count` steps, for plots and tables. */
export async function rates(schedule: Schedule, count: number): Promise<number[]> {
  const steps = arange(count).astype("float32");
  return Array.from(await schedule(steps).add(scalar(0)).expand([count]).data(), Number);
}
