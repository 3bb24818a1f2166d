/** The base of all optimizers: parameter groups, learning rates, state, and its checkpoint. */
import { buffer, fromArray, type Gradients, guard, type Tensor, type Variable } from "@tessera-ml/tensor";
import { CheckpointError } from "../files/error.ts";
import type { Checkpoint } from "../files/index.ts";
import type { Module } from "../module.ts";
import { inMemory } from "../state.ts";
import { matches, type Pattern } from "../tree.ts";
import type { Schedule } from "./schedules.ts";

export interface CommonOptions {
  /** A number, or a function of the number of updates so far. */
  readonly lr: number | Schedule;
  /** Multiplies the learning rate, for layers that should learn more slowly. Default 1. */
  readonly lrScale?: number;
}

/** Options for a subset of the parameters. */
export type Group<O> = { readonly match: Pattern } & Partial<Omit<O, "groups">>;
export interface Grouped<O> {
  /**
   * Different options for the parameters that match. If several groups match, later ones override earlier
   * ones: `[{ match: (_, p) => p.rank < 2, weightDecay: 0 }, { match: "backbone", lrScale: 0.1 }]`.
   */
  readonly groups?: readonly Group<O>[];
}

/** The options of a set of parameters, and their own learning rate if they have one. */
interface Resolved<O> {
  readonly options: O;
  readonly lr: number | Schedule | undefined;
}

/** A number, or a tensor if it is known only when the step runs. */
export type Scalar = number | Tensor;

/**
 * Updates parameters from their gradients. `update` is part of the graph that computes the gradients: parameters
 * and state are variables, which are inputs and outputs of a compiled step.
 *
 * `O` are the options of one parameter, `S` the scalars computed once per step for all parameters with the same
 * options.
 */
export abstract class Optimizer<O extends CommonOptions, S> {
  /** The names of the per-parameter state, which has the shape of the parameter. */
  protected abstract readonly slots: readonly string[];
  /** Number of updates so far, int32. */
  readonly updates: Variable = buffer(fromArray(new Int32Array(1), []));
  readonly #parameters: ReadonlyMap<string, Variable>;
  readonly #options: ReadonlyMap<string, Resolved<O>>;
  readonly #state = new Map<string, Variable>();
  #lr: number | Schedule;

  constructor(target: Module | ReadonlyMap<string, Variable>, { groups = [], ...options }: O & Grouped<O>) {
    this.#parameters = "parameters" in target ? target.parameters() : target;
    this.#lr = options.lr;
    const resolved = new Map<string, Resolved<O>>();
    const known = new Map<string, Resolved<O>>();
    for (const [path, variable] of this.#parameters) {
      const fitting = groups.filter(({ match }) => matches(match, path, variable));
      const key = fitting.map((group) => groups.indexOf(group)).join();
      let entry = known.get(key);
      if (!entry) {
        const own: Partial<O> = Object.assign({}, ...fitting.map(({ match: _, ...group }) => group));
        entry = { options: { ...(options as unknown as O), ...own }, lr: own.lr };
        known.set(key, entry);
      }
      resolved.set(path, entry);
    }
    this.#options = resolved;
    for (const { match } of groups)
      if (![...this.#parameters].some(([path, variable]) => matches(match, path, variable)))
        throw new Error(`${this.constructor.name}: no parameter matches the group ${String(match)}`);
  }

  /** The learning rate of parameters without a learning rate of their own. Setting it recompiles the step. */
  get lr(): number | Schedule {
    return guard(() => this.#lr);
  }
  set lr(lr: number | Schedule) {
    this.#lr = lr;
  }

  /** The learning rate of the next update, for logs. */
  get learningRate(): Scalar {
    return rateAt(this.lr, this.updates);
  }

  /**
   * Updates the parameters from their gradients. In eager code the new values are computed when they
   * are read; in a compiled function they are outputs of its graph.
   *
   * @throws if a gradient belongs to none of the parameters
   */
  update(grads: Gradients): void {
    const shared = new Map<Resolved<O>, S>();
    const count = this.updates.add(1);
    for (const [path, gradient] of grads) {
      const [variable, resolved] = [this.#parameters.get(path), this.#options.get(path)];
      if (!variable || !resolved)
        throw new Error(
          `${this.constructor.name}: got a gradient for ${path}, which is not one of its ${this.#parameters.size} parameters`,
        );
      const { options } = resolved;
      let scalars = shared.get(resolved);
      if (scalars === undefined) {
        const lr = rateAt(resolved.lr ?? this.lr, this.updates);
        const { lrScale = 1 } = options;
        const scaled = typeof lr === "number" ? lr * lrScale : lrScale === 1 ? lr : lr.mul(lrScale);
        scalars = this.prepare(options, scaled, count.astype("float32"));
        shared.set(resolved, scalars);
      }
      variable.assign(this.step(path, variable, gradient, options, scalars));
    }
    this.updates.assign(count);
  }

  /** Computes the shared scalars of a step. `count` is the number of this update, starting at 1. */
  protected abstract prepare(options: O, lr: Scalar, count: Tensor): S;
  /** Returns the new value of a parameter and assigns its new state. */
  protected abstract step(path: string, parameter: Variable, gradient: Tensor, options: O, shared: S): Tensor;

  /** The state `slot` of a parameter, initially zeros. */
  protected state(slot: string, path: string): Variable {
    const key = `${slot}.${path}`;
    let state = this.#state.get(key);
    if (!state) {
      const parameter = this.#parameters.get(path) as Variable;
      state = buffer(fromArray(new Float32Array(parameter.size), parameter.shape));
      state.name = key;
      this.#state.set(key, state);
    }
    return state;
  }

  /** The number of updates, and the state of every parameter updated so far. */
  stateDict(): Map<string, Variable> {
    return new Map([["updates", this.updates], ...this.#state]);
  }
  /**
   * Loads the state from a checkpoint, so that training continues as if it had never stopped.
   *
   * @throws CheckpointError if a key or shape does not fit this optimizer or model; nothing is changed then
   */
  async load(source: Checkpoint | ReadonlyMap<string, Tensor>): Promise<void> {
    const checkpoint = source instanceof Map ? inMemory(source) : (source as Checkpoint);
    const loaded = new Map<Variable, Tensor>();
    for (const key of checkpoint.names()) {
      const [slot, path] = [key.slice(0, key.indexOf(".")), key.slice(key.indexOf(".") + 1)];
      const parameter = this.#parameters.get(path);
      const name = this.constructor.name;
      if (key !== "updates" && (!this.slots.includes(slot) || !parameter))
        throw new CheckpointError(
          `cannot load ${checkpoint.name}: ${key} is not part of the state of ${name} for this model`,
        );
      const stored = checkpoint.get(key);
      const variable = key === "updates" ? this.updates : this.state(slot, path);
      if (stored.shape.join() !== variable.shape.join())
        throw new CheckpointError(
          `cannot load ${checkpoint.name}: ${key}: expected [${variable.shape.join(", ")}], got [${stored.shape.join(", ")}]`,
        );
      loaded.set(variable, fromArray(await stored.read(), stored.shape));
    }
    if (!loaded.has(this.updates))
      throw new CheckpointError(`cannot load ${checkpoint.name}: the number of updates is missing`);
    for (const [variable, tensor] of loaded) variable.assign(tensor);
  }
}

function rateAt(lr: number | Schedule, updates: Variable): Scalar {
  return typeof lr === "number" ? lr : lr(updates.astype("float32"));
}
