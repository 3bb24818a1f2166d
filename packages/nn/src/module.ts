/** The tree of parameters: classes with plain fields, whose paths are the keys of checkpoints. */
import { guard, Tensor, type Variable } from "@tessera-ml/tensor";
import { stripPrefix } from "./files/checkpoint.ts";
import {
  type Checkpoint,
  type CheckpointInput,
  type KeyReport,
  type MatchKeysOptions,
  matchKeys,
  type OpenCheckpointOptions,
  openCheckpoint,
  type WriteSafetensorsOptions,
  writeSafetensors,
} from "./files/index.ts";
import { inMemory, snapshot } from "./state.ts";
import { matches, type Pattern, walk } from "./tree.ts";

export interface LoadOptions extends MatchKeysOptions, OpenCheckpointOptions {}

/** How often some module was switched to training or to inference. */
let switches = 0;

/**
 * A part of a network. Its state is in plain fields: variables, other modules, and arrays, records and
 * maps of them. The path to a field (`blocks.3.attn.qkv.weight`) is its name in checkpoints and in
 * messages, so fields that hold parameters are spelled as the checkpoints of the field spell them.
 *
 * A subclass has a `forward` with whatever arguments suit it. JavaScript hides private `#fields` from the
 * walk: whatever has parameters, or depends on the training mode as dropout does, goes into a public field.
 * (A layer that depends on the mode and was not reached by a switch warns when it is used.)
 */
export class Module {
  #training = true;
  #path = "";
  /** Whether a walk has found this module. */
  #found = false;
  readonly #born = switches;

  /** Whether layers that behave differently in training (dropout, batch norm) do so. Starts as true. */
  get training(): boolean {
    if (!this.#found && switches > this.#born) {
      this.#found = true; // it is told once
      console.warn(
        `tessera: a ${this.constructor.name} asks whether it trains, but no train() or eval() has reached it. ` +
          "Modules in #private fields and in closures are not found: keep it in a public field, or switch it itself.",
      );
    }
    return guard(() => this.#training);
  }
  /** Switches this module and all below it to training. */
  train(training = true): this {
    switches++;
    for (const module of this.namedModules().values()) module.#training = training;
    return this;
  }
  /** Switches this module and all below it to inference. */
  eval(): this {
    return this.train(false);
  }

  /** All parameters by path, trained or frozen; one that is reached by two paths has the first. */
  parameters(): Map<string, Variable> {
    return this.#distinct((variable) => !variable.isBuffer);
  }
  /** Running statistics, counters and other state that is not trained, by path. */
  buffers(): Map<string, Variable> {
    return this.#distinct((variable) => variable.isBuffer);
  }
  /** The parameters that are trained: those not frozen. What `valueAndGrad` and optimizers take. */
  trainable(): Map<string, Variable> {
    const parameters = this.parameters();
    for (const [path, variable] of parameters) if (!guard(() => variable.trainable)) parameters.delete(path);
    return parameters;
  }
  /** This module (under the empty path) and all below it. */
  namedModules(): Map<string, Module> {
    const named = new Map<string, Module>();
    const seen = new Set<Module>();
    for (const [path, module] of this.#walk().modules) {
      if (!seen.has(module)) named.set(path, module);
      seen.add(module);
    }
    return named;
  }
  /** How many numbers the parameters have. */
  parameterCount(options: { trainable?: boolean } = {}): number {
    const counted = options.trainable ? this.trainable() : this.parameters();
    return counted.values().reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Takes parameters out of training: all, or those of `pattern` (`"encoder"` means it and all below it).
   *
   * @throws where the pattern means no parameter
   */
  freeze(pattern?: Pattern): this {
    return this.#setTrainable(false, pattern);
  }
  /** Puts parameters back into training. */
  unfreeze(pattern?: Pattern): this {
    return this.#setTrainable(true, pattern);
  }

  /** What checkpoints keep: parameters and persistent buffers, under each of their paths. */
  stateDict(): Map<string, Variable> {
    return new Map(this.#walk().variables.filter(([, variable]) => variable.persistent));
  }
  /**
   * Takes the values of a checkpoint (opened, or by path, URL or bytes) or of a map of tensors.
   * Half-precision values become the type of the parameter.
   *
   * @throws CheckpointError naming every key that is missing, unexpected or of another shape, unless
   *   `strict` is false; nothing has changed then
   */
  async load(
    source: Checkpoint | CheckpointInput | ReadonlyMap<string, Tensor>,
    options: LoadOptions = {},
  ): Promise<KeyReport> {
    const given = source instanceof Map ? inMemory(source as ReadonlyMap<string, Tensor>) : source;
    if (isCheckpoint(given)) {
      const { stripPrefix: prefix } = options;
      return await this.#load(prefix === undefined ? given : stripPrefix(given, prefix), options);
    }
    await using checkpoint = await openCheckpoint(given as CheckpointInput, options);
    return await this.#load(checkpoint, options);
  }
  /** Writes the state to a `.safetensors` file, atomically. Training may go on meanwhile. */
  async save(path: string, options: WriteSafetensorsOptions = {}): Promise<void> {
    await writeSafetensors(path, snapshot(this.stateDict()), options);
  }

  /** A table of the modules with their own parameters, for people. */
  summary(): string {
    const rows = [...this.namedModules()].map(([path, module]) => {
      const own = [...module.parameters()].filter(([name]) => !name.includes("."));
      const shapes = own.map(([name, { shape }]) => `${name} [${shape.join(", ")}]`).join(", ");
      return [path || "(root)", module.constructor.name, shapes] as const;
    });
    const widths = [0, 1].map((i) => Math.max(...rows.map((row) => (row[i] as string).length)));
    const lines = rows.map(([path, name, shapes]) =>
      `${path.padEnd(widths[0] as number)}  ${name.padEnd(widths[1] as number)}  ${shapes}`.trimEnd(),
    );
    const [all, trained] = [this.parameterCount(), this.parameterCount({ trainable: true })];
    return [...lines, `${all.toLocaleString("en")} parameters, ${trained.toLocaleString("en")} trained`].join(
      "\n",
    );
  }

  /** Throws an error that begins with the path of this module, or its class where no path is known yet. */
  protected fail(message: string): never {
    throw new Error(`${this.#path || this.constructor.name}: ${message}`);
  }

  #walk() {
    const found = walk(this, (value) => #path in value);
    // Names grow with the tree they are walked from: a walk of a part must not cut them off again.
    const longer = (path: string, name: string | undefined) => !name || path.endsWith(`.${name}`);
    for (const [path, module] of found.modules) {
      module.#found = true;
      if (longer(path, module.#path)) module.#path = path;
    }
    for (const [path, variable] of found.variables) if (longer(path, variable.name)) variable.name = path;
    return found;
  }
  #distinct(wanted: (variable: Variable) => boolean): Map<string, Variable> {
    const named = new Map<string, Variable>();
    const seen = new Set<Variable>();
    for (const [path, variable] of this.#walk().variables) {
      if (wanted(variable) && !seen.has(variable)) named.set(path, variable);
      seen.add(variable);
    }
    return named;
  }
  #setTrainable(trainable: boolean, pattern: Pattern = () => true): this {
    const chosen = [...this.parameters()].filter(([path, variable]) => matches(pattern, path, variable));
    if (chosen.length === 0)
      throw new Error(`${trainable ? "unfreeze" : "freeze"}: no parameter matches ${String(pattern)}`);
    for (const [, variable] of chosen) variable.trainable = trainable;
    return this;
  }

  async #load(checkpoint: Checkpoint, options: LoadOptions): Promise<KeyReport> {
    const state = this.stateDict();
    const { optional = () => false } = options;
    // A tied parameter may be in the file under one of its names only.
    const given = new Set<Variable>();
    for (const key of checkpoint.names()) {
      const variable = state.get(options.rename ? (options.rename(key) ?? "") : key);
      if (variable) given.add(variable);
    }
    const spare = (name: string): boolean => {
      const variable = state.get(name);
      return variable !== undefined && given.has(variable);
    };
    const report = matchKeys(new Map([...state].map(([name, { shape }]) => [name, shape])), checkpoint, {
      ...options,
      optional: (name) => name.endsWith("num_batches_tracked") || optional(name) || spare(name),
    });
    const loaded = new Map<Variable, Tensor>();
    for (const [name, stored] of report.matched) {
      const variable = state.get(name) as Variable;
      if (loaded.has(variable)) continue;
      const half = { float16: variable.dtype === "float16" ? "float16" : "float32" } as const;
      const data = await stored.read(half);
      loaded.set(variable, Tensor.fromArray(data, stored.shape, stored.hostDType(half)));
    }
    for (const [variable, tensor] of loaded) variable.assign(tensor);
    return report;
  }
}

function isCheckpoint(source: object | string): source is Checkpoint {
  return typeof source === "object" && "names" in source && "get" in source;
}
