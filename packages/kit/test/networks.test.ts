import { CheckpointError, encodeSafetensors, type Module, openCheckpoint } from "@tessera-ml/nn";
import { describe, expect, it } from "vitest";
import { exactFits, fitNetworks, loadNetwork, Networks } from "../src/index.ts";
import { Block, block, line, toys } from "./support/toys.ts";

interface Part {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** A network's parameters, each number different, as parts under our own names. */
function partsOf(module: Module): Part[] {
  let next = 1;
  return [...module.stateDict()].map(([name, { shape, size }]) => ({
    name,
    shape,
    data: Float32Array.from({ length: size }, () => next++),
  }));
}

/** The same as the laboratory publishes it: q, k and v apart, the head as a convolution. */
function asPublished(parts: readonly Part[]): Part[] {
  return parts.flatMap(({ name, shape, data }) => {
    const [start, kind] = name.split(".") as [string, string];
    if (start === "head")
      return [{ name: `fc.${kind}`, data, shape: kind === "weight" ? [...shape, 1, 1] : shape }];
    if (start !== "qkv") return [{ name, shape, data }];
    const third = data.length / 3;
    return ["q", "k", "v"].map((part, i) => ({
      name: `attention.${part}.${kind}`,
      shape: [shape[0]! / 3, ...shape.slice(1)],
      data: data.slice(i * third, (i + 1) * third),
    }));
  });
}

const bytesOf = async (parts: readonly Part[]) =>
  await encodeSafetensors(parts.map((part) => ({ ...part, dtype: "float32" as const })));

async function values(module: Module): Promise<Record<string, number[]>> {
  const entries = [...module.stateDict()].map(async ([name, variable]) => [
    name,
    Array.from((await variable.data()) as Float32Array),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

const expected = (parts: readonly Part[]) =>
  Object.fromEntries(parts.map(({ name, data }) => [name, [...data]]));

describe("Networks", () => {
  it("lists the oldest first, and refuses a name twice", () => {
    const networks = toys();
    expect(networks.list().map(({ name }) => name)).toEqual(["line", "block_small"]);
    expect(networks.has("line")).toBe(true);
    expect(networks.has("hub/block-s")).toBe(false);
    expect(() => networks.add(line)).toThrow("network line is registered twice");
    expect(() => new Networks([line, line])).toThrow("line");
  });

  it("finds a network by our name, by a source's names and by those of a source's second kind of file", () => {
    const networks = toys();
    for (const name of ["block_small", "hub/block-s", "hub/block-s-long", "lab/small", "lab-old/oldest"])
      expect(networks.find(name).network.name, name).toBe("block_small");
    expect(networks.find("lab/oldest").naming).toBe(block.sources["lab-old"]);
    expect(networks.find("block_small").naming.keyOf("head.weight")).toBe("head.weight");
    expect(networks.find("lab/small").naming.keyOf("head.weight")).toBe("fc.weight");
    expect((networks.find("lab-old/oldest").create() as Block).aux).toBeDefined();
    expect((networks.find("lab/small").create() as Block).aux).toBeUndefined();
  });

  it.each(["blok_small", "hub/block", "lab/block_small", "nobody/small", "hub"])(
    "does not know %s",
    (name) => {
      const find = () => toys().find(name);
      expect(find).toThrow(`no network is called "${name}".`);
      expect(find).toThrow(expect.objectContaining({ code: "unknown-name" }));
    },
  );

  it("says which names are like a wrong one", () => {
    expect(() => toys().find("blok_small")).toThrow("Did you mean block_small");
    expect(() => toys().find("hub/blok-s")).toThrow("Did you mean hub/block-s");
  });

  it("finds the network of a record: under its source's names, or ours if the source has none", () => {
    const networks = toys();
    const find = (source: string, network: string) => networks.ofRecord({ source, network }).network.name;
    expect(find("lab", "small")).toBe("block_small");
    expect(find("tessera", "line")).toBe("line");
    expect(() => find("lab", "line")).toThrow('no network is called "lab/line"');
  });
});

describe("loadNetwork", () => {
  it("loads a file under our own names", async () => {
    const parts = partsOf(new Block());
    const { module, source, report } = await loadNetwork(toys(), "block_small", await bytesOf(parts));
    expect(source).toBe("own");
    expect(report).toMatchObject({ missing: [], unexpected: [] });
    expect(await values(module)).toEqual(expected(parts));
  });

  it("joins parts and restores shapes of a source", async () => {
    const parts = partsOf(new Block());
    const file = await bytesOf(asPublished(parts));
    for (const name of ["block_small", "lab/small"]) {
      const { module, source } = await loadNetwork(toys(), name, file);
      expect(source).toBe("lab");
      expect(await values(module)).toEqual(expected(parts));
    }
  });

  it("reads what a wrapper has put before every key", async () => {
    const parts = partsOf(new Block());
    const wrapped = asPublished(parts).map((part) => ({ ...part, name: `module.${part.name}` }));
    const { module, source } = await loadNetwork(toys(), "block_small", await bytesOf(wrapped));
    expect(source).toBe("lab");
    expect(await values(module)).toEqual(expected(parts));
  });

  it("leaves training heads in the file, and takes them where the network has them", async () => {
    const parts = partsOf(new Block({ auxiliary: true }));
    const file = await bytesOf(parts);
    const without = await loadNetwork(toys(), "block_small", file);
    expect(Object.keys(await values(without.module))).not.toContain("aux.weight");
    const withHead = await loadNetwork(toys(), "block_small", file, { create: { auxiliary: true } });
    expect(await values(withHead.module)).toEqual(expected(parts));
  });

  it("builds the network with as many classes as the file's head has", async () => {
    const parts = partsOf(new Block({ classes: 5 }));
    const { module } = await loadNetwork(toys(), "block_small", await bytesOf(asPublished(parts)));
    expect(await values(module)).toEqual(expected(parts));
  });

  it("builds what a source publishes where that differs from ours", async () => {
    const parts = partsOf(new Block({ auxiliary: true }));
    const old = parts.map((part) => ({ ...part, name: part.name.replace(".", "_v1.") }));
    const { module, source } = await loadNetwork(toys(), "block_small", await bytesOf(old));
    expect(source).toBe("lab-old");
    expect(await values(module)).toEqual(expected(parts));
  });

  it("loads into an existing network", async () => {
    const module = new Block();
    const parts = partsOf(module);
    const loaded = await loadNetwork(toys(), "block_small", await bytesOf(parts), { module });
    expect(loaded.module).toBe(module);
    expect(await values(module)).toEqual(expected(parts));
  });

  it("says what is missing, left over and of the wrong shape", async () => {
    const parts = asPublished(partsOf(new Block()));
    const [q, ...rest] = parts;
    const gone = await bytesOf(rest);
    await expect(loadNetwork(toys(), "block_small", gone)).rejects.toThrow(CheckpointError);
    await expect(loadNetwork(toys(), "block_small", gone)).rejects.toThrow("qkv.");
    const wrong = [{ ...q!, shape: [1, q!.data.length] }, ...rest];
    await expect(loadNetwork(toys(), "block_small", await bytesOf(wrong))).rejects.toThrow(CheckpointError);
    const more = [...parts, { name: "extra", shape: [1], data: Float32Array.of(1) }];
    await expect(loadNetwork(toys(), "block_small", await bytesOf(more))).rejects.toThrow("extra");
  });

  it("fails for an unknown name before the file is opened", async () => {
    await expect(loadNetwork(toys(), "blok", new Uint8Array())).rejects.toMatchObject({
      code: "unknown-name",
    });
  });
});

describe("fitNetworks", () => {
  const fits = async (parts: readonly Part[]) => {
    await using checkpoint = await openCheckpoint(await bytesOf(parts));
    return fitNetworks(toys(), checkpoint);
  };

  it("names the network, and the source whose names the file has", async () => {
    const parts = partsOf(new Block());
    expect(await fits(parts)).toMatchObject([
      { network: "block_small", source: "own", exact: true, matched: 4, missing: 0, unexpected: 0 },
    ]);
    expect(await fits(asPublished(parts))).toMatchObject([
      { network: "block_small", source: "lab", exact: true, matched: 4 },
    ]);
  });

  it("ignores heads that only training needs", async () => {
    expect(await fits(partsOf(new Block({ auxiliary: true })))).toMatchObject([
      { source: "own", exact: true },
    ]);
  });

  it("counts what is missing and left over, and gives no network that has less than half", async () => {
    const parts = partsOf(new Block());
    const near = [...parts.slice(1), { name: "extra", shape: [1], data: Float32Array.of(1) }];
    expect(await fits(near)).toMatchObject([
      { network: "block_small", exact: false, matched: 3, missing: 1, unexpected: 1 },
    ]);
    expect(await fits(parts.slice(3))).toEqual([]);
  });

  it("gives every network that fits equally well: the file does not tell them apart", async () => {
    const networks = new Networks([line, block, { ...block, name: "block_twin" }]);
    const exact = async (parts: readonly Part[]) => {
      await using checkpoint = await openCheckpoint(await bytesOf(parts));
      return exactFits(fitNetworks(networks, checkpoint)).map(({ network }) => network);
    };
    expect(await exact(partsOf(new Block()))).toEqual(["block_small", "block_twin"]);
    expect(await exact(partsOf(line.create()))).toEqual(["line"]);
    expect(await exact(partsOf(new Block()).slice(1))).toEqual([]);
  });
});
