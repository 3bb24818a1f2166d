/** A task's networks by our names and by those of other libraries. */
import { unknownName } from "@tessera-ml/hub/names";
import type { Module } from "@tessera-ml/nn";
import { type Naming, same } from "./naming.ts";

/** How one source publishes a network. */
export interface Published<M extends Module = Module, O extends object = object> extends Naming {
  /** Its name there. */
  readonly name: string;
  /** Other names there for the same network, trained differently. */
  readonly also?: readonly string[];
  /** Set if the published network differs from ours in more than names. */
  create?(options?: O): M;
}

export interface Network<M extends Module = Module, O extends object = object> {
  readonly name: string;
  readonly family: string;
  readonly year: number;
  readonly paper: string;
  /** Usual shape of one input without the batch axis, if there is one: [C, H, W]. */
  readonly input?: readonly number[];
  /** Number of classes of its head, if it has one. `create` takes a different number if a file has one. */
  readonly classes?: number;
  /** Builds the network with freshly initialized parameters. */
  create(options?: O): M;
  /**
   * By source (`torchvision`, `timm`, …): its name there, and the file's key for each of our paths. A source with a
   * suffix (`timm-legacy`) is another file format of that source.
   */
  readonly sources: Readonly<Record<string, Published<M, O>>>;
  /** Keys needed only for training: they may be missing from the file or left over. */
  readonly trainingOnly?: RegExp;
}

/** A network found by one of its names. */
export interface Found<N extends Network> {
  readonly network: N;
  readonly create: N["create"];
  readonly naming: Naming;
}

/** A registry of networks. */
export class Networks<N extends Network = Network> {
  readonly #networks = new Map<string, N>();

  constructor(networks: Iterable<N> = []) {
    for (const network of networks) this.add(network);
  }

  /** @throws Error if the name is taken */
  add(network: N): void {
    if (this.#networks.has(network.name)) throw new Error(`network ${network.name} is registered twice`);
    this.#networks.set(network.name, network);
  }

  /** All networks, oldest first. */
  list(): N[] {
    return [...this.#networks.values()].sort((a, b) => a.year - b.year);
  }

  has(name: string): boolean {
    return this.#networks.has(name);
  }

  /**
   * Looks a network up by our name or a source's (`torchvision/vit_b_16`).
   *
   * @throws HubError `unknown-name` with the closest names
   */
  find(name: string): Found<N> {
    const own = this.#networks.get(name);
    if (own) return { network: own, create: own.create, naming: { keyOf: same } };
    const slash = name.indexOf("/");
    const [source, rest] = slash < 0 ? [name] : [name.slice(0, slash), name.slice(slash + 1)];
    for (const matches of [(key: string) => key === source, (key: string) => key.startsWith(`${source}-`)])
      for (const network of this.#networks.values())
        for (const [key, published] of Object.entries(network.sources))
          if (
            matches(key) &&
            rest !== undefined &&
            (published.name === rest || published.also?.includes(rest))
          )
            return { network, create: published.create ?? network.create, naming: published };
    const names = [...this.#networks.values()].flatMap((network) => [
      network.name,
      ...Object.entries(network.sources).map(([key, published]) => `${key}/${published.name}`),
    ]);
    throw unknownName("network", name, names, "tessera models");
  }

  /**
   * Finds the network of a record. Sources without their own names use ours.
   *
   * @throws HubError `unknown-name` with the closest names
   */
  ofRecord({ source, network }: { readonly source: string; readonly network: string }): Found<N> {
    const named = [...this.#networks.values()].some(({ sources }) => source in sources);
    return this.find(named ? `${source}/${network}` : network);
  }
}
