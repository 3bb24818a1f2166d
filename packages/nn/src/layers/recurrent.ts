/** Recurrent layers over sequences [N, L, C], with PyTorch's parameter names and gate order. */
import { concat, linear, parameter, stack, type Tensor, type Variable, zeros } from "@tessera-ml/tensor";
import * as init from "../init.ts";
import { Module } from "../module.ts";

export interface RecurrentOptions {
  /** Number of stacked layers; default 1. */
  readonly layers?: number;
  /** Adds a second pass from the end to every layer and concatenates the outputs. */
  readonly bidirectional?: boolean;
  readonly bias?: boolean;
}

/** One pass of one layer, whose parameters have the suffix `_l0` or `_l0_reverse`. */
interface Pass {
  readonly suffix: string;
  readonly reverse: boolean;
}

/** Runs cells over time. Each state of a pass is [N, H]. */
abstract class Recurrent extends Module {
  readonly inFeatures: number;
  readonly hidden: number;
  readonly #layers: readonly Pass[][];
  readonly #states: number;

  constructor(inFeatures: number, hidden: number, gates: number, states: number, options: RecurrentOptions) {
    super();
    const { layers = 1, bidirectional = false, bias = true } = options;
    this.inFeatures = inFeatures;
    this.hidden = hidden;
    this.#states = states;
    const directions = bidirectional ? [false, true] : [false];
    this.#layers = Array.from({ length: layers }, (_, layer) =>
      directions.map((reverse) => ({ suffix: `_l${layer}${reverse ? "_reverse" : ""}`, reverse })),
    );
    const draw = (shape: number[]) => {
      const bound = 1 / Math.sqrt(hidden);
      return parameter(init.uniform(shape, { low: -bound, high: bound }));
    };
    const fields: Record<string, Variable> = {};
    this.#layers.forEach((passes, layer) => {
      for (const { suffix } of passes) {
        const inputs = layer === 0 ? inFeatures : hidden * directions.length;
        fields[`weight_ih${suffix}`] = draw([gates * hidden, inputs]);
        fields[`weight_hh${suffix}`] = draw([gates * hidden, hidden]);
        if (!bias) continue;
        fields[`bias_ih${suffix}`] = draw([gates * hidden]);
        fields[`bias_hh${suffix}`] = draw([gates * hidden]);
      }
    });
    Object.assign(this, fields);
  }

  /**
   * Computes the next states from the previous ones and the contribution of the input to the gates, [N, gates·H];
   * `recurrent(h)` is the contribution of a state. The first state is the output.
   */
  protected abstract cell(
    input: Tensor,
    states: readonly Tensor[],
    recurrent: (h: Tensor) => Tensor,
  ): readonly Tensor[];

  /** x [N, L, C] → output [N, L, H·directions] and the last states, [layers·directions, N, H] each. */
  protected run(x: Tensor, initial: readonly Tensor[] | undefined): { output: Tensor; states: Tensor[] } {
    if (x.rank !== 3 || x.shape[2] !== this.inFeatures)
      this.fail(`expected [N, L, ${this.inFeatures}], got ${x}`);
    const batch = x.shape[0] as number;
    const last: (readonly Tensor[])[] = [];
    let y = x;
    for (const passes of this.#layers) {
      const outputs = passes.map((pass) => {
        const start = Array.from(
          { length: this.#states },
          (_, i) => initial?.[i]?.select(0, last.length) ?? zeros([batch, this.hidden], x.dtype),
        );
        const { output, states } = this.#pass(y, pass, start);
        last.push(states);
        return output;
      });
      y = concat(outputs, 2);
    }
    return {
      output: y,
      states: Array.from({ length: this.#states }, (_, i) =>
        stack(last.map((states) => states[i] as Tensor)),
      ),
    };
  }

  #pass(x: Tensor, { suffix, reverse }: Pass, initial: readonly Tensor[]) {
    const field = (name: string) => (this as unknown as Record<string, Variable | undefined>)[name + suffix];
    const [weight, bias] = [field("weight_hh") as Variable, field("bias_hh")];
    const shares = linear(x, field("weight_ih") as Variable, field("bias_ih")); // [N, L, gates·H], one matmul for all steps
    const length = x.shape[1] as number;
    const outputs: Tensor[] = [];
    let states = initial;
    for (let step = 0; step < length; step++) {
      const at = reverse ? length - 1 - step : step;
      states = this.cell(shares.select(1, at), states, (h) => linear(h, weight, bias));
      outputs[at] = states[0] as Tensor;
    }
    return { output: stack(outputs, 1), states };
  }
}

/** Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates). */
export class LSTM extends Recurrent {
  constructor(inFeatures: number, hidden: number, options: RecurrentOptions = {}) {
    super(inFeatures, hidden, 4, 2, options);
  }
  /** x [N, L, C] → output [N, L, H·directions]; h and c [layers·directions, N, H], initially zeros. */
  forward(x: Tensor, initial?: { h: Tensor; c: Tensor }): { output: Tensor; h: Tensor; c: Tensor } {
    const { output, states } = this.run(x, initial && [initial.h, initial.c]);
    return { output, h: states[0] as Tensor, c: states[1] as Tensor };
  }
  protected cell(input: Tensor, [h, c]: readonly [Tensor, Tensor], recurrent: (h: Tensor) => Tensor) {
    const [i, f, g, o] = input.add(recurrent(h)).chunk(4, 1) as [Tensor, Tensor, Tensor, Tensor];
    const next = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    return [o.sigmoid().mul(next.tanh()), next];
  }
}

/** Gated recurrent unit (Cho et al. 2014; the reset gate is applied after the matmul, as in cuDNN and PyTorch). */
export class GRU extends Recurrent {
  constructor(inFeatures: number, hidden: number, options: RecurrentOptions = {}) {
    super(inFeatures, hidden, 3, 1, options);
  }
  /** x [N, L, C] → output [N, L, H·directions]; h [layers·directions, N, H], initially zeros. */
  forward(x: Tensor, initial?: Tensor): { output: Tensor; h: Tensor } {
    const { output, states } = this.run(x, initial && [initial]);
    return { output, h: states[0] as Tensor };
  }
  protected cell(input: Tensor, [h]: readonly [Tensor], recurrent: (h: Tensor) => Tensor) {
    const [inputR, inputZ, inputN] = input.chunk(3, 1) as [Tensor, Tensor, Tensor];
    const [stateR, stateZ, stateN] = recurrent(h).chunk(3, 1) as [Tensor, Tensor, Tensor];
    const z = inputZ.add(stateZ).sigmoid();
    const n = inputN.add(inputR.add(stateR).sigmoid().mul(stateN)).tanh();
    return [n.add(z.mul(h.sub(n)))];
  }
}
