import {
  buffer,
  compile,
  evaluate,
  type Gradients,
  parameter,
  tensor,
  type Variable,
  valueAndGrad,
} from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import * as nn from "../../src/index.ts";
import { expectStored, load, type StoredArray, values } from "../support/fixtures.ts";

type Shapes = Readonly<Record<string, readonly number[]>>;
type Options = { lr: number | "cosine" };
interface Case {
  readonly name: string;
  readonly steps: number;
  readonly shapes: Shapes;
  readonly optimizer?: string;
  readonly options?: Options;
  readonly parameters?: Readonly<Record<string, StoredArray>>;
  readonly clip?: "norm" | "value";
  readonly most?: number;
  readonly p?: 1 | 2 | "inf";
  readonly norm?: StoredArray;
  readonly grads?: Readonly<Record<string, StoredArray>>;
  readonly ema?: Readonly<Record<string, StoredArray>>;
}

const cases = await load<Case>("optimizers");

function parametersOf(shapes: Shapes): Map<string, Variable> {
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, parameter(values(name, shape))]));
}
function gradientsOf(shapes: Shapes, step: number): Gradients {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => [name, values(`grad.${step}.${name}`, shape, 1 + step)]),
  );
}

type Target = Map<string, Variable>;
const MAKE: Readonly<Record<string, (target: Target, options: never) => { update(grads: Gradients): void }>> =
  {
    SGD: (target, options) => new nn.SGD(target, options),
    Adam: (target, options) => new nn.Adam(target, options),
    AdamW: (target, options) => new nn.AdamW(target, options),
    Muon: (target, options) => new nn.Muon(target, options),
    "AdamW groups": (target, options: nn.AdamOptions) =>
      new nn.AdamW(target, {
        ...options,
        groups: [
          { match: (_, { rank }) => rank < 2, weightDecay: 0 },
          { match: "b", lrScale: 0.2 },
        ],
      }),
  };

describe("agrees with PyTorch", () => {
  for (const { name, optimizer, options, shapes, steps, parameters = {} } of cases.filter((c) => c.optimizer))
    for (const compiled of [true, false])
      test(`${name}${compiled ? "" : ", not compiled"}`, async () => {
        const { lr } = options as Options;
        const rate = lr === "cosine" ? nn.schedules.cosine({ from: 0.1, steps: 8 }) : lr;
        const target = parametersOf(shapes);
        const made = MAKE[optimizer as string]?.(target, { ...options, lr: rate } as never);
        const step = (grads: Gradients) => made?.update(grads);
        const run = compiled ? compile(step) : step;
        for (let i = 0; i < steps; i++) run(gradientsOf(shapes, i));
        await evaluate();
        for (const [path, expected] of Object.entries(parameters))
          await expectStored(path, target.get(path), expected);
      });

  for (const entry of cases.filter(({ clip }) => clip))
    test(entry.name, async () => {
      const { most = 0, shapes, p } = entry;
      const given = gradientsOf(shapes, 1);
      const { grads, norm } =
        entry.clip === "norm"
          ? nn.clipGradNorm(given, most, { p: p === "inf" ? Number.POSITIVE_INFINITY : p })
          : { grads: nn.clipGradValue(given, most), norm: undefined };
      if (entry.norm) await expectStored("norm", norm, entry.norm);
      for (const [path, expected] of Object.entries(entry.grads ?? {}))
        await expectStored(path, grads.get(path), expected);
    });

  for (const { name, ema, steps } of cases.filter((c) => c.ema))
    test(name, async () => {
      const module = new nn.BatchNorm1d(3);
      const set = (step: number) => {
        for (const [path, variable] of module.stateDict())
          variable.assign(
            path.startsWith("num")
              ? BigInt64Array.of(BigInt(step))
              : values(`${step}.${path}`, variable.shape),
          );
      };
      set(0);
      const mean = new nn.EMA(module, { decay: 0.9, warmUp: false });
      for (let step = 1; step <= steps; step++) {
        set(step);
        mean.update();
      }
      for (const [path, expected] of Object.entries(ema ?? {}))
        await expectStored(path, mean.stateDict().get(path), expected);
      expect(await mean.stateDict().get("num_batches_tracked")?.item()).toBe(steps);
    });
});

/** y = 2x with one weight; the loss is (wx − 2x)². */
class Line extends nn.Module {
  weight = parameter(tensor([0.5]));
  offset = parameter(tensor([0]));
  seen = buffer(tensor([0]));
  loss() {
    this.seen.assign(this.seen.add(1));
    return this.weight.mul(3).add(this.offset).sub(6).square().sum();
  }
}

test("setting lr affects a compiled step and groups without their own lr", async () => {
  const line = new Line();
  const optimizer = new nn.SGD(line, { lr: 0, groups: [{ match: "offset", momentum: 0.5 }] });
  const step = compile(() => {
    const { value, grads } = valueAndGrad(line, () => line.loss());
    optimizer.update(grads);
    return value;
  });
  await step().item();
  expect([await line.weight.item(), await line.offset.item()]).toEqual([0.5, 0]);
  optimizer.lr = 0.01;
  await step().item();
  expect(await line.weight.item()).toBeCloseTo(0.5 + 0.01 * 2 * 4.5 * 3, 5);
  expect(await line.offset.item()).toBeCloseTo(0.01 * 2 * 4.5 * 1.5, 5); // 1.5: momentum keeps half of the first gradient
});

test("a group can scale the schedule or have its own", async () => {
  const [a, b, c] = [parameter(tensor([0])), parameter(tensor([0])), parameter(tensor([0]))];
  const target = new Map(Object.entries({ a, b, c }));
  const optimizer = new nn.SGD(target, {
    lr: nn.schedules.steps({ from: 1, every: 1 }),
    groups: [
      { match: "b", lrScale: 0.5 },
      { match: "c", lr: nn.schedules.constant(3) },
    ],
  });
  for (let i = 0; i < 2; i++)
    optimizer.update(new Map([...target.keys()].map((path) => [path, tensor([-1])])));
  expect(await a.item()).toBeCloseTo(1.1, 6);
  expect(await b.item()).toBeCloseTo(0.55, 6);
  expect(await c.item()).toBe(6);
});

test("the same compiled step skips frozen parameters and resumes unfrozen ones", async () => {
  const line = new Line();
  const optimizer = new nn.AdamW(line, { lr: 0.1 });
  const step = compile(() => {
    const { value, grads } = valueAndGrad(line, () => line.loss());
    optimizer.update(grads);
    return value;
  });
  line.freeze("weight");
  await step().item();
  expect(await line.weight.item()).toBe(0.5);
  expect(await line.offset.item()).not.toBe(0);
  expect([...optimizer.stateDict().keys()]).toEqual(["updates", "exp_avg.offset", "exp_avg_sq.offset"]);
  line.unfreeze();
  await step().item();
  expect(await line.weight.item()).not.toBe(0.5);
});

test("training continues exactly from a loaded state", async () => {
  const train = async (line: Line, optimizer: nn.AdamW, count: number) => {
    const losses: number[] = [];
    for (let i = 0; i < count; i++) {
      const { value, grads } = valueAndGrad(line, () => line.loss());
      optimizer.update(grads);
      losses.push(await value.item());
    }
    return losses;
  };
  const options = { lr: nn.schedules.cosine({ from: 0.1, steps: 12 }) };
  const first = new Line();
  const whole = await train(first, new nn.AdamW(first, options), 10);

  const [before, after] = [new Line(), new Line()];
  const stopped = new nn.AdamW(before, options);
  await train(before, stopped, 4);
  const resumed = new nn.AdamW(after, options);
  await after.load(before.stateDict());
  await resumed.load(stopped.stateDict());
  expect(await train(after, resumed, 6)).toEqual(whole.slice(4));
});

test("the state of another optimizer or model is refused with the key", async () => {
  const line = new Line();
  const optimizer = new nn.SGD(line, { lr: 0.1, momentum: 0.9 });
  const zero = tensor(Int32Array.of(0), { shape: [] });
  await expect(optimizer.load(new Map([["exp_avg.weight", tensor([1])]]))).rejects.toThrow(
    "exp_avg.weight is not part of the state of SGD for this model",
  );
  await expect(optimizer.load(new Map([["momentum_buffer.other", tensor([1])]]))).rejects.toThrow(
    "momentum_buffer.other is not part of the state of SGD for this model",
  );
  await expect(
    optimizer.load(
      new Map([
        ["updates", zero],
        ["momentum_buffer.weight", tensor([1, 2])],
      ]),
    ),
  ).rejects.toThrow("momentum_buffer.weight: expected [1], got [2]");
  await expect(optimizer.load(new Map([["momentum_buffer.weight", tensor([1])]]))).rejects.toThrow(
    "the number of updates is missing",
  );
});

test("invalid options and gradients are errors", () => {
  const line = new Line();
  expect(() => new nn.SGD(line, { lr: 0.1, groups: [{ match: "wieght" }] })).toThrow(
    "SGD: no parameter matches the group wieght",
  );
  expect(() => new nn.SGD(line, { lr: 0.1, nesterov: true })).toThrow("nesterov needs a momentum");
  expect(() => new nn.Adam(line).update(new Map([["bias", tensor([1])]]))).toThrow(
    "Adam: got a gradient for bias, which is not one of its 2 parameters",
  );
});

test("Muon leaves embeddings and vectors to AdamW", async () => {
  const net = new nn.Sequential(new nn.Embedding(4, 3), new nn.Linear(3, 2), new nn.Conv1d(1, 2, 1));
  const optimizer = new nn.Muon(net);
  optimizer.update(new Map([...net.parameters()].map(([path, p]) => [path, values(path, p.shape)])));
  const slots = [...optimizer.stateDict().keys()].filter((key) => key.startsWith("momentum_buffer"));
  expect(slots).toEqual(["momentum_buffer.1.weight", "momentum_buffer.2.weight"]);
});

test("gradients of several steps are averaged into one update", async () => {
  const [accumulator, line] = [new nn.GradientAccumulator(3), new Line()];
  const step = compile((last: boolean, weight: Gradients) => {
    if (!last) {
      accumulator.add(weight);
      return undefined;
    }
    return accumulator.take(weight).get("weight");
  });
  line.parameters();
  for (const round of [0, 10]) {
    step(false, new Map([["weight", tensor([round + 1])]]));
    step(false, new Map([["weight", tensor([round + 2])]]));
    const mean = step(true, new Map([["weight", tensor([round + 6])]]));
    expect(await mean?.item()).toBe(round + 3);
  }
});

test("EMA: means are swapped in and out, even if the evaluation fails", async () => {
  const line = new Line();
  const mean = new nn.EMA(line, { decay: 0.9 });
  line.weight.assign(tensor([3.5]));
  mean.update(); // the weight of the new value is 1 − 2/11 at first
  const expected = 0.5 + (3.5 - 0.5) * (1 - 2 / 11);
  await mean.during(async () => expect(await line.weight.item()).toBeCloseTo(expected, 5));
  expect(await line.weight.item()).toBe(3.5);
  await expect(
    mean.during(() => {
      expect(() => mean.update()).toThrow("EMA: cannot update while the means are swapped into the module");
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(await line.weight.item()).toBe(3.5);
  expect([...mean.stateDict().keys()]).toEqual(["updates", "weight", "offset", "seen"]);
});

test("EMA: means of float16 variables keep updates that float16 would lose", async () => {
  class Half extends nn.Module {
    weight = parameter(tensor([1], { dtype: "float16" }));
  }
  const half = new Half();
  const mean = new nn.EMA(half, { decay: 0.9999, warmUp: false });
  half.weight.assign(tensor([2]));
  const update = compile(() => {
    mean.update();
    return mean.stateDict().get("weight") as Variable;
  });
  let expected = 1;
  // The spacing of float16 at 1 is 0.001, ten times one of these updates.
  for (let i = 0; i < 30; i++) {
    await update().item();
    expected += (2 - expected) * (1 - 0.9999);
  }
  expect(await mean.stateDict().get("weight")?.item()).toBeCloseTo(expected, 5);
  for (let i = 0; i < 2; i++)
    await mean.during(async () => {
      expect(half.weight.dtype).toBe("float16");
      expect(await half.weight.item()).toBe(Math.f16round(expected));
    });
  expect(await half.weight.item()).toBe(2);
  expect(await mean.stateDict().get("weight")?.item()).toBeCloseTo(expected, 5);
});

test("only amsgrad keeps the largest mean square", async () => {
  const made = (amsgrad: boolean) => {
    const target = new Map([["w", parameter(tensor([1]))]]);
    const optimizer = new nn.AdamW(target, { amsgrad });
    return { optimizer, update: (g: number) => optimizer.update(new Map([["w", tensor([g])]])) };
  };
  const { optimizer, update } = made(true);
  update(3);
  update(0);
  const state = optimizer.stateDict();
  expect([...state.keys()]).toEqual(["updates", "exp_avg.w", "exp_avg_sq.w", "max_exp_avg_sq.w"]);
  expect(await state.get("max_exp_avg_sq.w")?.item()).toBeCloseTo(0.009, 6);
  expect(await state.get("exp_avg_sq.w")?.item()).toBeLessThan(0.009);
  await expect(made(false).optimizer.load(state)).rejects.toThrow(
    "max_exp_avg_sq.w is not part of the state of AdamW for this model",
  );
  await made(true).optimizer.load(state);
});
