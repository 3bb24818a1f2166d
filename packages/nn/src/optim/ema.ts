import { buffer, fromArray, Tensor, type Variable } from "@tessera-ml/tensor";
import { type Checkpoint, matchKeys } from "../files/index.ts";
import type { Module } from "../module.ts";
import { inMemory } from "../state.ts";

/**
 * A running mean of the state of a module, often better than its last values (Polyak & Juditsky 1992).
 * Make it when the module has its first values; `update` after every step of the optimizer, in the same
 * compiled function.
 *
 * Means are float32 also of float16 variables, whose steps would swallow small updates.
 */
export class EMA {
  readonly decay: number;
  readonly warmUp: boolean;
  /** How many updates were made, int32. */
  readonly updates: Variable = buffer(fromArray(new Int32Array(1), []));
  readonly #live: ReadonlyMap<string, Variable>;
  readonly #means: ReadonlyMap<string, Variable>;
  /** While the means are in the module: its own values, where a mean of another type cannot hold them. */
  readonly #own = new Map<string, Tensor>();
  #swapped = false;

  /**
   * @param options `decay` is the share that is kept at each update, 0.9999 by default. With `warmUp`, the
   *   default, it grows as (1 + t) / (10 + t) up to that, so that the first values are soon forgotten.
   */
  constructor(module: Module, options: { decay?: number; warmUp?: boolean } = {}) {
    this.decay = options.decay ?? 0.9999;
    this.warmUp = options.warmUp ?? true;
    this.#live = new Map([...module.parameters(), ...module.buffers()].filter(([, v]) => v.persistent));
    this.#means = new Map([...this.#live].map(([path, v]) => [path, buffer(wide(new Tensor(v.value)))]));
  }

  /** Moves the means toward the values that the module has now; counters are copied. */
  update(): void {
    if (this.#swapped) throw new Error("EMA: updated while the means are in the module");
    const count = this.updates.add(1);
    const t = count.astype("float32");
    const share = this.warmUp ? t.add(1).div(t.add(10)).minimum(this.decay).rsub(1) : 1 - this.decay;
    for (const [path, mean] of this.#means) {
      const live = this.#live.get(path) as Variable;
      mean.assign(mean.dtype === "float32" ? mean.add(live.sub(mean).mul(share)) : live);
    }
    this.updates.assign(count);
  }

  /** Puts the means into the module, and its own values here; the second call puts them back. */
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
  /** Runs `fn` with the means in the module, for evaluation or saving. */
  async during<T>(fn: () => T | Promise<T>): Promise<T> {
    this.swap();
    try {
      return await fn();
    } finally {
      this.swap();
    }
  }

  /** The means under the paths of the module, and the number of updates. */
  stateDict(): Map<string, Variable> {
    return new Map([["updates", this.updates], ...this.#means]);
  }
  /** @throws CheckpointError naming every key that is missing, unexpected or of another shape */
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

/** float16 as float32, all else as it is. */
function wide(x: Tensor): Tensor {
  return x.dtype === "float16" ? x.astype("float32") : x;
}
