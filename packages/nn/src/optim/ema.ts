import { buffer, fromArray, Tensor, type Variable } from "@tessera-ml/tensor";
import { type Checkpoint, matchKeys } from "../files/index.ts";
import type { Module } from "../module.ts";
import { inMemory } from "../state.ts";

/**
 * An exponential moving average of the state of a module, which often performs better than its latest values
 * (Polyak & Juditsky 1992). Create it once the module is initialized; call `update` after every step of the
 * optimizer, in the same compiled function.
 *
 * The means of float16 variables are float32, because float16 would lose small updates.
 */
export class EMA {
  readonly decay: number;
  readonly warmUp: boolean;
  /** Number of updates so far, int32. */
  readonly updates: Variable = buffer(fromArray(new Int32Array(1), []));
  readonly #live: ReadonlyMap<string, Variable>;
  readonly #means: ReadonlyMap<string, Variable>;
  /** While swapped: the module's own values whose dtype differs from that of their mean. */
  readonly #own = new Map<string, Tensor>();
  #swapped = false;

  /**
   * @param options `decay` is the share kept at each update, 0.9999 by default. With `warmUp`, the default,
   *   it grows as (1 + t) / (10 + t) up to `decay`, so that the initial values are quickly forgotten.
   */
  constructor(module: Module, options: { decay?: number; warmUp?: boolean } = {}) {
    this.decay = options.decay ?? 0.9999;
    this.warmUp = options.warmUp ?? true;
    this.#live = new Map([...module.parameters(), ...module.buffers()].filter(([, v]) => v.persistent));
    this.#means = new Map([...this.#live].map(([path, v]) => [path, buffer(wide(new Tensor(v.value)))]));
  }

  /** Moves the means towards the current values of the module; counters are copied. */
  update(): void {
    if (this.#swapped) throw new Error("EMA: cannot update while the means are swapped into the module");
    const count = this.updates.add(1);
    const t = count.astype("float32");
    const share = this.warmUp ? t.add(1).div(t.add(10)).minimum(this.decay).rsub(1) : 1 - this.decay;
    for (const [path, mean] of this.#means) {
      const live = this.#live.get(path) as Variable;
      mean.assign(mean.dtype === "float32" ? mean.add(live.sub(mean).mul(share)) : live);
    }
    this.updates.assign(count);
  }

  /** Exchanges the means with the values of the module; a second call swaps them back. */
  swap(): void {
    for (const [path, mean] of this.#means) {
      const live = this.#live.get(path) as Variable;
      const held = new Tensor(live.value);
      if (mean.dtype === live.dtype) {
        live.assign(new Tensor(mean.value));
        mean.assign(held);
      } else if (this.#swapped) live.assign(this.#own.get(path) as Tensor);
      else {
        this.#own.set(path, held);
        live.assign(new Tensor(mean.value));
      }
    }
    if (this.#swapped) this.#own.clear();
    this.#swapped = !this.#swapped;
  }
  /** Runs `fn` with the means swapped into the module, for evaluation or saving. */
  async during<T>(fn: () => T | Promise<T>): Promise<T> {
    this.swap();
    try {
      return await fn();
    } finally {
      this.swap();
    }
  }

  /** The means, by their paths in the module, and the number of updates. */
  stateDict(): Map<string, Variable> {
    return new Map([["updates", this.updates], ...this.#means]);
  }
  /** @throws CheckpointError listing every key that is missing, unexpected or of the wrong shape */
  async load(source: Checkpoint | ReadonlyMap<string, Tensor>): Promise<void> {
    const checkpoint = source instanceof Map ? inMemory(source) : (source as Checkpoint);
    const state = this.stateDict();
    const { matched } = matchKeys(new Map([...state].map(([name, { shape }]) => [name, shape])), checkpoint);
    const loaded = new Map<Variable, Tensor>();
    for (const [name, stored] of matched)
      loaded.set(state.get(name) as Variable, fromArray(await stored.read(), stored.shape));
    for (const [variable, tensor] of loaded) variable.assign(tensor);
  }
}

/** Converts float16 to float32. */
function wide(x: Tensor): Tensor {
  return x.dtype === "float16" ? x.astype("float32") : x;
}
