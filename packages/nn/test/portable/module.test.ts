import {
  buffer,
  compile,
  manualSeed,
  ones,
  parameter,
  type Tensor,
  tensor,
  type Variable,
  valueAndGrad,
  zeros,
} from "@tessera-ml/tensor";
import { describe, expect, test, vi } from "vitest";
import {
  BatchNorm1d,
  Conv2d,
  Dropout,
  encodeSafetensors,
  Linear,
  Module,
  openCheckpoint,
  Sequential,
} from "../../src/index.ts";
import { snapshot } from "../../src/state.ts";

class Block extends Module {
  readonly norm = new BatchNorm1d(2, { affine: false });
  readonly proj = new Linear(2, 2, { bias: false });
}
class Net extends Module {
  readonly embed = parameter(zeros([3, 2]));
  readonly blocks = [new Block(), new Block()];
  readonly heads = { main: new Linear(2, 1), extra: undefined };
  readonly byName = new Map([["a.b", new Linear(1, 1, { bias: false })]]);
  readonly pairs = [[parameter(zeros([1]))]];
  readonly table = buffer(zeros([4]), { persistent: false });
  readonly constant = tensor([1]);
  readonly sizes = [1, 2];
  readonly name = "net";
  readonly activation = (x: Tensor) => x;
}

describe("the tree", () => {
  test("paths are the keys of checkpoints", () => {
    const net = new Net();
    expect([...net.parameters().keys()]).toEqual([
      "embed",
      "blocks.0.proj.weight",
      "blocks.1.proj.weight",
      "heads.main.weight",
      "heads.main.bias",
      "byName.a.b.weight",
      "pairs.0.0",
    ]);
    const statistics = (i: number) =>
      ["running_mean", "running_var", "num_batches_tracked"].map((name) => `blocks.${i}.norm.${name}`);
    expect([...net.buffers().keys()]).toEqual([...statistics(0), ...statistics(1), "table"]);
    expect(net.stateDict().has("table")).toBe(false);
    expect([...net.namedModules().keys()]).toEqual([
      "",
      ...["blocks.0", "blocks.0.norm", "blocks.0.proj", "blocks.1", "blocks.1.norm", "blocks.1.proj"],
      "heads.main",
      "byName.a.b",
    ]);
    expect(net.parameterCount()).toBe(6 + 4 + 4 + 3 + 1 + 1);
    expect(net.blocks[1]?.proj.weight.name).toBe("blocks.1.proj.weight");
  });

  test("shared parameters are listed once in parameters(), under both names in stateDict()", () => {
    class Tied extends Module {
      readonly embed = new Linear(2, 3, { bias: false });
      readonly head = new Linear(2, 3, { bias: false });
      readonly again = this.embed;
      constructor() {
        super();
        this.head.weight = this.embed.weight;
      }
    }
    const tied = new Tied();
    expect([...tied.parameters().keys()]).toEqual(["embed.weight"]);
    expect([...tied.stateDict().keys()]).toEqual(["embed.weight", "head.weight", "again.weight"]);
    expect(tied.embed.weight.name).toBe("embed.weight");
    expect(tied.parameterCount()).toBe(6);
  });

  test("walking a submodule does not shorten names", () => {
    const net = new Net();
    const block = net.blocks[0] as Block;
    block.parameters();
    expect(block.proj.weight.name).toBe("proj.weight");
    net.parameters();
    block.parameters();
    expect(block.proj.weight.name).toBe("blocks.0.proj.weight");
    expect(() => block.proj.forward(zeros([1, 3]))).toThrow(
      "blocks.0.proj: expected 2 features on the last axis, got [1, 3]",
    );
    expect(() => new Conv2d(3, 8, 3).forward(zeros([1, 4, 8, 8]))).toThrow(
      "Conv2d: expected [N, 3, ...] with 4 axes, got [1, 4, 8, 8]",
    );
  });

  test("modules hidden in an object that is not walked are an error with its path", () => {
    class Hidden {
      readonly inner = { layers: [new Linear(1, 1)] };
    }
    for (const container of [new Set([new Linear(1, 1)]), new Hidden()]) {
      class Outer extends Module {
        readonly parts = [{ container }];
      }
      expect(() => new Outer().parameters()).toThrow(
        `parts.0.container: a ${container.constructor.name} contains modules or variables`,
      );
    }
    class Harmless extends Module {
      readonly words = new Set(["a"]);
      readonly when = new Date(0);
      readonly numbers = new Float32Array(3);
      readonly #teacher = new Linear(1, 1);
      get teacher() {
        return this.#teacher;
      }
    }
    expect(new Harmless().parameterCount()).toBe(0);
  });

  test("a module that contains itself is an error", () => {
    class Loop extends Module {
      readonly next: Module[] = [];
    }
    const loop = new Loop();
    loop.next.push(loop);
    expect(() => loop.parameters()).toThrow("next.0: the module contains itself");
  });

  test("summary", () => {
    expect(new Sequential(new Linear(2, 3), new Dropout(0.1)).summary()).toBe(
      "(root)  Sequential\n0       Linear      weight [3, 2], bias [3]\n1       Dropout\n9 parameters, 9 trainable",
    );
  });
});

describe("training and freezing", () => {
  test("a compiled function is retraced when the mode changes", async () => {
    const drop = new Dropout(0.5);
    manualSeed(1);
    const run = compile((x: Tensor) => drop.forward(x));
    const count = async () =>
      ((await run(zeros([100]).add(1)).tolist()) as number[]).filter((v) => v === 0).length;
    expect(await count()).toBeGreaterThan(20);
    drop.eval();
    expect(await count()).toBe(0);
    drop.train();
    expect(await count()).toBeGreaterThan(20);
  });

  test("a layer that no switch reaches warns once", async () => {
    class Hidden extends Module {
      readonly #drop = new Dropout(0.5);
      readonly seen = new Dropout(0.5);
      forward(x: Tensor): Tensor {
        return this.#drop.forward(this.seen.forward(x));
      }
    }
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const net = new Hidden();
    net.forward(tensor([1]));
    expect(warn).not.toHaveBeenCalled();
    net.eval();
    net.forward(tensor([1]));
    net.forward(tensor([1]));
    new Hidden().forward(tensor([1])); // created after the switch: no warning
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/a Dropout depends on the training mode.*#private/)],
    ]);
    warn.mockRestore();
  });

  test("parameters that the loss uses but no module holds warn once", () => {
    class Hidden extends Module {
      readonly #first = new Linear(3, 2);
      readonly other: Linear;
      readonly head = new Linear(2, 1);
      constructor(other: Linear) {
        super();
        this.other = other;
      }
      loss(): Tensor {
        return this.head.forward(this.#first.forward(this.other.forward(ones([4, 3])))).mean();
      }
    }
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const net = new Hidden(new Linear(3, 3));
    for (let i = 0; i < 2; i++)
      expect([...valueAndGrad(net, () => net.loss()).grads.keys()]).toEqual([
        "other.weight",
        "other.bias",
        "head.weight",
        "head.bias",
      ]);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/are not trained: \[2, 3\], \[2\]\. .*#private fields.* freeze\(\)/)],
    ]);
    // They belong to another network, trained separately or not at all: no warning.
    net.other.freeze();
    valueAndGrad(net.head, () => net.head.forward(net.other.forward(ones([4, 3])).narrow(1, 0, 2)).mean());
    const still = new Linear(3, 2).freeze();
    valueAndGrad(net.head, () => net.head.forward(still.forward(ones([4, 3]))).mean());
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  test("switching the mode reaches all submodules", () => {
    const net = new Net().eval();
    expect([...net.namedModules().values()].map((module) => module.training)).toEqual(
      new Array(9).fill(false),
    );
  });

  test("freezing by name, regular expression and function", () => {
    const net = new Net();
    const frozen = () => [...net.parameters()].filter(([, p]) => !p.trainable).map(([path]) => path);
    net.freeze("blocks.0");
    expect(frozen()).toEqual(["blocks.0.proj.weight"]);
    net.freeze(/bias$/);
    expect(frozen()).toEqual(["blocks.0.proj.weight", "heads.main.bias"]);
    net.freeze((_, { rank }) => rank === 2);
    expect([...net.trainable().keys()]).toEqual(["pairs.0.0"]);
    expect(net.parameterCount({ trainable: true })).toBe(1);
    expect(net.unfreeze().trainable().size).toBe(7);
    expect(() => net.freeze("block")).toThrow("freeze: no parameter matches block");
  });

  test("frozen parameters have no gradient", async () => {
    const line = new Sequential(new Linear(1, 1), new Linear(1, 1));
    line.freeze("0");
    const { grads } = valueAndGrad(line, () => line.forward(tensor([[2]])).sum());
    expect([...grads.keys()]).toEqual(["1.weight", "1.bias"]);
    expect(await grads.get("1.bias")?.tolist()).toEqual([1]);
  });
});

describe("loading and saving", () => {
  const small = () => new Sequential(new Linear(2, 3), new BatchNorm1d(3));
  const state = (module: Module) => new Map<string, Tensor>(module.stateDict());
  const read = async (tensors: ReadonlyMap<string, Variable>) =>
    Object.fromEntries(
      await Promise.all([...tensors].map(async ([key, v]) => [key, await v.tolist()] as const)),
    );

  test("round trip through a file in memory, including half precision", async () => {
    const [from, to] = [small(), small()];
    from.stateDict().get("1.num_batches_tracked")?.assign(BigInt64Array.of(7n));
    from
      .stateDict()
      .get("0.weight")
      ?.assign(Float32Array.of(1, 2, 3, 4, 0.5, -0.25));
    from
      .stateDict()
      .get("0.bias")
      ?.assign(Float32Array.of(1, 2, 3));
    for (const floats of ["F32", "BF16", "F16"] as const) {
      const report = await to.load(await encodeSafetensors(snapshot(from.stateDict()), { floats }));
      expect(report.summary).toBe("");
      const weight = to.stateDict().get("0.weight");
      expect(weight?.dtype).toBe("float32");
      // Converted while reading: there is nothing left to compute.
      expect(weight?.peekValue().stored).toBeDefined();
      expect(await read(to.stateDict())).toEqual(await read(from.stateDict()));
    }
  });

  test("every mismatch is listed and nothing is changed", async () => {
    const [from, to] = [state(small()), small()];
    const before = await read(to.stateDict());
    from.delete("0.bias");
    from.set("0.weight", tensor([[9, 9]]));
    from.set("2.weight", tensor([9]));
    from.set("1.weight", tensor([9, 9, 9]));
    await expect(to.load(from)).rejects.toThrow(
      "cannot load the map of tensors: 1 missing (0.bias); 1 unexpected (2.weight); 1 misshapen (0.weight: expected [3, 2], got [1, 2])",
    );
    expect(await read(to.stateDict())).toEqual(before);
    const report = await to.load(from, { strict: false });
    expect(report.missing).toEqual(["0.bias"]);
    expect(await to.stateDict().get("1.weight")?.tolist()).toEqual([9, 9, 9]);
    expect(await to.stateDict().get("0.weight")?.tolist()).toEqual(before["0.weight"]);
  });

  test("keys can be renamed and prefixes stripped", async () => {
    const renamed = new Map(
      [...state(small())].map(([key, t]) => [`module.${key.replace("1.", "norm.")}`, t]),
    );
    const to = small();
    await to.load(renamed, { rename: (key) => key.replace(/^module\./, "").replace("norm.", "1.") });
    expect(await to.stateDict().get("0.weight")?.tolist()).toEqual(
      await renamed.get("module.0.weight")?.tolist(),
    );
    const from = state(small());
    await to.load(await encodeSafetensors(snapshot(from, "m.")), { stripPrefix: "m." });
    // The same for tensors in memory and for an open checkpoint.
    await to.load(new Map([...from].map(([key, tensor]) => [`m.${key}`, tensor])), { stripPrefix: "m." });
    await using opened = await openCheckpoint(await encodeSafetensors(snapshot(from, "m.")));
    await to.load(opened, { stripPrefix: "m." });
    expect(await to.stateDict().get("0.weight")?.tolist()).toEqual(await from.get("0.weight")?.tolist());
  });

  test("batch norm counters and the second names of tied parameters may be missing", async () => {
    class Tied extends Module {
      readonly a = new Linear(2, 2, { bias: false });
      readonly b = this.a;
      readonly norm = new BatchNorm1d(1);
    }
    for (const name of ["a", "b"]) {
      const from = state(new Tied());
      from.delete(`${name}.weight`);
      from.delete("norm.num_batches_tracked");
      const to = new Tied();
      await to.load(from);
      expect(await to.a.weight.tolist()).toEqual(
        await from.get(name === "a" ? "b.weight" : "a.weight")?.tolist(),
      );
    }
    const none = state(new Tied());
    none.delete("a.weight");
    none.delete("b.weight");
    await expect(new Tied().load(none)).rejects.toThrow("2 missing (a.weight, b.weight)");
  });

  test("an open checkpoint stays open", async () => {
    const module = small();
    await using checkpoint = await openCheckpoint(await encodeSafetensors(snapshot(module.stateDict())));
    await module.load(checkpoint);
    await module.load(checkpoint);
  });

  test("a model that loads a checkpoint never draws its initial values", async () => {
    const bytes = await encodeSafetensors(snapshot(small().stateDict()));
    const to = small();
    const weight = to.stateDict().get("0.weight") as Variable;
    const drawn = weight.peekValue();
    expect(drawn.node).toBeDefined();
    await to.load(bytes);
    await weight.data();
    expect(drawn.stored).toBeUndefined();
  });
});
