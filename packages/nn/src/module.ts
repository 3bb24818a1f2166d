/** Modules: classes with plain fields, whose paths are the keys of checkpoints. */
import { guard, Tensor, type TypedArray, type Variable } from "@tessera-ml/tensor";
import { stripPrefix } from "./files/checkpoint.ts";
import {
  type Checkpoint,
  CheckpointError,
  type CheckpointInput,
  type KeyReport,
  type MatchKeysOptions,
  matchKeys,
  type OpenCheckpointOptions,
  openCheckpoint,
  type StoredTensor,
  type WriteSafetensorsOptions,
  writeSafetensors,
} from "./files/index.ts";
import { inMemory, snapshot } from "./state.ts";
import { matches, type Pattern, walk } from "./tree.ts";

export interface LoadOptions extends MatchKeysOptions, OpenCheckpointOptions {
  /** Refuse parameters that are NaN or infinite. */
  readonly finite?: boolean;
}

/** How many times any module has been switched to training or inference. */
let switches = 0;

/**
 * A part of a network. Its state is in plain fields: variables, other modules, and arrays, records and
 * maps of them. The path to a field (`blocks.3.attn.qkv.weight`) is its name in checkpoints and in
 * messages, so fields that hold parameters are named as in published checkpoints.
 *
 * A subclass defines a `forward` with whatever arguments it needs. Private `#fields` cannot be enumerated,
 * so anything that has parameters or depends on the training mode, such as dropout, must be in a public field.
 * (A layer that depends on the mode warns if a switch did not reach it.)
 */
export class Module {
  #training = true;
  #path = "";
  /** Whether a walk has found this module, or the warning has been given. */
  #found = false;
  readonly #born = switches;

  /** Whether mode-dependent layers (dropout, batch norm) run in training mode. Initially true. */
  get training(): boolean {
    if (!this.#found && switches > this.#born) {
      this.#found = true; // warn once
      console.warn(
        `tessera: a ${this.constructor.name} depends on the training mode, but no train() or eval() has reached it. ` +
          "Modules in #private fields and closures are not found: use a public field, or switch the module directly.",
      );
    }
    return guard(() => this.#training);
  }
  /** Switches this module and all its submodules to training. */
  train(training = true): this {
    switches++;
    for (const module of this.namedModules().values()) module.#training = training;
    return this;
  }
  /** Switches this module and all its submodules to inference. */
  eval(): this {
    return this.train(false);
  }

  /** All parameters by path, including frozen ones; a shared parameter is listed under its first path. */
  parameters(): Map<string, Variable> {
    return this.#distinct((variable) => !variable.isBuffer);
  }
  /** Running statistics, counters and other untrained state, by path. */
  buffers(): Map<string, Variable> {
    return this.#distinct((variable) => variable.isBuffer);
  }
  /** The parameters that are not frozen: those `valueAndGrad` differentiates. */
  trainable(): Map<string, Variable> {
    const parameters = this.parameters();
    for (const [path, variable] of parameters) if (!guard(() => variable.trainable)) parameters.delete(path);
    return parameters;
  }
  /** This module (under the empty path) and all its submodules. */
  namedModules(): Map<string, Module> {
    const named = new Map<string, Module>();
    const seen = new Set<Module>();
    for (const [path, module] of this.#walk().modules) {
      if (!seen.has(module)) named.set(path, module);
      seen.add(module);
    }
    return named;
  }
  /** Total number of elements of the parameters. */
  parameterCount(options: { trainable?: boolean } = {}): number {
    const counted = options.trainable ? this.trainable() : this.parameters();
    return counted.values().reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Excludes parameters from training: all, or those matching `pattern` (`"encoder"` matches it and everything
   * below it).
   *
   * @throws if the pattern matches no parameter
   */
  freeze(pattern?: Pattern): this {
    return this.#setTrainable(false, pattern);
  }
  /** Includes parameters in training again. */
  unfreeze(pattern?: Pattern): this {
    return this.#setTrainable(true, pattern);
  }

  /** What checkpoints store: parameters and persistent buffers, under each of their paths. */
  stateDict(): Map<string, Variable> {
    return new Map(this.#walk().variables.filter(([, variable]) => variable.persistent));
  }
  /**
   * Loads the values of a checkpoint (open, or given as a path, URL or bytes) or of a map of tensors.
   * Half-precision values are converted to the dtype of the parameter.
   *
   * @throws CheckpointError listing every key that is missing, unexpected or of the wrong shape, unless
   *   `strict` is false; the module is unchanged then
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
    const checkpoint = await openCheckpoint(given as CheckpointInput, options);
    try {
      return await this.#load(checkpoint, options);
    } finally {
      await checkpoint.close();
    }
  }
  /** Writes the current state to a `.safetensors` file, atomically. Training may continue meanwhile. */
  async save(path: string, options: WriteSafetensorsOptions = {}): Promise<void> {
    await writeSafetensors(path, snapshot(this.stateDict()), options);
  }

  /** A human-readable table of the modules and their own parameters. */
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
    return [
      ...lines,
      `${all.toLocaleString("en")} parameters, ${trained.toLocaleString("en")} trainable`,
    ].join("\n");
  }

  /** Throws an error that starts with the path of this module, or with its class if it has no path yet. */
  protected fail(message: string): never {
    throw new Error(`${this.#path || this.constructor.name}: ${message}`);
  }

  #walk() {
    const found = walk(this, (value) => #path in value);
    // Keep the longest path: walking a submodule must not shorten the names given by walking its parent.
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
    // A tied parameter may be stored under only one of its names.
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
      if (options.finite) checkFinite(checkpoint.name, stored, data);
      loaded.set(variable, Tensor.fromArray(data, stored.shape, stored.hostDType(half)));
    }
    for (const [variable, tensor] of loaded) variable.assign(tensor);
    return report;
  }
}

function checkFinite(file: string, { name, shape }: StoredTensor, data: TypedArray): void {
  if (data instanceof BigInt64Array) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new CheckpointError(
      `cannot load ${file}: ${name} [${shape.join(", ")}]: expected finite numbers, element ${at} is ${data[at]}`,
    );
}

function isCheckpoint(source: object | string): source is Checkpoint {
  return typeof source === "object" && "names" in source && "get" in source;
}
